//! A shard whose streams do what the test wants: it logs everybody in, echoes stanzas, and forgets nothing it was told.
//! Dropped, it is dead: its sockets break.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{any, get};
use journal::{Node, Role};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::scripted::listen;

pub(crate) struct Streams {
    script: Arc<Script>,
    id: String,
    pub(crate) address: SocketAddr,
    said: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
    listening: JoinHandle<()>,
}

struct Script {
    /// nothing is answered, nothing is read
    hangs: watch::Sender<bool>,
    /// no resume is answered
    holds: watch::Sender<bool>,
    /// no heartbeat is answered
    deaf: watch::Sender<bool>,
    /// heartbeats that were heard all the same
    unanswered: AtomicUsize,
    resuming: AtomicUsize,
    /// the most of them at a time
    resuming_most: AtomicUsize,
    /// frames of a flood that have left
    flooded: AtomicUsize,
    says: mpsc::UnboundedSender<String>,
    dead: CancellationToken,
}

impl Streams {
    pub(crate) async fn start(id: &str) -> Self {
        Self::start_at(id, super::any_port()).await
    }

    pub(crate) async fn start_at(id: &str, address: SocketAddr) -> Self {
        let (says, said) = mpsc::unbounded_channel();
        let script = Arc::new(Script {
            hangs: watch::Sender::new(false),
            holds: watch::Sender::new(false),
            deaf: watch::Sender::new(false),
            unanswered: AtomicUsize::new(0),
            resuming: AtomicUsize::new(0),
            resuming_most: AtomicUsize::new(0),
            flooded: AtomicUsize::new(0),
            says,
            dead: CancellationToken::new(),
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = tokio::spawn(listen(listener, routes(script.clone())));
        Self { script, id: id.to_owned(), address, said: tokio::sync::Mutex::new(said), listening }
    }

    pub(crate) fn node(&self) -> Node {
        Node { http: Some(self.address), ..journal::testing::node(&self.id, Role::Shard) }
    }

    /// Its port is free when this returns.
    pub(crate) async fn die(mut self) {
        self.script.dead.cancel();
        self.listening.abort();
        let _ = (&mut self.listening).await;
    }

    /// From now on it accepts connections and answers nothing; or it wakes up.
    pub(crate) fn hang(&self, hangs: bool) {
        self.script.hangs.send_replace(hangs);
    }

    /// From now on it answers no resume; or it answers all of them.
    pub(crate) fn hold(&self, holds: bool) {
        self.script.holds.send_replace(holds);
    }

    /// From now on it answers no heartbeat.
    pub(crate) fn be_deaf(&self) {
        self.script.deaf.send_replace(true);
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.script.unanswered.load(Ordering::SeqCst)
    }

    pub(crate) fn resuming_most(&self) -> usize {
        self.script.resuming_most.load(Ordering::SeqCst)
    }

    pub(crate) fn resuming(&self) -> usize {
        self.script.resuming.load(Ordering::SeqCst)
    }

    pub(crate) fn flooded(&self) -> usize {
        self.script.flooded.load(Ordering::SeqCst)
    }

    /// The next frame that a client said.
    pub(crate) async fn said(&self) -> String {
        self.said.lock().await.recv().await.unwrap()
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.script.dead.cancel();
        self.listening.abort();
    }
}

fn routes(script: Arc<Script>) -> axum::Router {
    let streams = async |State(script): State<Arc<Script>>, upgrade: WebSocketUpgrade| -> Response {
        script.wakes().await;
        upgrade.protocols(["xmpp"]).on_upgrade(async move |socket| {
            let dead = script.dead.clone();
            tokio::select! {
                () = stream(script, socket) => {}
                () = dead.cancelled() => {}
            }
        })
    };
    let beats = async |State(script): State<Arc<Script>>| -> &'static str {
        script.wakes().await;
        if *script.deaf.borrow() {
            script.unanswered.fetch_add(1, Ordering::SeqCst);
            let _ = script.deaf.subscribe().wait_for(|deaf| !deaf).await;
        }
        r#"{"state":"ready","meetings":0,"participants":0}"#
    };
    let adopts = async || axum::http::StatusCode::ACCEPTED;
    axum::Router::new()
        .route("/xmpp-websocket", any(streams))
        .route("/healthz", get(beats))
        .route("/_althing/adopt", any(adopts))
        .with_state(script)
}

impl Script {
    async fn wakes(&self) {
        let _ = self.hangs.subscribe().wait_for(|hangs| !hangs).await;
    }

    async fn resumes(&self) {
        let now = self.resuming.fetch_add(1, Ordering::SeqCst) + 1;
        self.resuming_most.fetch_max(now, Ordering::SeqCst);
        let _ = self.holds.subscribe().wait_for(|holds| !holds).await;
        self.resuming.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn stream(script: Arc<Script>, mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        script.wakes().await;
        let _ = script.says.send(text.to_string());
        let answers: Vec<String> = if text.starts_with("<open") {
            vec![
                text.to_string(),
                "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>".to_owned(),
            ]
        } else if text.starts_with("<auth") {
            vec!["<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".to_owned()]
        } else if text.starts_with("<enable") {
            vec!["<enabled xmlns='urn:xmpp:sm:3' id='T' resume='true'/>".to_owned()]
        } else if text.starts_with("<resume") {
            script.resumes().await;
            vec!["<resumed xmlns='urn:xmpp:sm:3' h='0' previd='T'/>".to_owned()]
        } else if text.starts_with("<r ") || text.starts_with("<a ") {
            // it acknowledges nothing
            continue;
        } else if text.contains(">die<") {
            return;
        } else if text.contains(">flood ") {
            return flood(script, socket, &text).await;
        } else {
            vec![text.to_string()]
        };
        for answer in answers {
            if socket.send(Message::text(answer)).await.is_err() {
                return;
            }
        }
    }
}

/// Says as many stanzas as asked, of 64 KiB, as fast as they are taken, and reads meanwhile.
async fn flood(script: Arc<Script>, socket: WebSocket, asked: &str) {
    use futures_util::{SinkExt as _, StreamExt as _};
    let count = asked.split_once(">flood ").unwrap().1.split_once('<').unwrap().0.parse().unwrap();
    let (mut sink, mut stream) = socket.split();
    let writes = async {
        for n in 0..count {
            let text = format!("<message xmlns='jabber:client' id='{n}'>{}</message>", "x".repeat(64 << 10));
            sink.send(Message::text(text)).await.unwrap();
            script.flooded.fetch_add(1, Ordering::SeqCst);
        }
    };
    let reads = async {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                let _ = script.says.send(text.to_string());
            }
        }
    };
    tokio::join!(writes, reads);
}
