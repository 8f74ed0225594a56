//! What carries the frames of one participant.

use participant::Closing;

use crate::bosh::Bosh;
use crate::websocket::WebSocket;

pub(crate) enum Transport {
    WebSocket(Box<WebSocket>),
    Bosh(Box<Bosh>),
}

impl Transport {
    /// The next frame; or how it ended. To be dropped at will.
    pub(crate) async fn hear(&mut self) -> Result<String, Closing> {
        match self {
            Self::WebSocket(socket) => socket.hear().await,
            Self::Bosh(bosh) => bosh.hear().await,
        }
    }

    /// Takes a frame; it leaves with [`flush`](Self::flush), or before, or with others a moment later.
    pub(crate) async fn say(&mut self, text: String) -> Result<(), Closing> {
        match self {
            Self::WebSocket(socket) => socket.say(text).await,
            Self::Bosh(bosh) => {
                bosh.say(text);
                Ok(())
            }
        }
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Closing> {
        match self {
            Self::WebSocket(socket) => socket.flush().await,
            Self::Bosh(_) => Ok(()),
        }
    }

    /// Once everything is said.
    pub(crate) async fn close(self) {
        match self {
            Self::WebSocket(socket) => socket.close().await,
            Self::Bosh(bosh) => bosh.close().await,
        }
    }
}
