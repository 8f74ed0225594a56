//! Frames both ways between a client and its shard, through the machine.
//!
//! Both directions are polled in one task, and neither waits for the other: a side that does not take what it is sent
//! stops what is read from the other side, and nothing else. What was read in one go leaves in one go.

use std::future::poll_fn;
use std::task::{Context, Poll};

use service::clock::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use xmpp::splice::{Action, Reason, Splice};

use super::wire::{Health, Wire};
use crate::limits::LOOK_EVERY;
use crate::metrics::Keeping;

/// Why it stops.
#[derive(Debug)]
pub(super) enum Ended {
    /// the client's socket broke
    Client,
    /// it said goodbye
    ClientClosed(Option<CloseFrame>),
    /// the shard's socket broke
    Shard,
    /// it said goodbye
    ShardClosed(Option<CloseFrame>),
    /// the stream goes on with this shard; run on
    Resumed,
    /// the client cannot be kept
    Dropped(Reason),
}

#[derive(Debug)]
pub(super) struct Relay<C, S> {
    client: Wire<C>,
    /// `None`: another is looked for
    shard: Option<Wire<S>>,
    splice: Splice<Utf8Bytes>,
    /// the client's socket has ended, and it had said goodbye: the next shard is told
    is_gone: bool,
    keeping: Keeping,
    look: Interval,
}

impl<C, S> Relay<C, S>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(client: Wire<C>, shard: Wire<S>, keeping: Keeping) -> Self {
        let mut look = interval_at((Clock.now() + LOOK_EVERY).into(), LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { client, shard: Some(shard), splice: Splice::new(), is_gone: false, keeping, look }
    }

    /// Runs until something is to be decided. It may be dropped and called again.
    pub(super) async fn run(&mut self) -> Ended {
        loop {
            let ended = poll_fn(|cx| match self.poll(cx) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending => self.look.poll_tick(cx).map(|_| None),
            });
            if let Some(ended) = ended.await {
                return ended;
            }
            if let Some(ended) = self.look_around() {
                return ended;
            }
        }
    }

    /// The shard is gone. Gives why the client is dropped, if it cannot be kept.
    pub(super) fn broken(&mut self) -> Option<Reason> {
        self.shard = None;
        self.splice.handle_broken();
        match self.obey() {
            Some(Ended::Dropped(reason)) => Some(reason),
            _ => None,
        }
    }

    /// Another shard: the machine speaks first.
    pub(super) fn connected(&mut self, shard: Wire<S>) -> Option<Ended> {
        self.shard = Some(shard);
        self.splice.handle_connected();
        self.obey()
    }

    /// One side said goodbye: the other is told, and both handshakes are finished.
    pub(super) async fn farewell(&mut self, frame: Option<CloseFrame>) {
        let shard = async {
            if let Some(shard) = self.shard.as_mut() {
                shard.close(frame.clone()).await;
            }
        };
        tokio::join!(self.client.close(frame.clone()), shard);
    }

    /// The client is to be dropped: what it was told last leaves before that.
    pub(super) async fn flush(&mut self) {
        self.client.flush().await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        loop {
            let mut moved = false;
            if let Some(ended) = self.poll_down(cx, &mut moved) {
                return Poll::Ready(ended);
            }
            if let Some(ended) = self.poll_up(cx, &mut moved) {
                return Poll::Ready(ended);
            }
            if !moved {
                break;
            }
        }
        self.keeping.tell(self.splice.kept());
        if !self.is_gone && self.client.poll_flush(cx).is_err() {
            return Poll::Ready(Ended::Client);
        }
        match self.shard.as_mut().map(|shard| shard.poll_flush(cx)) {
            Some(Err(_)) => Poll::Ready(Ended::Shard),
            Some(Ok(())) | None => Poll::Pending,
        }
    }

    /// From the shard, as long as the client takes it.
    fn poll_down(&mut self, cx: &mut Context<'_>, moved: &mut bool) -> Option<Ended> {
        while let Some(shard) = self.shard.as_mut() {
            if !self.is_gone {
                match self.client.poll_ready(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Some(Ended::Client),
                    Poll::Pending => {
                        shard.leave_unread();
                        return None;
                    }
                }
            }
            let Poll::Ready(message) = shard.poll_read(cx) else { return None };
            *moved = true;
            let ended = match message {
                Some(Message::Text(text)) => {
                    self.splice.handle_server(text);
                    self.obey()
                }
                Some(Message::Binary(_)) if !self.splice.is_live() => Some(Ended::Shard),
                Some(message @ Message::Binary(_)) => self.put_client(message),
                Some(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => None,
                Some(Message::Close(frame)) if self.splice.is_live() => Some(Ended::ShardClosed(frame)),
                Some(Message::Close(_)) | None => Some(Ended::Shard),
            };
            if ended.is_some() {
                return ended;
            }
        }
        None
    }

    /// From the client, as long as the shard takes it, or the machine keeps it.
    fn poll_up(&mut self, cx: &mut Context<'_>, moved: &mut bool) -> Option<Ended> {
        while !self.is_gone {
            let is_ready = match self.shard.as_mut().map(|shard| shard.poll_ready(cx)) {
                Some(Poll::Ready(Err(_))) => return Some(Ended::Shard),
                Some(Poll::Pending) => false,
                Some(Poll::Ready(Ok(()))) | None => self.splice.takes_client(),
            };
            if !is_ready {
                self.client.leave_unread();
                return None;
            }
            let Poll::Ready(message) = self.client.poll_read(cx) else { return None };
            *moved = true;
            let ended = match message {
                Some(Message::Text(text)) => {
                    self.splice.handle_client(text);
                    self.obey()
                }
                Some(message @ Message::Binary(_)) if self.splice.is_live() => self.put_shard(message),
                Some(Message::Binary(_)) => Some(Ended::Client),
                Some(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => None,
                Some(Message::Close(_)) | None if self.leaves_word() => None,
                Some(Message::Close(frame)) => Some(Ended::ClientClosed(frame)),
                None => Some(Ended::Client),
            };
            if ended.is_some() {
                return ended;
            }
        }
        None
    }

    /// The client has gone while there was no shard to tell its goodbye to.
    fn leaves_word(&mut self) -> bool {
        self.is_gone = self.splice.has_left() && !self.splice.is_live();
        self.is_gone
    }

    fn obey(&mut self) -> Option<Ended> {
        let mut ended = None;
        while let Some(action) = self.splice.poll_action() {
            let next = match action {
                Action::ToServer(text) => self.put_shard(Message::Text(text)),
                Action::ToClient(text) => self.put_client(Message::Text(text)),
                Action::Resumed => Some(Ended::Resumed),
                Action::Drop(reason) => return Some(Ended::Dropped(reason)),
            };
            // a socket that breaks is more than a resume that it was about
            if !matches!(ended, Some(Ended::Client | Ended::Shard)) {
                ended = next.or(ended);
            }
        }
        ended
    }

    fn put_client(&mut self, message: Message) -> Option<Ended> {
        (!self.is_gone && self.client.put(message).is_err()).then_some(Ended::Client)
    }

    fn put_shard(&mut self, message: Message) -> Option<Ended> {
        self.shard.as_mut().is_some_and(|shard| shard.put(message).is_err()).then_some(Ended::Shard)
    }

    fn look_around(&mut self) -> Option<Ended> {
        if !self.is_gone && self.client.look() != Health::Well {
            return Some(Ended::Client);
        }
        match self.shard.as_mut().map(Wire::look) {
            // one that does not read has its reasons, and heartbeats tell whether it lives
            Some(Health::Silent) => Some(Ended::Shard),
            Some(Health::Well | Health::Stuck) | None => None,
        }
    }
}
