//! `althing router` in front of stock shards, as an operator meets it.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{althing, check_fails, command, get, printed};

#[test]
fn a_bad_list_of_shards_is_refused_with_a_sentence() {
    let router = |flags: &[&str]| althing(&[&["router"], flags].concat());
    check_fails(&router(&["--shard", "http://10.0.0.1"]), &["stock.shards", "has no name", "a=http://"]);
    check_fails(&router(&["--shard", "a=http://x,a=http://y"]), &["two shards with the name \"a\""]);
    check_fails(&router(&["--shards-dns", "_http._tcp.x:80"]), &["stock.dns", "without a port"]);
    check_fails(
        &router(&["--shard", "a=http://x", "--journal", "nats://127.0.0.1:4222", "--admin", "0.0.0.0:1"]),
        &["admin", "own address"],
    );
    let up = command(&["up"]).env("ALTHING_STOCK_SHARDS", "a=http://x").output().unwrap();
    check_fails(&up, &["althing router"]);
}

#[test]
fn the_operator_sees_shards_and_drains_one() {
    let (a, b) = (web(), web());
    let router = Router::start(&[&format!("--shard=a=http://{a}"), &format!("--backup-shard=b=http://{b}")]);
    let node = |id: &str| {
        let nodes: Vec<Value> = serde_json::from_str(&router.ctl(&["nodes", "--json"])).unwrap();
        nodes.into_iter().find(|node| node["id"] == id).unwrap()
    };
    until("both are ready", || ["a", "b"].iter().all(|id| node(id)["state"] == "ready"));
    assert!(get(&router.admin, "/readyz").starts_with("HTTP/1.1 200"));
    assert_eq!((&node("a")["role"], &node("b")["role"]), (&"stock shard".into(), &"stock backup".into()));
    assert_eq!(node("a")["address"], a.to_string());
    assert_eq!(node("router-1")["role"], "router");

    assert!(get(&router.http, "/_unlock?room=Standup").contains("from the shard"));
    let meetings = router.ctl(&["meetings"]);
    assert!(meetings.lines().any(|line| line.starts_with("standup ") && line.contains(" a ")), "{meetings}");
    check_fails(&router.ask(&["move", "standup"]), &["stock shards hand nothing over"]);
    check_fails(&router.ask(&["drain", "nobody"]), &["no node \"nobody\""]);

    assert_eq!(router.ctl(&["drain", "b"]), "b is empty: it may be stopped\n");
    assert_eq!(node("b")["state"], "draining");
    assert!(router.ctl(&["drain", "a", "--dry-run"]).starts_with("1 meetings would stay"));
    assert_eq!(router.ctl(&["undrain", "b"]), "b gets new rooms again\n");
    assert_eq!(node("b")["state"], "ready");
    let counted = "router_shard_up{shard=\"a\"} 1";
    until("it is counted", || get(&router.admin, "/metrics").contains(counted));
}

/// Looks again and again: nobody tells when a check has come back.
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not within a minute: {what}");
}

/// The web server of a shard: whatever is asked, it answers the same.
fn web() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            // heads of requests without a body come in one piece over loopback
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\nfrom the shard",
            );
        }
    });
    address
}

struct Router {
    child: Child,
    http: String,
    admin: String,
}

impl Router {
    fn start(flags: &[&str]) -> Self {
        let fixed = ["router", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--end-with-input"];
        let mut command = command(&[&fixed[..], flags].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (http, admin) = line
            .trim()
            .split_once(", at ")
            .and_then(|(_, rest)| rest.split_once(", for operators http://"))
            .unwrap_or_else(|| panic!("{line:?}"));
        Self { child, http: http.to_owned(), admin: admin.to_owned() }
    }

    fn ask(&self, question: &[&str]) -> std::process::Output {
        althing(&[&["ctl", "--admin", self.admin.as_str()], question].concat())
    }

    fn ctl(&self, question: &[&str]) -> String {
        printed(&self.ask(question))
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
