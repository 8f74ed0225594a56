//! Guests who chat through a router, and answer what they must.
#![allow(dead_code, clippy::unwrap_used, reason = "each scenario uses a part of it; a panic is the finding")]

mod chat;
mod cutter;
pub(crate) mod world;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

#[allow(unused_imports, reason = "as above")]
pub(crate) use {chat::Chat, cutter::Cutter, world::World};

/// Longer than anything here takes, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The domain of a deployment that was not told another.
const DOMAIN: &str = "meet.internal";

pub(crate) const ROOM: &str = "standup";

/// A client that answers what it must, and counts.
pub(crate) struct Guest {
    socket: WebSocketStream<TcpStream>,
    pub(crate) token: String,
    jid: String,
    /// stanzas
    pub(crate) heard: u32,
    pub(crate) lines: Vec<String>,
    /// of its own stanzas, by the last acknowledgement
    pub(crate) acknowledged: u32,
    ended: Option<Error>,
}

impl Guest {
    /// A guest in the room, over the router at `router`.
    pub(crate) async fn joined(router: SocketAddr) -> Self {
        let mut guest = Self::connect(router, "").await;
        guest
            .say("<iq type='set' id='b' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
            .await;
        guest.jid = between(&guest.hear().await, "<jid>", "</jid>").to_owned();
        guest.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").await;
        guest.token = between(&guest.hear().await, " id=\"", "\"").to_owned();
        guest.heard = 0;
        guest.join().await;
        guest
    }

    /// Logged in; `query` begins with `&` or is empty.
    pub(crate) async fn connect(router: SocketAddr, query: &str) -> Self {
        let stream = TcpStream::connect(router).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://meet.example/xmpp-websocket?room={ROOM}{query}");
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "xmpp".parse().unwrap());
        let (socket, _) = client_async(request, stream).await.unwrap();
        let mut guest = Self {
            socket,
            token: String::new(),
            jid: String::new(),
            heard: 0,
            lines: Vec::new(),
            acknowledged: 0,
            ended: None,
        };
        let open = format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{DOMAIN}' version='1.0'/>");
        guest.say(&open).await;
        guest.hear_until("<stream:features").await;
        guest.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>").await;
        guest.hear_until("<success").await;
        guest.say(&open).await;
        guest.hear_until("<stream:features").await;
        guest
    }

    /// The same client on another socket, with what it had heard before; gives the `h` of the answer.
    pub(crate) async fn resume(router: SocketAddr, before: Self) -> Result<(Self, u32), String> {
        let Self { token, jid, heard, lines, socket, .. } = before;
        drop(socket);
        let fresh = Self::connect(router, &format!("&previd={token}")).await;
        let mut guest = Self { token, jid, heard, lines, ..fresh };
        guest.say(&format!("<resume xmlns='urn:xmpp:sm:3' h='{heard}' previd='{}'/>", guest.token)).await;
        let answer = guest.hear().await;
        if !answer.starts_with("<resumed") {
            return Err(answer);
        }
        let taken = between(&answer, " h=\"", "\"").parse().unwrap();
        Ok((guest, taken))
    }

    async fn join(&mut self) {
        let nick = self.nick().to_owned();
        self.say(&format!(
            "<presence xmlns='jabber:client' to='{ROOM}@conference.{DOMAIN}/{nick}'>\
             <x xmlns='http://jabber.org/protocol/muc'/></presence>"
        ))
        .await;
        self.hear_until("code=\"110\"").await;
    }

    fn nick(&self) -> &str {
        &self.jid[..8]
    }

    pub(crate) async fn say(&mut self, text: &str) {
        if let Err(error) = self.socket.send(Message::text(text)).await {
            panic!("{}: the socket is broken: {error}", self.jid);
        }
    }

    /// Says a line to the room.
    pub(crate) async fn chat(&mut self, line: &str) {
        let text = format!(
            "<message type='groupchat' to='{ROOM}@conference.{DOMAIN}' xmlns='jabber:client'><body>{line}</body></message>"
        );
        self.say(&text).await;
    }

    /// Says so many lines, each when it has heard the one before, and tells how many it has said.
    pub(crate) async fn chats(mut self, name: usize, count: usize, said: watch::Sender<usize>) -> Self {
        for n in 0..count {
            let line = format!("{name}-{n}");
            self.chat(&line).await;
            if n % 3 == 0 {
                self.say("<r xmlns='urn:xmpp:sm:3'/>").await;
            }
            self.hear_until(&format!(">{line}<")).await;
            said.send_replace(n + 1);
        }
        self
    }

    /// The next frame. The end of the socket is a failure.
    pub(crate) async fn hear(&mut self) -> String {
        let heard = tokio::time::timeout(PATIENCE, self.next()).await;
        let heard = heard.unwrap_or_else(|_| panic!("{} hears nothing; {:?}", self.jid, self.lines));
        heard.unwrap_or_else(|| panic!("{}: the socket has ended: {:?}", self.jid, self.ended))
    }

    pub(crate) async fn hear_until(&mut self, part: &str) -> String {
        loop {
            let text = self.hear().await;
            if text.contains(part) {
                return text;
            }
        }
    }

    /// Until so many lines were heard.
    pub(crate) async fn hear_lines(&mut self, count: usize) {
        while self.lines.len() < count {
            self.hear().await;
        }
    }

    /// Reads to the end of the socket, which must come without a close frame.
    pub(crate) async fn check_dropped(mut self) {
        while tokio::time::timeout(PATIENCE, self.next()).await.unwrap().is_some() {}
        assert!(!matches!(self.ended, Some(Error::AlreadyClosed)), "a close frame came");
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    self.note(&text).await;
                    return Some(text.to_string());
                }
                Some(Ok(Message::Close(_))) => {
                    self.ended = Some(Error::AlreadyClosed);
                    return None;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.ended = Some(error);
                    return None;
                }
                None => return None,
            }
        }
    }

    async fn note(&mut self, text: &str) {
        if text.starts_with("<r ") {
            let ack = format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.heard);
            // it may have ended by now, which the next read tells
            let _ = self.socket.send(Message::text(ack)).await;
        } else if text.starts_with("<a ") {
            self.acknowledged = between(text, " h=\"", "\"").parse().unwrap();
        } else if ["<iq", "<presence", "<message"].iter().any(|name| text.starts_with(name)) {
            self.heard += 1;
        } else if !self.token.is_empty() && !text.starts_with("<resumed") {
            assert!(self.lines.is_empty(), "{} sees {text}", self.jid);
        }
        if text.starts_with("<message") && text.contains("<body>") {
            self.lines.push(between(text, "<body>", "</body>").to_owned());
        }
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after:?} in {text}")).0
}
