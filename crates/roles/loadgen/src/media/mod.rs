//! Media of many participants, in a few threads that do nothing else.
//!
//! The signalling of a participant lives in the one thread of the run; what its machine says of media is passed on to
//! the thread that has its [`Peer`](participant::media::Peer), with a socket of its own for each session. What was
//! measured comes back when everybody is gone.

mod flow;
mod outcome;
mod socket;
mod worker;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use anyhow::Context as _;
use participant::Author;
use participant::media::{Command, Settings};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub use flow::Flow;
pub(crate) use flow::Gauge;
use flow::{Totals, Window};
pub(crate) use outcome::Outcome;
use worker::{Order, Worker};

use crate::limits::MEDIA_THREADS_MAX;
use crate::run::Now;

/// Where participants' media are ordered.
pub(crate) struct Desk {
    threads: Vec<Thread>,
    seed: u64,
}

struct Thread {
    orders: Sender<Order>,
    waker: Arc<mio::Waker>,
    window: Window,
    worker: JoinHandle<Outcome>,
}

impl Desk {
    /// # Errors
    /// The machine gives no thread.
    pub(crate) fn open(now: Now, seed: u64) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..cores.min(MEDIA_THREADS_MAX)).map(|_| Thread::start(now));
        Ok(Self { threads: threads.collect::<anyhow::Result<_>>()?, seed })
    }

    /// What comes back tells of each connection that fails: a session has one at most.
    pub(crate) fn enter(&self, author: Author, settings: &Arc<Settings>) -> UnboundedReceiver<()> {
        let (failures, told) = unbounded_channel();
        self.order(author, Order::Enter(author, Arc::clone(settings), self.seed, failures));
        told
    }

    pub(crate) fn tell(&self, author: Author, command: Command) {
        self.order(author, Order::Tell(author, command));
    }

    pub(crate) fn leave(&self, author: Author) {
        self.order(author, Order::Leave(author));
    }

    /// Nobody sends anything any more, and silence is no gap.
    pub(crate) fn finish(&self) {
        self.threads.iter().for_each(|thread| thread.order(Order::Finish));
    }

    /// What flowed so far; the delays are those since it was asked for the last time.
    pub(super) fn totals(&self) -> Totals {
        self.threads.iter().fold(Totals::default(), |all, thread| all.plus(&thread.window.look()))
    }

    /// Everybody is gone: what was it like?
    pub(crate) fn close(self) -> Outcome {
        let mut all = Outcome::default();
        for Thread { orders, waker, worker, .. } in self.threads {
            drop(orders);
            let _ = waker.wake();
            if let Ok(outcome) = worker.join() {
                all.merge(outcome);
            }
        }
        all
    }

    fn order(&self, author: Author, order: Order) {
        let count = self.threads.len().max(1);
        if let Some(thread) = self.threads.get(author.participant as usize % count) {
            thread.order(order);
        }
    }
}

impl Thread {
    fn start(now: Now) -> anyhow::Result<Self> {
        let (orders, inbox) = channel();
        let poll = mio::Poll::new().context("no place to wait for datagrams")?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), worker::BELL)?);
        let builder = std::thread::Builder::new().name("load-media".to_owned());
        let window = Window::default();
        let shown = window.clone();
        let worker = builder.spawn(move || Worker::new(now, inbox, poll, shown).run())?;
        Ok(Self { orders, waker, window, worker })
    }

    /// A thread that is gone has nobody left.
    fn order(&self, order: Order) {
        if self.orders.send(order).is_ok() {
            let _ = self.waker.wake();
        }
    }
}
