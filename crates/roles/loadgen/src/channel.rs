//! The bridge channel of one participant, where it is a WebSocket.

use std::pin::Pin;
use std::rc::Rc;

use participant::Closing;

use crate::dial::Dialer;
use crate::websocket::WebSocket;

#[derive(Default)]
pub(crate) enum Channel {
    #[default]
    None,
    Opening(Pin<Box<dyn Future<Output = Result<WebSocket, Closing>>>>),
    Open(Box<WebSocket>),
}

pub(crate) enum Event {
    Open,
    Heard(String),
    Closed(Closing),
}

impl Channel {
    pub(crate) fn open(dialer: Rc<Dialer>, url: String) -> Self {
        Self::Opening(Box::pin(async move {
            let url = url.parse().map_err(|_| Closing::Unreachable(format!("{url} is no address")))?;
            WebSocket::open(&dialer, &url, None).await
        }))
    }

    /// The next thing that happens to it; to be dropped at will.
    pub(crate) async fn next(&mut self) -> Event {
        let closed = match self {
            Self::None => std::future::pending().await,
            Self::Opening(opened) => match opened.await {
                Ok(socket) => {
                    *self = Self::Open(Box::new(socket));
                    return Event::Open;
                }
                Err(how) => how,
            },
            Self::Open(socket) => match socket.hear().await {
                Ok(text) => return Event::Heard(text),
                Err(how) => how,
            },
        };
        *self = Self::None;
        Event::Closed(closed)
    }

    /// To nobody, where it is not open.
    pub(crate) async fn say(&mut self, text: String) -> Result<(), Closing> {
        let Self::Open(socket) = self else { return Ok(()) };
        let said = match socket.say(text).await {
            Ok(()) => socket.flush().await,
            Err(how) => Err(how),
        };
        if said.is_err() {
            *self = Self::None;
        }
        said
    }

    /// With its handshake, which nobody waits for.
    pub(crate) fn close(&mut self) {
        if let Self::Open(socket) = std::mem::take(self) {
            tokio::task::spawn_local(socket.close());
        }
    }
}
