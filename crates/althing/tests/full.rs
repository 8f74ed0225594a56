//! The disk is full: meetings go on, nothing is promised that is not written, the log names node and room, and when there
//! is space again everything is written down. On a real engine with its limits, and with a real disk of a few megabytes
//! below `althing up`.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod guests;
mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use guests::{Guest, PATIENCE, ROOM};
use journal::testing::NatsServer;
use support::{get, path};
use tokio::time::timeout;

#[tokio::test]
async fn an_engine_at_the_limit_of_its_disk() {
    let server = NatsServer::with_space(ASIDE + (4 << 20)).await;
    let node = Node::shard(&server);
    let mut talk = Talk::begin(&node).await;
    server.fill().await;
    talk.goes_on(&node).await;
    server.empty().await;
    talk.finds_it_written(&node).await;
}

#[tokio::test]
async fn an_engine_whose_streams_are_limited() {
    let server = NatsServer::alone(&[]).await;
    let node = Node::shard(&server);
    let mut talk = Talk::begin(&node).await;
    server.limit_journals("althing", Some(1)).await;
    talk.goes_on(&node).await;
    server.limit_journals("althing", None).await;
    talk.finds_it_written(&node).await;
}

#[tokio::test]
async fn a_disk_that_is_full() {
    let node = Node::on_small_disk();
    let mut talk = Talk::begin(&node).await;
    node.fill_disk();
    talk.goes_on(&node).await;
    node.empty_disk();
    talk.finds_it_written(&node).await;
}

/// What the engine keeps free for journals that are set aside.
const ASIDE: u64 = 256 << 20;

/// Two guests.
struct Talk {
    anna: Guest,
    bob: Guest,
    said: usize,
}

impl Talk {
    async fn begin(node: &Node) -> Self {
        let mut talk =
            Self { anna: Guest::joined(node.http).await, bob: Guest::joined(node.http).await, said: 0 };
        talk.line().await;
        talk
    }

    /// A line of 32 KiB that both hear.
    async fn line(&mut self) {
        self.anna.chat(&format!("{}{}", self.said, "x".repeat(32 << 10))).await;
        self.said += 1;
        self.anna.hear_lines(self.said).await;
        self.bob.hear_lines(self.said).await;
    }

    /// Until nothing more is written, and on.
    async fn goes_on(&mut self, node: &Node) {
        let until = async {
            while !node.is_unprotected() {
                self.line().await;
            }
        };
        timeout(PATIENCE, until).await.unwrap();
        let promised = self.anna.acknowledged;
        self.anna.say("<r xmlns='urn:xmpp:sm:3'/>").await;
        for _ in 0..3 {
            self.line().await;
        }
        assert_eq!(self.anna.acknowledged, promised, "of what is not written");
        let said =
            node.said(&["WARN", "the journal is full", "node=\"shard-1\"", &format!("room=\"{ROOM}\"")]);
        assert!(!said.is_empty());
    }

    /// There is space again.
    async fn finds_it_written(mut self, node: &Node) {
        let protected = async {
            while node.is_unprotected() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, protected).await.unwrap();
        while (self.anna.acknowledged as usize) < self.said + 1 {
            self.anna.say("<r xmlns='urn:xmpp:sm:3'/>").await;
            self.anna.hear_until("<a ").await;
        }
        self.line().await;
        assert_eq!(self.anna.lines, self.bob.lines);
    }
}

/// A shard, or all in one, as a process of its own; killed when it is dropped.
struct Node {
    child: Child,
    http: SocketAddr,
    admin: String,
    log: PathBuf,
    directory: tempfile::TempDir,
}

impl Node {
    fn shard(server: &NatsServer) -> Self {
        let mut shard = support::command(&["shard", "--journal", &server.url()]);
        for key in ["SHARD_HTTP", "SHARD_ADMIN", "XMPP_LISTEN"] {
            shard.env(format!("ALTHING_{key}"), "127.0.0.1:0");
        }
        shard.env("JVB_AUTH_PASSWORD", "0123").env("DEPLOYMENTINFO_SHARD", "main");
        let directory = tempfile::tempdir().unwrap();
        Self::start(shard, directory, |line| {
            let (http, admin) =
                line.strip_prefix("shard-1 is up: ")?.split_once(", for operators http://")?;
            Some((http.rsplit(' ').next()?.to_owned(), admin.to_owned()))
        })
    }

    /// Everything in one process, with 8 MiB for its data.
    fn on_small_disk() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = path(directory.path());
        let mount = "mount -t tmpfs -o size=8m tmpfs \"$0\" && exec \"$@\"";
        let mut up = Command::new("unshare");
        // who is not root is root there
        up.args(if is_root() { ["-m"] } else { ["-Urm"] });
        up.args(["sh", "-c", mount, &data, env!("CARGO_BIN_EXE_althing"), "up", "--data", &data]);
        up.args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--media-port", "0"]);
        let mut http = None;
        Self::start(up, directory, move |line| {
            if let Some(found) = line.strip_prefix("Althing is up. Open http://") {
                http = found.split(['/', ' ']).next().map(str::to_owned);
            }
            let admin = line.trim_start().strip_prefix("admin  http://")?;
            Some((http.clone()?, admin.split(['/', ' ']).next()?.to_owned()))
        })
    }

    fn start(
        mut command: Command,
        directory: tempfile::TempDir,
        mut found: impl FnMut(&str) -> Option<(String, String)>,
    ) -> Self {
        let log = directory.path().with_extension("log");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let up = lines.find_map(|line| found(&line));
        let (http, admin) = up.unwrap_or_else(|| panic!("{}", std::fs::read_to_string(&log).unwrap()));
        // whatever it says from here on is read, so that it never waits
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, http: http.parse().unwrap(), admin, log, directory }
    }

    /// As the admin port has it.
    fn is_unprotected(&self) -> bool {
        let answer = get(&self.admin, "/api/v1/meetings");
        answer.contains("\"unprotected\":true")
    }

    fn said(&self, parts: &[&str]) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        log.lines().filter(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned).collect()
    }

    /// The disk that only the process sees.
    fn filler(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.child.id()));
        root.join(self.directory.path().strip_prefix("/").unwrap()).join("filler")
    }

    fn fill_disk(&self) {
        let mut file = File::create(self.filler()).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn empty_disk(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(Path::new("/proc/self")).unwrap().uid() == 0
}
