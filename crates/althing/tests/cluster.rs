//! A cluster on one machine as an operator meets it: real processes on ports that the kernel chooses, and a real engine.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod guests;
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use guests::{Chat, ROOM};
use serde_json::{Value, json};
use support::{althing, check_fails, command, get, path, printed};

#[test]
fn a_shard_that_is_killed_is_seen_down_and_comes_back() {
    let data = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(data.path(), &[]);
    let nodes = cluster.nodes();
    let states: Vec<_> =
        nodes.iter().map(|(id, node)| (id.as_str(), node["state"].as_str().unwrap())).collect();
    let ready = ["bridge-1", "router-1", "shard-1", "shard-2"].map(|id| (id, "ready"));
    assert_eq!(states, ready);
    let mut pids: Vec<u64> = nodes.values().map(|node| node["pid"].as_u64().unwrap()).collect();
    pids.extend([u64::from(cluster.child.id()), cluster.pid("nats")]);
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 6, "each is a process of its own");

    let pid = nodes["shard-2"]["pid"].as_u64().unwrap();
    signal("-KILL", pid);
    let told = cluster.line("shard-2 (pid");
    assert!(told.contains(&format!("pid {pid}")) && told.contains("signal 9"), "{told}");
    assert_eq!(cluster.nodes()["shard-2"]["state"], "down");
    cluster.line("shard-2 is ready again");
    cluster.wait_for("shard-2 with another pid", |nodes| {
        nodes["shard-2"]["state"] == "ready" && nodes["shard-2"]["pid"] != pid
    });

    let pids: Vec<u64> = cluster.nodes().values().map(|node| node["pid"].as_u64().unwrap()).collect();
    signal("-TERM", cluster.child.id().into());
    assert!(cluster.child.wait().unwrap().success());
    let left: Vec<u64> = pids.into_iter().chain([cluster.pid("nats")]).filter(|&pid| is_alive(pid)).collect();
    assert_eq!(left, Vec::<u64>::new());
}

/// Whoever is killed, or stands still and wakes up later: no guest's socket ends, and every line arrives once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_die_and_freeze_under_a_chat() {
    const LINES: usize = 60;
    let data = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(data.path(), &["--no-restart", "--shards", "3"]);
    let router = cluster.http();
    let chat = Chat::begin(router, 4, LINES).await;
    chat.at(LINES / 3).await;
    let frozen = cluster.owner(ROOM);
    signal("-STOP", frozen.1);
    chat.at(LINES / 2).await;
    let heir = cluster.owner(ROOM);
    assert_ne!(heir, frozen);
    signal("-CONT", frozen.1);
    chat.at(LINES * 2 / 3).await;
    signal("-KILL", heir.1);
    chat.check().await;
}

#[test]
fn the_operator_asks_any_router_about_all() {
    let data = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(data.path(), &["--routers", "2"]);
    let admin = cluster.rows["router-2"][3].trim_start_matches("http://").to_owned();
    let ctl = |question: &[&str]| althing(&[&["ctl", "--admin", admin.as_str()], question].concat());
    let nodes = printed(&ctl(&["nodes"]));
    assert!(nodes.lines().any(|line| line.starts_with("router-1") && line.contains("ready")), "{nodes}");
    assert!(printed(&ctl(&["meetings"])).starts_with("ROOM"));
    assert_eq!(printed(&ctl(&["meetings", "--aside"])), "PUT ASIDE\n");
    check_fails(&ctl(&["meeting", "nowhere"]), &["no meeting in room \"nowhere\""]);
    check_fails(&ctl(&["drain", "shard-9"]), &["no node \"shard-9\""]);
}

#[test]
fn a_node_that_is_drained_says_so_and_is_empty() {
    let data = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(data.path(), &["--bridges", "2"]);
    cluster.wait_for("both bridges at both shards", |nodes| {
        ["shard-1", "shard-2"].iter().all(|id| nodes[*id]["bridges"] == json!(["bridge-1", "bridge-2"]))
    });
    let nodes = cluster.nodes();
    assert_eq!(nodes["bridge-1"].get("unseen_by"), None);
    for id in ["bridge-2", "shard-2", "router-1"] {
        let admin = nodes[id]["admin"].as_str().unwrap();
        assert!(get(admin, "/readyz").starts_with("HTTP/1.1 200"), "{id}");
        let drained = printed(&althing(&["ctl", "--admin", &cluster.admin, "drain", id]));
        assert!(drained.ends_with(&format!("{id} is empty: it may be stopped\n")), "{drained}");
        let answer = get(admin, "/readyz");
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("is draining"), "{id}: {answer}");
        assert_eq!(cluster.nodes()[id]["state"], "draining", "{id}");
    }
    // one that is asked to end when nothing is left does not wait
    let pid = nodes["bridge-2"]["pid"].as_u64().unwrap();
    signal("-TERM", pid);
    let told = cluster.line("bridge-2 (pid");
    assert!(told.contains("code 0"), "{told}");
}

#[test]
fn nobody_outlives_a_supervisor_that_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(data.path(), &[]);
    let mut pids: Vec<u64> = cluster.nodes().values().map(|node| node["pid"].as_u64().unwrap()).collect();
    pids.push(cluster.pid("nats"));
    cluster.child.kill().unwrap();
    cluster.child.wait().unwrap();
    // Nobody tells when an orphan is gone; 5 s is what it may take to let go of the engine.
    let gone = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        !pids.iter().any(|&pid| is_alive(pid))
    });
    assert!(gone, "{:?}", pids.iter().filter(|&&pid| is_alive(pid)).collect::<Vec<_>>());

    // which waits until everybody is known again
    let again = Cluster::start(data.path(), &[]);
    assert_eq!(again.nodes().len(), 4);
}

#[test]
fn a_child_that_cannot_start_ends_the_start_with_its_own_words() {
    let data = tempfile::tempdir().unwrap();
    let (taken, data) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), path(data.path()));
    let taken = taken.local_addr().unwrap().to_string();
    let flags = ["up", "--shards", "2", "--data", &data, "--media-port", "0", "--admin", "127.0.0.1:0"];
    let output = althing(&[&flags[..], &["--http", &taken]].concat());
    check_fails(&output, &["router-1 did not start", &taken]);
}

/// A cluster on free ports, ended when it is dropped.
struct Cluster {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    admin: String,
    /// the table of nodes by their names
    rows: BTreeMap<String, Vec<String>>,
}

impl Cluster {
    fn start(data: &Path, flags: &[&str]) -> Self {
        let data = path(data);
        let free = ["up", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--media-port", "0"];
        let size = ["--data", &data, "--log-level", "info"];
        let shards: &[&str] = if flags.contains(&"--shards") { &[] } else { &["--shards", "2"] };
        let mut child =
            command(&[&free[..], &size, shards, flags].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut cluster = Self { child, lines, admin: String::new(), rows: BTreeMap::new() };
        cluster.line("Althing is up. Open http://127.0.0.1:");
        cluster.admin = cluster.line("  admin  http://").rsplit('/').next().unwrap().to_owned();
        cluster.line("NODE");
        while let Some(line) = cluster.lines.next().map(Result::unwrap).filter(|line| !line.is_empty()) {
            let cells: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            cluster.rows.insert(cells[0].clone(), cells);
        }
        // a node that was just announced may be news to the router
        let known = |nodes: &BTreeMap<String, Value>| {
            cluster.rows.keys().filter(|name| *name != "nats").all(|name| nodes.contains_key(name))
        };
        cluster.wait_for("the router knows everybody", known);
        cluster
    }

    /// The next line that begins so.
    fn line(&mut self, start: &str) -> String {
        let found = self.lines.by_ref().map(Result::unwrap).find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("it ended before it said {start:?}"))
    }

    fn pid(&self, name: &str) -> u64 {
        self.rows[name][1].parse().unwrap()
    }

    /// Where the router serves browsers.
    fn http(&self) -> std::net::SocketAddr {
        self.rows["router-1"][2].trim_start_matches("http://").parse().unwrap()
    }

    /// The shard of a meeting, and its process.
    fn owner(&self, room: &str) -> (String, u64) {
        let answer = get(&self.admin, &format!("/api/v1/meetings/{room}"));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let meeting: Value = serde_json::from_str(body).unwrap();
        let shard = meeting["shard"].as_str().unwrap().to_owned();
        let pid = self.pid(&shard);
        (shard, pid)
    }

    fn nodes(&self) -> BTreeMap<String, Value> {
        let answer = get(&self.admin, "/api/v1/nodes");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let nodes: Vec<Value> = serde_json::from_str(body).unwrap();
        nodes.into_iter().map(|node| (node["id"].as_str().unwrap().to_owned(), node)).collect()
    }

    fn wait_for(&self, what: &str, is_so: impl Fn(&BTreeMap<String, Value>) -> bool) {
        let in_time = (0..200).any(|_| {
            let is_so = is_so(&self.nodes());
            if !is_so {
                std::thread::sleep(Duration::from_millis(50));
            }
            is_so
        });
        assert!(in_time, "{what}: {:?}", self.nodes());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its children end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(name: &str, pid: u64) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// One that has ended and that nobody asked about yet is not alive.
fn is_alive(pid: u64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}
