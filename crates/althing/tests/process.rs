//! The binary as an operator meets it: real processes on ports that the kernel chooses.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{althing, check_fails, command, get, path, printed, say};

#[test]
fn a_meeting_can_begin_where_the_welcome_says() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    assert!(get(&server.web, "/standup").starts_with("HTTP/1.1 200"));
    assert!(get(&server.web, "/config.js").contains(&format!("ws://{}/xmpp-websocket", server.web)));

    let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let answer = say(
        &server.web,
        &format!(
            "GET /xmpp-websocket?room=standup HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n{upgrade}\r\n"
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.to_lowercase().contains("sec-websocket-protocol: xmpp"), "{answer}");

    assert!(ask_for_focus(&server.web).contains("\"ready\":true"));
}

#[test]
fn the_operator_asks_and_is_answered() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    server.wait_until_ready();
    let ctl = |question: &[&str]| althing(&[&["ctl", "--admin", server.admin.as_str()], question].concat());

    let nodes = printed(&ctl(&["nodes"]));
    for id in ["bridge-1", "router-1", "shard-1"] {
        assert!(nodes.lines().any(|line| line.starts_with(id) && line.contains("ready")), "{nodes}");
    }
    ask_for_focus(&server.web);
    assert!(printed(&ctl(&["meetings"])).contains("standup"));
    assert!(printed(&ctl(&["meeting", "standup"])).contains("NICK"));
    assert!(printed(&ctl(&["meeting", "standup", "--json"])).starts_with("{\"room\":\"standup\""));
    check_fails(&ctl(&["meeting", "nowhere"]), &["no meeting in room \"nowhere\""]);
    assert!(get(&server.admin, "/metrics").contains("router_connections"));
}

#[test]
fn it_ends_when_it_is_told_to() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(server.child.wait().unwrap().success());
    assert!(TcpStream::connect(&server.web).is_err());
}

#[test]
fn killed_and_started_again_it_has_its_meetings_and_its_address() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    server.wait_until_ready();
    ask_for_focus(&server.web);
    let web = server.web.clone();
    server.child.kill().unwrap();
    server.child.wait().unwrap();

    let again = Server::start_with(data.path(), &["--http", &web]);
    assert_eq!(again.web, web);
    again.wait_until_ready();
    let meetings = printed(&althing(&["ctl", "--admin", &again.admin, "meetings"]));
    assert!(meetings.contains("standup"), "{meetings}");
}

#[test]
fn what_keeps_it_from_starting_is_told() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (same, other) = (path(data.path()), path(&data.path().join("other")));
    let up = |data: &str, http: &str, admin: &str| {
        althing(&["up", "--media-port", "0", "--data", data, "--http", http, "--admin", admin])
    };
    let free = "127.0.0.1:0";
    check_fails(&up(&same, free, free), &["in use by another process", "--data"]);
    check_fails(&up(&other, &server.web, free), &[&server.web, "--http"]);
    check_fails(&up(&other, free, &server.admin), &[&server.admin, "--admin"]);
    check_fails(&up(&other, "8000", free), &["http:", "127.0.0.1:8000", "--http"]);
    check_fails(&althing(&["up", "--shards", "0"]), &["--shards 0", "between 1 and"]);
    check_fails(&althing(&["up", "--config", "/nowhere.toml"]), &["/nowhere.toml"]);
}

#[test]
fn one_process_has_nobody_to_hand_anything_to() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let ctl = |question: &[&str]| althing(&[&["ctl", "--admin", server.admin.as_str()], question].concat());
    check_fails(&ctl(&["drain", "shard-1"]), &["one process"]);
    check_fails(&ctl(&["drain", "shard-9"]), &["no node \"shard-9\""]);
    assert!(printed(&ctl(&["drain", "shard-1", "--dry-run"])).starts_with("0 meetings"));
    assert_eq!(printed(&ctl(&["meetings", "--aside"])), "PUT ASIDE\n");
}

#[test]
fn a_node_of_a_cluster_says_what_it_lacks() {
    for role in ["router", "shard", "bridge"] {
        check_fails(&althing(&[role]), &[role, "needs journal.url"]);
        let engine = ["--journal", "nats://127.0.0.1:1"];
        check_fails(&althing(&[&[role], &engine[..]].concat()), &["needs bridge.password"]);
    }
    let mut shard = command(&["shard", "--journal", "nats://127.0.0.1:1"]);
    let shard = shard.env("JVB_AUTH_PASSWORD", "0123").env("DEPLOYMENTINFO_SHARD", "main");
    check_fails(&shard.output().unwrap(), &["cluster \"althing\"", "nats://127.0.0.1:1"]);
}

#[test]
fn without_a_server_the_operator_is_told_where_it_was_looked_for() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    check_fails(&althing(&["ctl", "--admin", &nobody, "nodes"]), &[&nobody, "--admin"]);
}

#[test]
fn the_reference_configuration_is_one_that_works() {
    let text = printed(&althing(&["config"]));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("althing.toml");
    std::fs::write(&file, text).unwrap();
    let answer = althing(&["ctl", "--config", &path(&file), "--admin", "127.0.0.1:1", "nodes"]);
    check_fails(&answer, &["no server at 127.0.0.1:1"]);
}

/// A server on free ports, killed when it is dropped.
struct Server {
    child: Child,
    web: String,
    admin: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        Self::start_with(data, &["--http", "127.0.0.1:0"])
    }

    /// Reads the welcome: it is complete when everything listens.
    fn start_with(data: &Path, flags: &[&str]) -> Self {
        let data = path(data);
        let free =
            ["up", "--admin", "127.0.0.1:0", "--media-port", "0", "--data", &data, "--log-level", "warn"];
        let mut child = command(&[&free, flags].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().expect("a welcome");
        let web = first.split("http://").nth(1).unwrap().to_owned();
        let admin = lines.find(|line| line.trim_start().starts_with("admin")).unwrap();
        let admin = admin.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
        // The rest is read too, so that the pipe never breaks.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, web, admin }
    }

    fn wait_until_ready(&self) {
        let tries = (0..400).any(|_| {
            let is_ready = get(&self.admin, "/readyz").starts_with("HTTP/1.1 200");
            if !is_ready {
                std::thread::sleep(Duration::from_millis(50));
            }
            is_ready
        });
        assert!(tries, "it is not ready: {}", get(&self.admin, "/readyz"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask_for_focus(web: &str) -> String {
    let body = r#"{"room":"standup@conference.meet.internal","machineUid":"x","properties":{}}"#;
    let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let request = format!(
        "POST /conference-request/v1?room=standup HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n{body}"
    );
    say(web, &request)
}
