//! The journal of meetings: records appended at an expected position, replayed in order.
//!
//! What comes in: opaque records of a meeting, with the position at which the writer expects them to land. What goes
//! out: the promise that they are durable, or a refusal; and, after a crash, the newest snapshot of a meeting with
//! every record since.
//!
//! A position is the whole fence: who appends at position `n` must have seen `n` records. An append elsewhere is
//! refused with [`Error::WrongPosition`], and the writer lets go of the meeting. There is no lock, no lease and no
//! clock in it.
//!
//! Each record and each snapshot carries a checksum over its bytes, its meeting and its position. A damaged one is
//! named with [`Error::Damaged`]; nothing is skipped and nothing guessed.
//!
//! Three engines stand behind the trait: [`Memory`], with faults on request, for tests and simulation; [`Redb`], one
//! file for one machine, with one writer thread that commits all that waits in one transaction; [`Nats`], JetStream, for
//! many machines. All pass the same suite (`contract`).
//!
//! In a cluster the engine also has the [`Registry`], in which nodes find each other, and the [`Places`]: which shard is
//! to run which meeting. Memory and NATS are engines of that kind.
//!
//! It refuses to know what a record means, who writes it and when a snapshot is due.

mod checksum;
mod disk;
mod limits;
mod memory;
mod nats;
mod places;
mod registry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(test)]
mod contract;

use std::future::Future;
use std::pin::Pin;

pub use disk::Redb;
pub use limits::{RECORD_BYTES_MAX, SET_ASIDE_MAX, SNAPSHOT_BYTES_MAX};
pub use memory::{Fault, Memory};
pub use nats::{Credentials, Found, Nats, NatsConfig};
pub use places::{Change, Place, Places, Revision};
pub use registry::{Node, Nodes, Registry, Role};

/// Number of records before it: the first record of a meeting has position 0.
pub type Position = u64;

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// One engine behind which meetings are kept.
pub trait Journal: Send + Sync + 'static {
    /// Appends `records` at `expected`; resolves when all of them are durable. A refusal leaves none of them; where the
    /// engine fails in between, the first ones may be there (NATS, if they do not fit into one message).
    ///
    /// After [`Error::Unavailable`] or [`Error::Full`] they may have become durable or not: a repetition that meets
    /// [`Error::WrongPosition`] has to read what stands there before it calls itself fenced.
    fn append(&self, meeting: &str, expected: Position, records: Vec<Vec<u8>>) -> Answer<'_, ()>;

    /// The newest snapshot, if any, and every record since it (or since the beginning).
    fn replay(&self, meeting: &str) -> Answer<'_, Replay>;

    /// Stores the state after all records, of which there are `position`, and drops them. Fenced as an append is:
    /// refused with [`Error::WrongPosition`] where the journal does not stand there.
    fn snapshot(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()>;

    /// Writes down a meeting of which the journal has nothing, as it stands after `position` records: after
    /// [`Error::Lost`]. Refused with [`Error::WrongPosition`] where there is something.
    fn restore(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()>;

    /// Forgets a meeting that stands at `expected`; its next record has position 0 again. Fenced as an append is, so
    /// that a former owner does not end what another one goes on with. An unknown meeting stands at 0.
    fn purge(&self, meeting: &str, expected: Position) -> Answer<'_, ()>;

    /// Puts what there is of a meeting aside, as it is, damaged or not: nothing replays it, and the meeting begins anew
    /// as after [`Journal::purge`]. Of all that was put aside the newest [`SET_ASIDE_MAX`] are kept, for people to look
    /// at. Doing so with an unknown meeting is no error.
    fn set_aside(&self, meeting: &str) -> Answer<'_, ()>;

    /// The meetings that were put aside, oldest first; one can be there more than once.
    fn aside(&self) -> Answer<'_, Vec<String>>;

    /// All meetings that have records or a snapshot, in the order of their names; not those that were put aside.
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

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "meeting {meeting}: append at {expected}, but the journal stands at {actual}: another shard owns it"
    )]
    WrongPosition { meeting: String, expected: Position, actual: Position },
    /// Of an append: the engine has nothing of the meeting, and it is not the one that it was.
    #[error("meeting {meeting}: the engine has lost its journal")]
    Lost { meeting: String },
    #[error("meeting {meeting} has a place already: {place:?}")]
    Placed { meeting: String, place: Option<Place> },
    #[error("meeting {meeting}: the journal has a damaged record at {position}")]
    Damaged { meeting: String, position: Position },
    #[error("meeting {meeting}: the journal has something that this version did not write: {what}")]
    Foreign { meeting: String, what: String },
    #[error("meeting {meeting}: a record of {bytes} bytes is more than the journal takes")]
    TooLarge { meeting: String, bytes: usize },
    #[error("the journal cannot be reached: {0}")]
    Unavailable(String),
    #[error("the journal is full: {0}; free space on its disk")]
    Full(String),
    #[error("the engine cannot be used: {0}")]
    Unusable(String),
    #[error("the data directory {0} is in use by another process; stop it or choose another with --data")]
    Locked(String),
}

impl Error {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}
