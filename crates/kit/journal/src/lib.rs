//! The journal of meetings: records appended at an expected position, replayed in order.
//!
//! A position is the whole fence: who appends at position `n` must have seen `n` records. An append elsewhere is
//! refused with [`Error::WrongPosition`], and the writer lets go of the meeting.

use std::future::Future;
use std::pin::Pin;

/// Number of records before it: the first record of a meeting has position 0.
pub type Position = u64;

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// One engine behind which meetings are kept. Implementations: memory (tests), redb (one machine).
pub trait Journal: Send + Sync + 'static {
    /// Appends `records` at `expected`, all or none; resolves when they are durable.
    fn append(&self, meeting: &str, expected: Position, records: Vec<Vec<u8>>) -> Answer<'_, ()>;

    /// The newest snapshot, if any, and every record since it (or since the beginning).
    fn replay(&self, meeting: &str) -> Answer<'_, Replay>;

    /// Stores the state after `position` records and drops the records before it.
    fn snapshot(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()>;

    /// Forgets a meeting.
    fn purge(&self, meeting: &str) -> Answer<'_, ()>;

    /// All meetings that have records or a snapshot.
    fn meetings(&self) -> Answer<'_, Vec<String>>;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// state after this many records
    pub snapshot: Option<(Position, Vec<u8>)>,
    pub records: Vec<Vec<u8>>,
    /// position of the next append
    pub next: Position,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("meeting {meeting}: append at {expected}, but the journal stands at {actual}: another shard owns it")]
    WrongPosition { meeting: String, expected: Position, actual: Position },
    #[error("meeting {meeting}: the journal has a damaged record at {position}")]
    Damaged { meeting: String, position: Position },
    #[error("the journal cannot be reached: {0}")]
    Unavailable(String),
    #[error("the journal is full: {0}")]
    Full(String),
}
