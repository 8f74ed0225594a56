//! A shard on loopback, and clients that speak to it over real sockets.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod engine;
pub(crate) mod log;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::{SinkExt as _, StreamExt as _};
use journal::{Journal, Memory};
use shard::{Config, Ingress, Limits, Running};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longer than anything here takes, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const DOMAIN: &str = "meet.example";
pub(crate) const USER: &str = "jvb";
pub(crate) const PASSWORD: &str = "secret";

/// A shard that reads its clients as fast as they speak: the floods of the tests shall not take their time.
pub(crate) fn config() -> Config {
    Config {
        accounts: vec![(USER.to_owned(), PASSWORD.to_owned())],
        limits: limits(),
        ..Config::for_domain(DOMAIN)
    }
}

pub(crate) fn limits() -> Limits {
    let much = 1 << 30;
    let ingress =
        Ingress { bytes_per_second: much, bytes_burst: much, stanzas_per_second: much, stanzas_burst: much };
    Limits { ingress, ..Limits::default() }
}

pub(crate) async fn start() -> Running {
    start_with(config(), Arc::new(Memory::new())).await
}

pub(crate) async fn start_with(config: Config, journal: Arc<dyn Journal>) -> Running {
    let metrics = service::metrics::Metrics::new();
    shard::start(config, journal, &metrics).await.expect("the shard starts")
}

/// A client over a WebSocket.
pub(crate) struct Guest {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// stanzas heard since stream management was enabled; `None`: it does not tell
    pub(crate) acks: Option<u32>,
    pub(crate) jid: String,
}

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// with a closing handshake and this code
    Closed(u16),
    /// without
    Dropped,
}

impl Guest {
    /// A socket for `?query`, with nothing said yet.
    pub(crate) async fn connect(shard: &Running, query: &str) -> Self {
        Self::try_connect(shard, query).await.expect("the upgrade is accepted")
    }

    /// The status where the upgrade is refused.
    pub(crate) async fn try_connect(shard: &Running, query: &str) -> Result<Self, StatusCode> {
        let url = format!("ws://{}/xmpp-websocket?{query}", shard.http_addr());
        let mut request = url.into_client_request().expect("the address is one");
        request.headers_mut().insert("Sec-WebSocket-Protocol", "xmpp".parse().expect("a header value"));
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], "xmpp");
                Ok(Self { socket, acks: None, jid: String::new() })
            }
            Err(Error::Http(response)) => Err(response.status()),
            Err(error) => panic!("no answer to the upgrade: {error}"),
        }
    }

    /// A client with a resource and stream management; gives the token for a resume.
    pub(crate) async fn bound(shard: &Running, room: &str) -> (Self, String) {
        let mut guest = Self::connect(shard, &format!("room={room}")).await;
        guest.log_in().await;
        guest.bind().await;
        guest.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
        let enabled = guest.hear().await;
        let token = between(&enabled, " id=\"", "\"").to_owned();
        (guest, token)
    }

    /// A client in its room.
    pub(crate) async fn joined(shard: &Running, room: &str) -> (Self, String) {
        let (mut guest, token) = Self::bound(shard, room).await;
        guest.join(room).await;
        (guest, token)
    }

    pub(crate) async fn join(&mut self, room: &str) {
        self.say(&format!(
            "<presence xmlns='jabber:client' to='{}'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
            self.occupant(room)
        ))
        .await;
        self.hear_until("code=\"110\"").await;
    }

    pub(crate) fn nick(&self) -> &str {
        &self.jid[..8]
    }

    pub(crate) fn occupant(&self, room: &str) -> String {
        format!("{room}@conference.{DOMAIN}/{}", self.nick())
    }

    /// Up to the second features.
    pub(crate) async fn log_in(&mut self) {
        let open = format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{DOMAIN}' version='1.0'/>");
        self.say(&open).await;
        assert!(self.hear().await.starts_with("<open "));
        assert!(self.hear().await.contains("ANONYMOUS"));
        self.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>").await;
        assert!(self.hear().await.starts_with("<success"));
        self.say(&open).await;
        assert!(self.hear().await.starts_with("<open "));
        assert!(self.hear().await.contains("urn:xmpp:sm:3"));
    }

    pub(crate) async fn bind(&mut self) {
        self.say("<iq type='set' id='b' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
            .await;
        let bound = self.hear().await;
        self.jid = between(&bound, "<jid>", "</jid>").to_owned();
    }

    /// Takes up a stream; gives `h` of the answer, or the whole answer where it was refused.
    pub(crate) async fn resume(&mut self, token: &str, h: u32) -> Result<u32, String> {
        self.say(&format!("<resume xmlns='urn:xmpp:sm:3' h='{h}' previd='{token}'/>")).await;
        let answer = self.hear().await;
        if answer.starts_with("<resumed") {
            Ok(between(&answer, " h=\"", "\"").parse().expect("a number"))
        } else {
            Err(answer)
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("the socket is open");
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.socket.send(message).await.expect("the socket is open");
    }

    /// The next frame.
    pub(crate) async fn hear(&mut self) -> String {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("something is heard") {
                Some(Ok(Message::Text(text))) => {
                    self.acknowledge(&text).await;
                    return text.to_string();
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("a frame was expected, not {other:?}"),
            }
        }
    }

    /// Counts from here on, and answers every request for the number. To be called right after the bind.
    pub(crate) fn acknowledging(mut self) -> Self {
        self.acks = Some(0);
        self
    }

    async fn acknowledge(&mut self, text: &str) {
        let Some(h) = self.acks else { return };
        if text.starts_with("<r ") {
            self.say(&format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>")).await;
        } else if ["<iq", "<presence", "<message"].iter().any(|name| text.starts_with(name)) {
            self.acks = Some(h + 1);
        }
    }

    /// The next frame that contains `part`; those before it are thrown away.
    pub(crate) async fn hear_until(&mut self, part: &str) -> String {
        loop {
            let text = self.hear().await;
            if text.contains(part) {
                return text;
            }
        }
    }

    /// The next stanza; acknowledgements and requests for them are thrown away.
    pub(crate) async fn hear_stanza(&mut self) -> String {
        loop {
            let text = self.hear().await;
            if !text.starts_with("<r ") && !text.starts_with("<a ") {
                return text;
            }
        }
    }

    /// Reads to the end of the socket; gives the frames before it, too.
    pub(crate) async fn end(&mut self) -> (Vec<String>, End) {
        let mut heard = Vec::new();
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the socket ends") {
                Some(Ok(Message::Text(text))) => heard.push(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    return (heard, End::Closed(code));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (heard, End::Dropped),
            }
        }
    }

    /// The network takes the socket away.
    pub(crate) fn cut(self) -> String {
        self.jid
    }
}

/// Sends a request as it stands; gives status and body.
pub(crate) async fn http(shard: &Running, request: &str) -> (u16, String) {
    let (head, body) = exchange(shard, request).await;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or_else(|| panic!("no status in {head:?}")), body)
}

/// Asks for the conference of a room; gives head and body.
pub(crate) async fn request_conference(shard: &Running, room: &str) -> (String, String) {
    let body = format!("{{\"room\":\"{room}@conference.{DOMAIN}\"}}");
    let request = format!(
        "POST /conference-request/v1?room={room} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(shard, &request).await
}

/// Sends a request as it stands; gives head and body.
async fn exchange(shard: &Running, request: &str) -> (String, String) {
    let mut socket = TcpStream::connect(shard.http_addr()).await.expect("the port is open");
    socket.write_all(request.as_bytes()).await.expect("it is written");
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer))
        .await
        .expect("it answers")
        .expect("as text");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

pub(crate) async fn get(shard: &Running, path: &str) -> (u16, String) {
    http(shard, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after:?} in {text}")).0
}

/// Asks again until it holds.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    let poll = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.expect("it comes true")
}
