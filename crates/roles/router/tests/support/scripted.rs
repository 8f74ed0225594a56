//! A shard that says who it is, and does what the test wants. Dropped, it is dead: its sockets break.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use journal::{Node, Role};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::any_port;

pub(crate) struct Shard {
    script: Arc<Script>,
    address: SocketAddr,
    adopted: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
    listening: tokio::task::JoinHandle<()>,
}

struct Script {
    id: String,
    hangs: watch::Sender<bool>,
    given_away: Mutex<BTreeSet<String>>,
    adopts: mpsc::UnboundedSender<String>,
}

impl Shard {
    pub(crate) async fn start(id: &str) -> Self {
        let (adopts, adopted) = mpsc::unbounded_channel();
        let script = Arc::new(Script {
            id: id.to_owned(),
            hangs: watch::Sender::new(false),
            given_away: Mutex::default(),
            adopts,
        });
        let listener = TcpListener::bind(any_port()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = tokio::spawn(listen(listener, routes(script.clone())));
        Self { script, address, adopted: tokio::sync::Mutex::new(adopted), listening }
    }

    pub(crate) fn id(&self) -> &str {
        &self.script.id
    }

    pub(crate) fn node(&self) -> Node {
        Node { http: Some(self.address), ..journal::testing::node(self.id(), Role::Shard) }
    }

    /// From now on it accepts connections and answers nothing.
    pub(crate) fn hang(&self) {
        self.script.hangs.send_replace(true);
    }

    /// From now on it says that it does not have the meeting.
    pub(crate) fn gives_away(&self, room: &str) {
        self.script.given_away.lock().unwrap().insert(room.to_owned());
    }

    /// The next meeting that it is asked to adopt.
    pub(crate) async fn adopted(&self) -> String {
        self.adopted.lock().await.recv().await.unwrap()
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Its connections end with it.
pub(crate) async fn listen(listener: TcpListener, routes: axum::Router) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let service = TowerToHyperService::new(routes.clone());
        let http = hyper::server::conn::http1::Builder::new();
        connections.spawn(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    }
}

fn routes(script: Arc<Script>) -> axum::Router {
    let answers = async |State(script): State<Arc<Script>>, Query(query): Query<Value>| -> Response {
        script.answers().await;
        let room = query["room"].as_str().unwrap().to_owned();
        if script.given_away.lock().unwrap().contains(&room) {
            return StatusCode::MISDIRECTED_REQUEST.into_response();
        }
        script.id.clone().into_response()
    };
    let streams = async |State(script): State<Arc<Script>>, upgrade: WebSocketUpgrade| -> Response {
        script.answers().await;
        let mut hangs = script.hangs.subscribe();
        upgrade.protocols(["xmpp"]).on_upgrade(async move |mut socket| {
            socket.send(Message::text(script.id.clone())).await.unwrap();
            drop(script);
            // until the router has gone, or this shard: then nobody can make it hang any more
            while tokio::select! { message = socket.recv() => message.is_some(), hung = hangs.changed() => hung.is_ok() } {}
        })
    };
    let beats = async |State(script): State<Arc<Script>>| -> &'static str {
        script.answers().await;
        r#"{"state":"ready","meetings":0,"participants":0}"#
    };
    let adopts = async |State(script): State<Arc<Script>>, Query(query): Query<Value>| -> StatusCode {
        script.answers().await;
        let _ = script.adopts.send(query["room"].as_str().unwrap().to_owned());
        StatusCode::ACCEPTED
    };
    axum::Router::new()
        .route("/conference-request/v1", post(answers))
        .route("/xmpp-websocket", any(streams))
        .route("/healthz", get(beats))
        .route("/_althing/adopt", post(adopts))
        .with_state(script)
}

impl Script {
    async fn answers(&self) {
        let _ = self.hangs.subscribe().wait_for(|hangs| !hangs).await;
    }
}
