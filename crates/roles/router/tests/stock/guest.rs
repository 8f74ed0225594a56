//! A guest in a room over XMPP and WebSocket (RFC 7395), as far as a room needs it.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use router::Running;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{SOON, Socket, open};

pub(crate) struct Guest {
    socket: Socket,
    heard: String,
}

impl Guest {
    /// Enters the room under `nick`; comes again if it is turned away, as clients do.
    pub(crate) async fn enter(router: &Running, room: &str, nick: &str) -> Self {
        let path = format!("/xmpp-websocket?room={room}");
        let opened = async {
            loop {
                match open(router, &path).await {
                    Ok(socket) => return socket,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        let socket = timeout(SOON, opened).await.expect("a WebSocket in time");
        let mut guest = Self { socket, heard: String::new() };
        let header = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.internal' version='1.0'/>";
        guest.say(header).await;
        guest.hear("ANONYMOUS").await;
        guest.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>").await;
        guest.hear("<success").await;
        guest.say(header).await;
        guest.hear("xmpp-bind").await;
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
        guest.say(&format!("<iq xmlns='jabber:client' type='set' id='bind'>{bind}</iq>")).await;
        guest.hear("<jid>").await;
        let to = format!("{room}@conference.meet.internal/{nick}");
        let join = "<x xmlns='http://jabber.org/protocol/muc'/>";
        guest.say(&format!("<presence xmlns='jabber:client' to='{to}'>{join}</presence>")).await;
        guest.hear("code='110'").await;
        guest
    }

    /// Waits for the presence of another one.
    pub(crate) async fn sees(&mut self, nick: &str) {
        self.hear(&format!("@conference.meet.internal/{nick}'")).await;
    }

    /// Waits until the socket breaks.
    pub(crate) async fn loses_its_socket(mut self) {
        let ended = async {
            while let Some(Ok(message)) = self.socket.next().await {
                assert!(!message.is_close(), "never a goodbye that nobody said: {message}");
            }
        };
        timeout(SOON, ended).await.expect("the socket breaks in time");
    }

    async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).await.unwrap();
    }

    async fn hear(&mut self, part: &str) {
        let heard = async {
            while !self.heard.contains(part) {
                let message = self.socket.next().await.expect("the socket lives").unwrap();
                self.heard.push_str(&message.into_text().unwrap());
            }
        };
        timeout(SOON, heard).await.unwrap_or_else(|_| panic!("{part} is not in {}", self.heard));
    }
}
