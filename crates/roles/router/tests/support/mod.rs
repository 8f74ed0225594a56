//! A router in front of a fake shard and a fake bridge, and a client that says exactly what it is told.
#![allow(dead_code, clippy::unwrap_used, reason = "each scenario uses a part of it; a panic is the finding")]

pub(crate) mod raw;
pub(crate) mod scripted;
pub(crate) mod streams;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use router::{Config, Running, Site, Upstreams};
use service::config::{Limits, Tls, Web};
use service::metrics::Metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};

/// For what should come at once, on a machine that is busy.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn config(upstreams: Upstreams) -> Config {
    Config {
        listen: any_port(),
        tls: Tls::Off,
        data: "unused".into(),
        site: Site {
            public_url: None,
            domain: "meet.internal".to_owned(),
            muc_domain: "conference.meet.internal".to_owned(),
            focus_domain: "focus.meet.internal".to_owned(),
            auth_domain: "auth.meet.internal".to_owned(),
            shard_name: None,
            region: None,
            web: Web {
                p2p: true,
                p2p_stun_servers: Vec::new(),
                start_audio_muted: None,
                start_video_muted: None,
            },
        },
        upstreams,
        limits: Limits {
            occupants: 500,
            connections: 100,
            half_open: 50,
            header_time: Duration::from_secs(30),
            header_size: 8 << 10,
            body_size: 4 << 10,
        },
    }
}

pub(crate) async fn start(config: Config) -> Running {
    router::start(config, &Metrics::new()).await.unwrap()
}

/// A router in front of a shard and of `bridge-1`.
pub(crate) async fn whole() -> Running {
    start(config(upstreams().await)).await
}

pub(crate) async fn upstreams() -> Upstreams {
    with_shard(shard().await).await
}

/// `shard` and a bridge.
pub(crate) async fn with_shard(shard: SocketAddr) -> Upstreams {
    Upstreams::Fixed { shard, bridges: BTreeMap::from([("bridge-1".to_owned(), bridge().await)]) }
}

/// Nobody listens there.
pub(crate) async fn dead() -> SocketAddr {
    TcpListener::bind(any_port()).await.unwrap().local_addr().unwrap()
}

pub(crate) fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// It tells each WebSocket what it was asked, then echoes; "die" makes it drop the socket, "bye" close it.
async fn shard() -> SocketAddr {
    let tells =
        async |upgrade: WebSocketUpgrade, OriginalUri(uri): OriginalUri, headers: HeaderMap| -> Response {
            if uri.query().is_some_and(|query| query.contains("room=refused")) {
                return (StatusCode::BAD_REQUEST, "no such room").into_response();
            }
            let from = headers["x-forwarded-for"].to_str().unwrap().to_owned();
            upgrade.protocols(["xmpp"]).on_upgrade(move |socket| echo(socket, format!("{uri} for {from}")))
        };
    let answers = async |request: Request| {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let kind = parts.headers["content-type"].to_str().unwrap();
        let text = format!("{} {} {kind} {}", parts.method, parts.uri, String::from_utf8_lossy(&body));
        (StatusCode::FORBIDDEN, [("content-type", "application/json"), ("x-secret", "of the shard")], text)
    };
    serve(
        axum::Router::new()
            .route("/xmpp-websocket", any(tells))
            .route("/conference-request/v1", post(answers)),
    )
    .await
}

async fn bridge() -> SocketAddr {
    let tells = async |upgrade: WebSocketUpgrade, OriginalUri(uri): OriginalUri| {
        upgrade.on_upgrade(move |socket| echo(socket, uri.to_string()))
    };
    serve(axum::Router::new().route("/colibri-ws/{*path}", any(tells))).await
}

async fn serve(routes: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind(any_port()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    addr
}

async fn echo(mut socket: WebSocket, first: String) {
    socket.send(Message::text(first)).await.unwrap();
    while let Some(Ok(message)) = socket.recv().await {
        match message {
            Message::Text(text) if text == "die" => return,
            Message::Text(text) if text == "bye" => drop(socket.send(Message::Close(None)).await),
            Message::Text(_) | Message::Binary(_) => socket.send(message).await.unwrap(),
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Opens a WebSocket, with the subprotocol of XMPP where it is for that.
pub(crate) async fn open(router: &Running, path: &str) -> Result<Socket, tungstenite::Error> {
    let stream = TcpStream::connect(router.addr()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut request = format!("ws://meet.example{path}").into_client_request().unwrap();
    if path.contains("xmpp") {
        request.headers_mut().insert("sec-websocket-protocol", "xmpp".parse().unwrap());
    }
    client_async(request, stream).await.map(|(socket, _)| socket)
}

/// An answer, as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub(crate) async fn get(router: &Running, path: &str) -> Answer {
    request(router, "GET", path, "", "").await
}

/// `headers` are whole lines.
pub(crate) async fn request(router: &Running, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: meet.example\r\nConnection: close\r\n{length}{headers}\r\n{body}"
    );
    say(router.addr(), &text).await
}

/// Sends `text` and reads until the other side has ended.
pub(crate) async fn say(to: SocketAddr, text: &str) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("an answer in time").unwrap();
    parse(&String::from_utf8_lossy(&bytes))
}

pub(crate) fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
