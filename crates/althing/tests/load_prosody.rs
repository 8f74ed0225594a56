//! A load against a server that is not ours: Debian's Prosody, with a room service, WebSockets and BOSH.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use support::{althing, check_fails, path, printed};

#[test]
fn a_storm_of_joins_gets_in_and_everybody_hears_everybody() {
    let prosody = Prosody::start("");
    let (json, html) = (prosody.data.path().join("load.json"), prosody.data.path().join("load.html"));
    let pid = format!("prosody={}", prosody.child.id());
    let size =
        ["--profile", "joinstorm", "--rooms", "4", "--participants", "5", "--duration", "6s", "--chat", "1"];
    let files = ["--json", &path(&json), "--html", &path(&html), "--watch", &pid];
    let bounds = ["--fail-if", "joined<20", "--fail-if", "chat.said<20", "--fail-if", "join.p95>30s"];
    let table = printed(&prosody.load(&[&size[..], &files, &bounds].concat()));
    assert!(table.starts_with("joined   20 of 20 page loads of 20 participants\n"), "{table}");
    assert!(table.contains("server   prosody: CPU "), "{table}");
    assert!(table.contains("reloads>0") && !table.contains("FAILS\n"), "{table}");

    let json: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let series = json["series"].as_array().unwrap();
    assert_eq!(series.iter().map(|sample| sample["joins"].as_u64().unwrap()).sum::<u64>(), 20);
    assert!(series.iter().any(|sample| sample["present"] == 20), "{series:?}");
    assert!(json["servers"][0]["cpu_seconds"].as_f64().unwrap() > 0.0, "{json}");
    let page = std::fs::read_to_string(html).unwrap();
    for part in ["People in their rooms", "Chat delay", "Server: memory", ">passes<"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("<script") && !page.contains("http-equiv") && !page.contains("<link"),
        "it needs nothing"
    );
}

#[test]
fn a_figure_that_crosses_its_bound_is_a_failure() {
    let prosody = Prosody::start("");
    let size = ["--rooms", "1", "--participants", "2", "--duration", "1s", "--fail-if", "join.p50>0ms"];
    check_fails(&prosody.load(&size), &["the run fails: join.p50>0ms (it is "]);
}

/// Its "anonymous" gives each login another name, so that a stream cannot be taken up. Jitsi's own remembers.
#[test]
fn streams_that_cannot_be_taken_up_are_reloads_with_a_reason() {
    let prosody = Prosody::start("");
    let cut = ["--participants", "2", "--cut-at", "5s", "--duration", "12s", "--fail-if", "reloads>0"];
    let output = prosody.load(&cut);
    check_fails(&output, &["the run fails: reloads>0 (it is 2.000)"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("reload   2: the server does not know the stream any more: item-not-found\n"),
        "{table}"
    );
    assert!(table.contains("jitsi-anonymous"), "{table}");
}

#[test]
fn a_server_without_stream_management_costs_reloads() {
    let prosody = Prosody::start("modules_disabled = { \"smacks\" }");
    let cut = ["--participants", "2", "--cut-at", "5s", "--duration", "7s", "--fail-if", "reloads>0"];
    let output = prosody.load(&cut);
    check_fails(&output, &["the run fails: reloads>0"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("reload   2: the connection is cut by the load itself, in the room\n"), "{table}");
    assert!(table.contains("         try: "), "{table}");
}

#[test]
fn a_host_without_guests_says_what_to_change() {
    let prosody = Prosody::start("authentication = \"internal_hashed\"");
    check_fails(
        &prosody.load(&["--duration", "1s"]),
        &["nobody got in: no stream", "--domain must be a host that lets guests in"],
    );
}

#[test]
fn a_room_service_that_is_none_is_told_as_such() {
    let prosody = Prosody::start("");
    check_fails(
        &prosody.load(&["--duration", "1s", "--muc", "rooms.localhost"]),
        &["nobody got in: ", "--muc"],
    );
}

#[test]
fn over_bosh_everybody_gets_in_hears_everybody_and_goes() {
    let prosody = Prosody::start("");
    let size =
        ["--rooms", "3", "--participants", "4", "--join-rate", "20", "--duration", "8s", "--chat", "1"];
    let bounds = ["--transport", "bosh", "--fail-if", "joined<12", "--fail-if", "chat.said<12"];
    let none = ["--fail-if", "reloads>0", "--fail-if", "chat.lost>0", "--fail-if", "chat.doubled>0"];
    let table = printed(&prosody.load(&[&size[..], &bounds, &none].concat()));
    assert!(table.starts_with("joined   12 of 12 page loads of 12 participants\n"), "{table}");
    let (made, ended) = ("New BOSH session", "BOSH client disconnected: session close");
    let (mut sessions, mut goodbyes) = (0, 0);
    while goodbyes < 12 {
        let line = prosody.lines.recv_timeout(Duration::from_secs(10)).expect("twelve goodbyes");
        sessions += usize::from(line.contains(made));
        goodbyes += usize::from(line.contains(ended));
    }
    assert_eq!(sessions, 12);
}

/// Requests are repeated on other connections, and nobody reloads.
#[test]
fn a_bosh_session_outlives_its_connections() {
    let prosody = Prosody::start("");
    let cut =
        ["--participants", "3", "--cut-at", "3s", "--duration", "8s", "--chat", "2", "--transport", "bosh"];
    let bounds = ["--fail-if", "reloads>0", "--fail-if", "chat.lost>0", "--fail-if", "joined<3"];
    printed(&prosody.load(&[&cut[..], &bounds].concat()));
}

#[test]
fn where_there_is_no_bosh_it_is_said() {
    let prosody = Prosody::start("");
    let nothing = format!("{}/nothing", prosody.url);
    let output = prosody.load(&["--duration", "1s", "--bosh", &nothing]);
    check_fails(&output, &["nobody got in: the connection is answered with HTTP status 404", "--bosh"]);
}

/// With guests, rooms, WebSockets and BOSH on a free port; ended when it is dropped.
struct Prosody {
    child: Child,
    url: String,
    /// what it says after its start
    lines: Receiver<String>,
    data: tempfile::TempDir,
}

impl Prosody {
    /// `of_host`: what its host has beside that.
    fn start(of_host: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = data.path().join("prosody.cfg.lua");
        std::fs::write(&file, configuration(&path(data.path()), port, of_host)).unwrap();
        let mut command = Command::new("prosody");
        let command =
            command.args(["--config", &path(&file), "-F"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Prosody is installed: cargo xtask test does it");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let (mut said, mut served) = (String::new(), 0);
        let ready = lines.find(|line| {
            said.push_str(line);
            said.push('\n');
            served += usize::from(line.contains("Serving '") && line.contains("localhost:http"));
            served == 2
        });
        assert!(ready.is_some(), "{said}");
        // whoever writes must be read
        let (heard, said) = channel();
        std::thread::spawn(move || lines.for_each(|line| drop(heard.send(line))));
        Self { child, url: format!("http://127.0.0.1:{port}"), lines: said, data }
    }

    fn load(&self, flags: &[&str]) -> std::process::Output {
        let here = ["load", "--url", &self.url, "--domain", "localhost", "--focus", "none"];
        althing(&[&here[..], flags].concat())
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(data: &str, port: u16, of_host: &str) -> String {
    format!(
        r#"
run_as_root = true
pidfile = "{data}/prosody.pid"
data_path = "{data}"
storage = "memory"
log = {{ info = "*console" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{}}
c2s_direct_tls_ports = {{}}
s2s_ports = {{}}
https_ports = {{}}
http_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {port} }}
http_default_host = "localhost"
modules_enabled = {{ "bosh", "disco", "ping", "saslauth", "smacks", "websocket" }}
c2s_require_encryption = false
consider_websocket_secure = true
consider_bosh_secure = true

VirtualHost "localhost"
  authentication = "anonymous"
  {of_host}

Component "conference.localhost" "muc"
  muc_room_locking = false
"#
    )
}
