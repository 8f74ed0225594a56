//! For tests: real servers (`nats-server` from the PATH, on loopback, with files of its own), ways to hurt what an engine
//! keeps, places that are silent, and a node.

mod harm;
mod space;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::{Answer, Change, Memory, NatsConfig, Node, Place, Places, Revision, Role};

pub use harm::Harm;

/// A node that says of itself what any does; nobody listens where it says.
pub fn node(id: &str, role: Role) -> Node {
    Node {
        id: id.to_owned(),
        role,
        pid: 4711,
        region: None,
        draining: false,
        http: Some(SocketAddr::from(([127, 0, 0, 1], 1))),
        xmpp: None,
        media: None,
        admin: None,
        load: 0.0,
        meetings: 0,
        participants: 0,
        started: 1,
    }
}

/// Places that answer, and of which nothing is ever heard.
#[derive(Debug)]
pub struct Deaf {
    engine: Memory,
    silence: broadcast::Sender<Change>,
}

impl Deaf {
    pub fn to(engine: &Memory) -> Self {
        Self { engine: engine.clone(), silence: broadcast::Sender::new(1) }
    }
}

impl Places for Deaf {
    fn place(&self, meeting: &str, shard: &str, expected: Revision) -> Answer<'_, Revision> {
        self.engine.place(meeting, shard, expected)
    }

    fn placed(&self, meeting: &str) -> Answer<'_, Option<Place>> {
        self.engine.placed(meeting)
    }

    fn vacate(&self, meeting: &str, expected: Revision) -> Answer<'_, ()> {
        self.engine.vacate(meeting, expected)
    }

    fn known(&self, _: &str) -> Option<Place> {
        None
    }

    fn known_of(&self, _: &str) -> Vec<(String, Place)> {
        Vec::new()
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.silence.subscribe()
    }
}

/// One process of `nats-server`. Dropping it kills it.
#[derive(Debug)]
pub struct NatsServer {
    process: Option<Child>,
    jetstream: bool,
    arguments: Vec<String>,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl NatsServer {
    /// One server alone, which takes connections when this returns. `arguments` come beside what it needs.
    ///
    /// # Panics
    /// `nats-server` is not installed or does not start.
    pub async fn alone(arguments: &[&str]) -> Self {
        let mut server = Self::prepare(free_port(), arguments.iter().map(ToString::to_string).collect());
        server.start().await;
        server
    }

    /// Servers that form a cluster.
    ///
    /// # Panics
    /// As [`NatsServer::alone`].
    pub async fn cluster(count: usize) -> Vec<Self> {
        let routes: Vec<_> = (0..count).map(|_| free_port()).collect();
        let all = routes.iter().map(|at| format!("nats://{at}")).collect::<Vec<_>>().join(",");
        let mut servers = Vec::new();
        for (number, route) in routes.iter().enumerate() {
            let name = format!("n{number}");
            let listen = format!("nats://{route}");
            let arguments =
                ["--name", &name, "--cluster_name", "test", "--cluster", &listen, "--routes", &all];
            servers.push(Self::prepare(free_port(), arguments.iter().map(ToString::to_string).collect()));
        }
        for server in &mut servers {
            server.start().await;
        }
        servers
    }

    /// A server without JetStream.
    ///
    /// # Panics
    /// As [`NatsServer::alone`].
    pub async fn plain() -> Self {
        let mut server = Self::prepare(free_port(), Vec::new());
        server.jetstream = false;
        server.start().await;
        server
    }

    fn prepare(address: SocketAddr, arguments: Vec<String>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { process: None, jetstream: true, arguments, address, directory }
    }

    /// Starts it, again if it was killed, with the files that it had.
    ///
    /// # Panics
    /// As [`NatsServer::alone`].
    pub async fn start(&mut self) {
        let mut command = Command::new("nats-server");
        command
            .args(["-a", "127.0.0.1", "-p", &self.address.port().to_string()])
            .args(self.jetstream.then_some("-js"))
            .arg("-sd")
            .arg(self.directory.path())
            .args(&self.arguments)
            .arg("-l")
            .arg(self.log())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("nats-server cannot be started ({error}); install it: apt-get install nats-server")
        });
        self.process = Some(process);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            assert!(tokio::time::Instant::now() < deadline, "nats-server does not listen: {}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it at once, as `kill -9` does.
    ///
    /// # Panics
    /// It cannot be killed.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("a process of ours can be killed");
            process.wait().expect("and waited for");
        }
    }

    /// Everything that it has stored is gone. To be called while it is killed.
    ///
    /// # Panics
    /// Its files cannot be removed.
    pub fn lose(&self) {
        std::fs::remove_dir_all(self.directory.path().join("jetstream")).expect("its files are ours");
    }

    /// It stands still, as under a hypervisor that hangs.
    ///
    /// # Panics
    /// It is killed already.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on.
    ///
    /// # Panics
    /// It is killed already.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().expect("it runs").to_string();
        let done = Command::new("kill").args([name, &pid]).status().expect("there is such a program");
        assert!(done.success(), "kill {name} {pid}");
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Its process; `None` while it is killed.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// A configuration with few streams, which are quicker to create.
    pub fn config(&self, cluster: &str) -> NatsConfig {
        NatsConfig { streams: 2, ..NatsConfig::new(&self.url(), cluster, "meet.example") }
    }

    /// What it wrote to its log.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> std::path::PathBuf {
        Path::join(self.directory.path(), "server.log")
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}
