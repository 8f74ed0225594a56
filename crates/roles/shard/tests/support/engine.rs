//! An engine with faults of its own, for one shard alone.

use journal::{Answer, Journal, Memory, Position, Replay};
use tokio::sync::watch;

pub(crate) struct Faulty {
    pub(crate) memory: Memory,
    /// while it says so, appends are not answered
    pub(crate) stalls: watch::Receiver<bool>,
    /// ... or snapshots are not
    pub(crate) stalls_at_snapshots: watch::Receiver<bool>,
    /// replays of this meeting never are
    pub(crate) silent_about: Option<&'static str>,
}

/// What makes an engine stall.
#[derive(Default)]
pub(crate) struct Gate(watch::Sender<bool>);

impl Gate {
    pub(crate) fn subscribe(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    pub(crate) fn shut(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(false);
    }
}

impl Faulty {
    /// Without any fault.
    pub(crate) fn new(memory: &Memory) -> Self {
        let never = Gate::default().subscribe();
        let memory = memory.clone();
        Self { memory, stalls: never.clone(), stalls_at_snapshots: never, silent_about: None }
    }
}

impl Journal for Faulty {
    fn append(&self, meeting: &str, expected: Position, records: Vec<Vec<u8>>) -> Answer<'_, ()> {
        let (meeting, mut stalls) = (meeting.to_owned(), self.stalls.clone());
        Box::pin(async move {
            // the gate may be gone with its test
            let _ = stalls.wait_for(|stalls| !stalls).await;
            self.memory.append(&meeting, expected, records).await
        })
    }

    fn replay(&self, meeting: &str) -> Answer<'_, Replay> {
        if self.silent_about == Some(meeting) {
            return Box::pin(std::future::pending());
        }
        self.memory.replay(meeting)
    }

    fn snapshot(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()> {
        let (meeting, mut stalls) = (meeting.to_owned(), self.stalls_at_snapshots.clone());
        Box::pin(async move {
            let _ = stalls.wait_for(|stalls| !stalls).await;
            self.memory.snapshot(&meeting, position, bytes).await
        })
    }

    fn restore(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()> {
        self.memory.restore(meeting, position, bytes)
    }

    fn purge(&self, meeting: &str, expected: Position) -> Answer<'_, ()> {
        self.memory.purge(meeting, expected)
    }

    fn set_aside(&self, meeting: &str) -> Answer<'_, ()> {
        self.memory.set_aside(meeting)
    }

    fn aside(&self) -> Answer<'_, Vec<String>> {
        self.memory.aside()
    }

    fn meetings(&self) -> Answer<'_, Vec<String>> {
        self.memory.meetings()
    }
}
