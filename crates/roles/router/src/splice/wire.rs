//! A WebSocket, as the relay uses it: never more buffered than a little, and no silence that lasts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Sink as _, SinkExt as _, Stream as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::limits::{LOOKS_OF_SILENCE_MAX, LOOKS_STUCK_MAX, WIRE_READ_BYTES, WIRE_WRITE_BYTES};
use crate::pump::Side;
use crate::steer::Sign;

#[derive(Debug)]
pub(super) struct Wire<S> {
    socket: WebSocketStream<S>,
    /// something waits for [`Wire::poll_flush`]
    unflushed: bool,
    /// since the last look: something was heard; everything was taken; nothing was to be heard, as nobody read
    heard: bool,
    taken: bool,
    unread: bool,
    /// looks in a row
    silent: u32,
    stuck: u32,
    /// who else wants to know that something was heard
    sign: Option<Arc<Sign>>,
}

/// What a look at a wire says of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Well,
    /// it says nothing any more
    Silent,
    /// it reads nothing any more
    Stuck,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// After the handshake. A message of more than `bytes_max` ends it.
    pub(super) async fn new(side: Side<S>, role: Role, bytes_max: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(WIRE_READ_BYTES)
            .write_buffer_size(WIRE_WRITE_BYTES)
            .max_message_size(Some(bytes_max))
            .max_frame_size(Some(bytes_max));
        let early = side.early.to_vec();
        let socket = WebSocketStream::from_partially_read(side.stream, early, role, Some(config)).await;
        Self {
            socket,
            unflushed: false,
            heard: true,
            taken: true,
            unread: false,
            silent: 0,
            stuck: 0,
            sign: None,
        }
    }

    /// Whatever is heard is a sign of life.
    pub(super) fn telling(self, sign: &Arc<Sign>) -> Self {
        Self { sign: Some(Arc::clone(sign)), ..self }
    }

    /// The next message; `None`: it is over.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let read = Pin::new(&mut self.socket).poll_next(cx);
        match read {
            Poll::Ready(Some(Ok(message))) => {
                self.heard = true;
                if let Some(sign) = &self.sign {
                    sign.give();
                }
                // its answer leaves with whatever comes next
                self.unflushed |= matches!(message, Message::Ping(_) | Message::Close(_));
                Poll::Ready(Some(message))
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "a WebSocket has ended");
                Poll::Ready(None)
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Nobody reads from it now, as what it says could not be passed on.
    pub(super) fn leave_unread(&mut self) {
        self.unread = true;
    }

    /// Whether it takes another message.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_ready(cx)
    }

    /// Takes it in any case, and keeps it until [`Wire::poll_flush`] is done.
    pub(super) fn put(&mut self, message: Message) -> Result<(), Error> {
        self.unflushed = true;
        Pin::new(&mut self.socket).start_send(message)
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        if !self.unflushed {
            return Ok(());
        }
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                self.taken = true;
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(()),
        }
    }

    /// Waits until what was put has left.
    pub(super) async fn flush(&mut self) {
        // one that is broken takes nothing any more
        let _ = self.socket.flush().await;
    }

    /// To be called now and then, every time after the same pause. Whoever is silent is pinged.
    pub(super) fn look(&mut self) -> Health {
        let [heard, unread, taken] = [&mut self.heard, &mut self.unread, &mut self.taken].map(std::mem::take);
        let is_silent = !heard && !unread;
        let is_stuck = self.unflushed && !taken;
        self.silent = if is_silent { self.silent + 1 } else { 0 };
        self.stuck = if is_stuck { self.stuck + 1 } else { 0 };
        if self.stuck >= LOOKS_STUCK_MAX {
            return Health::Stuck;
        }
        if self.silent >= LOOKS_OF_SILENCE_MAX {
            return Health::Silent;
        }
        if is_silent && self.put(Message::Ping(Bytes::new())).is_err() {
            return Health::Silent;
        }
        Health::Well
    }

    /// A closing handshake, to its end.
    pub(super) async fn close(&mut self, frame: Option<CloseFrame>) {
        // one that has closed already answers by itself
        let _ = self.socket.close(frame).await;
        let _ = self.socket.flush().await;
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}
