//! The ledger, and the append that may be under way: it has the ledger so long.

use std::future::Future;
use std::pin::Pin;

use journal::Error;

use super::ledger::Ledger;

type Appending = Pin<Box<dyn Future<Output = (Ledger, Result<u64, Error>)> + Send>>;

pub(super) struct Books {
    state: State,
}

enum State {
    AtRest(Ledger),
    Appending(Appending),
    /// between the two
    Open,
}

impl Books {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { state: State::AtRest(ledger) }
    }

    /// The ledger, unless an append is under way.
    pub(super) fn at_rest(&mut self) -> Option<&mut Ledger> {
        match &mut self.state {
            State::AtRest(ledger) => Some(ledger),
            State::Appending(_) | State::Open => None,
        }
    }

    /// Begins an append, where none is under way.
    pub(super) fn begin(&mut self, records: Vec<Vec<u8>>) {
        self.state = match std::mem::replace(&mut self.state, State::Open) {
            State::AtRest(mut ledger) => State::Appending(Box::pin(async move {
                let count = records.len() as u64;
                let done = ledger.append(records).await;
                (ledger, done.map(|()| count))
            })),
            State::Appending(_) | State::Open => unreachable!("the tenure gives one append at a time"),
        };
    }

    /// Waits for the end of the append, and tells how many records are durable by it; for ever where none is under way.
    /// Nothing is lost when this is dropped while it waits.
    pub(super) async fn appended(&mut self) -> Result<u64, Error> {
        let State::Appending(appending) = &mut self.state else { return std::future::pending().await };
        let (ledger, done) = appending.await;
        self.state = State::AtRest(ledger);
        done
    }
}
