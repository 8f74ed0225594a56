//! The way into a media thread from the rest of the process.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use colibri::{ConferenceModified, ConferenceModify, Refusal};
use sfu::SocketId;
use tokio::sync::{mpsc, oneshot};

use super::outbox::Outbox;
use super::tally::Tally;
use crate::limits::COMMANDS_MAX;

/// What a media thread is asked.
#[derive(Debug)]
pub(crate) enum Command {
    Request {
        ticket: u64,
        request: Box<ConferenceModify>,
        answers: mpsc::Sender<Answer>,
    },
    /// a WebSocket asks to be the bridge channel of an endpoint
    OpenSocket {
        socket: SocketId,
        conference: String,
        endpoint: String,
        password: String,
        outbox: Outbox,
        accepted: oneshot::Sender<bool>,
    },
    SocketMessage {
        socket: SocketId,
        text: String,
    },
    SocketClosed {
        socket: SocketId,
    },
    Stop,
}

/// The answer to a [`Command::Request`], in the order in which its thread handled them.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) ticket: u64,
    pub(crate) result: Result<ConferenceModified, Refusal>,
}

/// The media thread is gone: it panicked, or the bridge ends.
#[derive(Debug, thiserror::Error)]
#[error("the media thread has ended")]
pub(crate) struct Ended;

/// Clones lead into the same thread.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// apart from the sockets' queue: no client can delay the focus
    focus: mpsc::Sender<Command>,
    sockets: mpsc::Sender<Command>,
    bell: Arc<Bell>,
    board: Arc<Board>,
}

/// A media thread's ends of the queues of its [`Door`].
#[derive(Debug)]
pub(crate) struct Queues {
    pub(crate) focus: mpsc::Receiver<Command>,
    pub(crate) sockets: mpsc::Receiver<Command>,
}

impl Door {
    pub(crate) fn new(bell: Arc<Bell>, board: Arc<Board>) -> (Self, Queues) {
        let (focus, focus_out) = mpsc::channel(COMMANDS_MAX);
        let (sockets, sockets_out) = mpsc::channel(COMMANDS_MAX);
        (Self { focus, sockets, bell, board }, Queues { focus: focus_out, sockets: sockets_out })
    }

    /// For requests. Waits while the thread has too much to do.
    pub(crate) async fn room(&self) -> Result<Room, Ended> {
        let place = self.focus.clone().reserve_owned().await.map_err(|_| Ended)?;
        Ok(Room { place, bell: self.bell.clone() })
    }

    /// For the end. Does not wait. `false`: the thread has too much to do, or has ended.
    pub(crate) fn ask(&self, command: Command) -> bool {
        let taken = self.focus.try_send(command).is_ok();
        self.bell.ring();
        taken
    }

    /// For sockets. Waits while the thread has too much to do.
    pub(crate) async fn send(&self, command: Command) -> Result<(), Ended> {
        self.sockets.send(command).await.map_err(|_| Ended)?;
        self.bell.ring();
        Ok(())
    }

    /// For sockets. Does not wait. `false`: not taken.
    pub(crate) fn try_send(&self, command: Command) -> bool {
        let taken = self.sockets.try_send(command).is_ok();
        self.bell.ring();
        taken
    }

    pub(crate) fn board(&self) -> &Board {
        &self.board
    }
}

/// Room for one request, kept free for its holder.
#[derive(Debug)]
pub(crate) struct Room {
    place: mpsc::OwnedPermit<Command>,
    bell: Arc<Bell>,
}

impl Room {
    pub(crate) fn ask(self, command: Command) {
        self.place.send(command);
        self.bell.ring();
    }
}

/// Wakes a media thread that sleeps; costs nothing while it is awake.
#[derive(Debug)]
pub(crate) struct Bell {
    waker: mio::Waker,
    rung: AtomicBool,
}

impl Bell {
    pub(crate) fn new(waker: mio::Waker) -> Self {
        Self { waker, rung: AtomicBool::new(false) }
    }

    /// To be called after something was put into one of the thread's queues.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst)
            && let Err(e) = self.waker.wake()
        {
            tracing::warn!(error = %e, "a media thread could not be woken, it will be late");
        }
    }

    /// The thread calls it before it empties its queues: who puts something in afterwards rings again.
    pub(crate) fn hush(&self) {
        self.rung.store(false, Ordering::SeqCst);
    }
}

/// Where a media thread shows how it is.
#[derive(Debug)]
pub(crate) struct Board {
    start: Instant,
    last_turn_millis: AtomicU64,
    ended: AtomicBool,
    posting: Mutex<Posting>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Posting {
    pub(crate) stats: sfu::Stats,
    pub(crate) tally: Tally,
}

impl Board {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            last_turn_millis: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            posting: Mutex::new(Posting::default()),
        }
    }

    pub(crate) fn turned(&self, now: Instant) {
        let millis = now.saturating_duration_since(self.start).as_millis();
        self.last_turn_millis.store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Never waits: where a reader is looking, the next post will do.
    pub(crate) fn post(&self, posting: Posting) {
        if let Ok(mut shown) = self.posting.try_lock() {
            *shown = posting;
        }
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn posting(&self) -> Posting {
        *self.posting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long ago the thread last finished a turn; `None`: it has ended.
    pub(crate) fn idle_for(&self, now: Instant) -> Option<Duration> {
        if self.ended.load(Ordering::Relaxed) {
            return None;
        }
        let turned = self.start + Duration::from_millis(self.last_turn_millis.load(Ordering::Relaxed));
        Some(now.saturating_duration_since(turned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::clock::Clock;

    #[test]
    fn a_board_tells_a_slow_thread_from_an_ended_one() {
        let start = Clock.now();
        let board = Board::new(start);
        board.turned(start + Duration::from_secs(2));
        assert_eq!(board.idle_for(start + Duration::from_secs(5)), Some(Duration::from_secs(3)));
        board.end();
        assert_eq!(board.idle_for(start), None);
    }

    #[test]
    fn a_bell_rung_before_sleep_ends_the_sleep() {
        let mut poll = mio::Poll::new().unwrap();
        let bell = Bell::new(mio::Waker::new(poll.registry(), mio::Token(1)).unwrap());
        let mut events = mio::Events::with_capacity(4);
        bell.ring();
        bell.ring();
        poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert_eq!(events.iter().count(), 1);

        bell.hush();
        bell.ring();
        poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert_eq!(events.iter().count(), 1);
    }
}
