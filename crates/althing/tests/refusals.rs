//! What a node of a cluster refuses to start with: it ends at once, with a sentence that says what to do, and keeps
//! secrets to itself. Real processes, and a real engine.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Output, Stdio};

use journal::testing::NatsServer;
use journal::{Nats, NatsConfig, Registry as _};
use support::{check_fails, command};

const SECRET: &str = "hunter2";

#[tokio::test]
async fn an_engine_that_refuses_the_login() {
    let server = NatsServer::alone(&["--user", "althing", "--pass", "right"]).await;
    let said = ["refuses the login", "user, password or token", "cluster \"althing\""];
    let (user, password) = (("ALTHING_JOURNAL_USER", "althing"), ("ALTHING_JOURNAL_PASSWORD", SECRET));
    for (role, id) in [("router", "router-1: "), ("shard", "shard-1: "), ("bridge", "bridge-1: ")] {
        check(&start(role, &server.url(), &[user, password]), &[&said[..], &[id]].concat());
    }
    check(&start("shard", &server.url(), &[]), &said);
    check(&start("shard", &server.url(), &[("ALTHING_JOURNAL_TOKEN", SECRET)]), &said);
    let within = server.url().replace("nats://", &format!("nats://althing:{SECRET}@"));
    check(&start("shard", &within, &[]), &said);
}

#[tokio::test]
async fn a_supervisor_whose_engine_refuses_the_login() {
    let server = NatsServer::alone(&["--auth", "right"]).await;
    let data = tempfile::tempdir().unwrap();
    let mut up = command(&["up", "--shards", "2", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    up.args(["--media-port", "0", "--journal", &server.url(), "--data"]).arg(data.path());
    let output = up.env("ALTHING_JOURNAL_TOKEN", SECRET).output().unwrap();
    check(&output, &["did not start", "refuses the login"]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains(SECRET));
}

#[tokio::test]
async fn an_engine_without_jetstream() {
    let server = NatsServer::plain().await;
    check(&start("shard", &server.url(), &[]), &["shard-1: ", "JetStream is off", "-js"]);
}

#[tokio::test]
async fn an_engine_that_nobody_is() {
    let output = start("shard", "nats://127.0.0.1:1", &[("ALTHING_JOURNAL_WAIT", "300ms")]);
    check(&output, &["the engine is not ready; it is tried again", "shard-1: ", "nats://127.0.0.1:1"]);
}

#[tokio::test]
async fn two_clusters_of_one_name_on_one_engine() {
    let server = NatsServer::alone(&[]).await;
    let first = Node::start(&server.url(), &[("XMPP_DOMAIN", "a.example")]);
    let said = ["shard-1: ", "the cluster althing", "belongs to a.example, not to b.example", "another name"];
    check(&start("shard", &server.url(), &[("XMPP_DOMAIN", "b.example")]), &said);
    // with a name of its own it may be there
    let other = [("XMPP_DOMAIN", "b.example"), ("ALTHING_CLUSTER_NAME", "b")];
    let second = Node::start(&server.url(), &other);
    drop((first, second));
}

#[tokio::test]
async fn two_nodes_of_one_name_in_one_cluster() {
    let server = NatsServer::alone(&[]).await;
    let mut first = Node::start(&server.url(), &[]);
    let nats = Nats::connect(&NatsConfig::new(&server.url(), "althing", "meet.internal")).await.unwrap();
    nats.nodes().wait_for(|nodes| nodes.contains_key("shard-1")).await.unwrap();
    let pid = format!("pid {}", first.0.id());
    let said = ["shard-1: ", "node of this name already", &pid, "cluster.name"];
    check(&start("shard", &server.url(), &[]), &said);
    // its own former life is nobody else
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    drop(Node::start(&server.url(), &[]));
}

fn start(role: &str, engine: &str, more: &[(&str, &str)]) -> Output {
    node(role, engine, more).output().unwrap()
}

fn node(role: &str, engine: &str, more: &[(&str, &str)]) -> std::process::Command {
    let mut node = command(&[role, "--journal", engine]);
    for key in ["HTTP", "ADMIN", "SHARD_HTTP", "SHARD_ADMIN", "BRIDGE_HTTP", "BRIDGE_ADMIN", "XMPP_LISTEN"] {
        node.env(format!("ALTHING_{key}"), "127.0.0.1:0");
    }
    node.env("JVB_AUTH_PASSWORD", "0123").env("DEPLOYMENTINFO_SHARD", "main").envs(more.iter().copied());
    node
}

/// It ended with code 1 and said so, and nothing secret.
fn check(output: &Output, parts: &[&str]) {
    check_fails(output, parts);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains(SECRET), "{said}");
}

/// A shard that is up, killed when it is dropped.
struct Node(Child);

impl Node {
    fn start(engine: &str, more: &[(&str, &str)]) -> Self {
        let mut child =
            node("shard", engine, more).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("shard-1 "), "it did not come up: {line:?}");
        Self(child)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
