//! The ledger, and what is being written into it: that has the ledger so long.

use std::future::Future;
use std::pin::Pin;

use journal::Error;

use super::ledger::Ledger;

type Appending = Pin<Box<dyn Future<Output = (Ledger, Result<u64, Error>)> + Send>>;
type Snapping = Pin<Box<dyn Future<Output = Ledger> + Send>>;

pub(super) struct Books {
    state: State,
}

enum State {
    AtRest(Ledger),
    Appending(Appending),
    /// a snapshot is being kept
    Snapping(Snapping),
    /// between two of them
    Open,
}

impl Books {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { state: State::AtRest(ledger) }
    }

    /// The ledger, unless something is being written.
    pub(super) fn at_rest(&mut self) -> Option<&mut Ledger> {
        match &mut self.state {
            State::AtRest(ledger) => Some(ledger),
            State::Appending(_) | State::Snapping(_) | State::Open => None,
        }
    }

    /// The ledger, once a snapshot that is under way is kept; none where an append is.
    pub(super) async fn rest(&mut self) -> Option<&mut Ledger> {
        self.snapped().await;
        self.at_rest()
    }

    /// Begins an append, where none is under way; it waits for a snapshot that is.
    pub(super) fn begin(&mut self, records: Vec<Vec<u8>>) {
        self.work(move |mut ledger: Ledger| async move {
            let count = records.len() as u64;
            let done = ledger.append(records).await;
            (ledger, done.map(|()| count))
        });
    }

    /// Begins to write everything anew, where no append is under way: `state` has `count` entries more than were appended.
    pub(super) fn restore(&mut self, state: Vec<u8>, count: u64) {
        self.work(move |mut ledger: Ledger| async move {
            let done = ledger.restore(state, count).await;
            (ledger, done.map(|()| count))
        });
    }

    fn work<W, F>(&mut self, work: W)
    where
        W: FnOnce(Ledger) -> F + Send + 'static,
        F: Future<Output = (Ledger, Result<u64, Error>)> + Send,
    {
        self.state = State::Appending(match std::mem::replace(&mut self.state, State::Open) {
            State::AtRest(ledger) => Box::pin(async move { work(ledger).await }),
            State::Snapping(snapping) => Box::pin(async move { work(snapping.await).await }),
            State::Appending(_) | State::Open => unreachable!("the tenure gives one append at a time"),
        });
    }

    /// Begins to keep a snapshot, the state after everything that was appended, where nothing is being written. Nobody
    /// waits for it but the next append: an engine that stalls just then does not hold the meeting up.
    pub(super) fn snapshot(&mut self, bytes: impl FnOnce() -> Vec<u8>) {
        self.state = match std::mem::replace(&mut self.state, State::Open) {
            State::AtRest(mut ledger) => {
                let bytes = bytes();
                State::Snapping(Box::pin(async move {
                    ledger.snapshot(bytes).await;
                    ledger
                }))
            }
            busy => busy,
        };
    }

    /// Waits for the end of the append, and tells how many records are durable by it; for ever where none is under way.
    /// Nothing is lost when this is dropped while it waits.
    pub(super) async fn appended(&mut self) -> Result<u64, Error> {
        self.snapped().await;
        let State::Appending(appending) = &mut self.state else { return std::future::pending().await };
        let (ledger, done) = appending.await;
        self.state = State::AtRest(ledger);
        done
    }

    async fn snapped(&mut self) {
        if let State::Snapping(snapping) = &mut self.state {
            self.state = State::AtRest(snapping.await);
        }
    }
}
