//! A shard that knows nothing of HTTP but where a request ends: it does with each connection what the test wants.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// What it does when a request has arrived.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// says this
    Say(String),
    /// says this, and closes
    Last(String),
    /// closes without a word
    Close,
    /// says this, and nothing more: tells when the other side has closed
    Stop(String),
}

/// A request, and what it came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// counted from 0 among those that had requests
    pub(crate) connection: usize,
    /// counted from 0 on its connection
    pub(crate) turn: usize,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    is_silent: Arc<AtomicBool>,
    closed: mpsc::UnboundedReceiver<usize>,
    listening: JoinHandle<()>,
}

impl Raw {
    /// Requests for `/health` and `/healthz` are answered, and neither shown to `acts` nor counted.
    pub(crate) async fn start(acts: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(super::any_port()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (closes, closed) = mpsc::unbounded_channel();
        let is_silent = Arc::<AtomicBool>::default();
        let silent = Arc::clone(&is_silent);
        let (known, acts) = (Arc::clone(&seen), Arc::new(acts));
        let listening = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let is_silent = Arc::clone(&silent);
                let script = Script { seen: Arc::clone(&known), is_silent, closes: closes.clone() };
                let acts = Arc::clone(&acts);
                connections.spawn(async move { script.run(stream, &*acts).await });
            }
        });
        Self { address, seen, is_silent, closed, listening }
    }

    /// From now on it answers no check.
    pub(crate) fn falls_silent(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// The next connection that the other side has closed, of those that had requests.
    pub(crate) async fn closed(&mut self) -> usize {
        tokio::time::timeout(super::SOON, self.closed.recv()).await.expect("a close in time").unwrap()
    }

    /// Connection and request line, in the order in which they came.
    pub(crate) fn lines(&self) -> Vec<(usize, String)> {
        let line = |seen: &Seen| (seen.connection, seen.head.lines().next().unwrap().to_owned());
        self.seen.lock().unwrap().iter().map(line).collect()
    }

    pub(crate) fn connections(&self) -> Vec<usize> {
        self.seen.lock().unwrap().iter().map(|seen| seen.connection).collect()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

struct Script {
    seen: Arc<Mutex<Vec<Seen>>>,
    is_silent: Arc<AtomicBool>,
    closes: mpsc::UnboundedSender<usize>,
}

impl Script {
    async fn run(self, mut stream: TcpStream, acts: &(impl Fn(&Seen) -> Act + ?Sized)) {
        stream.set_nodelay(true).unwrap();
        let (mut number, mut turn) = (None, 0);
        while let Some((head, body)) = read(&mut stream).await {
            if head.starts_with("GET /health") {
                if !self.is_silent.load(Ordering::Relaxed) {
                    let _ = stream.write_all(ok(r#"{"state":"ready"}"#).as_bytes()).await;
                }
                continue;
            }
            let seen = self.saw(number, turn, head, body);
            number = Some(seen.connection);
            turn += 1;
            match acts(&seen) {
                Act::Say(text) => stream.write_all(text.as_bytes()).await.unwrap_or_default(),
                Act::Last(text) => return stream.write_all(text.as_bytes()).await.unwrap_or_default(),
                Act::Close => return,
                Act::Stop(text) => {
                    stream.write_all(text.as_bytes()).await.unwrap_or_default();
                    let _ = stream.read(&mut [0]).await;
                    break;
                }
            }
        }
        if let Some(number) = number {
            let _ = self.closes.send(number);
        }
    }

    fn saw(&self, number: Option<usize>, turn: usize, head: String, body: String) -> Seen {
        let mut all = self.seen.lock().unwrap();
        let next = all.iter().map(|seen| seen.connection + 1).max().unwrap_or(0);
        let seen = Seen { connection: number.unwrap_or(next), turn, head, body };
        all.push(seen.clone());
        seen
    }
}

pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Head and body of the next request; `None`: the other side has closed.
async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}
