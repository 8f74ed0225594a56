//! Which shard has which meeting: one record a room, written by compare-and-set, so that no two routers disagree.
//!
//! A place is advice, not ownership: who owns a meeting is decided by the next append to its journal. But a shard
//! takes over a meeting only if the place names it, so that a router with old news takes nothing away from anybody.

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::Answer;

/// Grows with every change of a room's place; what a change expects to replace.
pub type Revision = u64;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// id of the node
    pub shard: String,
    pub revision: Revision,
}

/// A place that this process has heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `ROOM` or `[TENANT]ROOM`
    pub meeting: String,
    /// `None`: it has no place any more
    pub place: Option<Place>,
}

pub trait Places: Send + Sync + 'static {
    /// Gives `meeting` to `shard`, if its place is still of revision `expected` (0: it has none), and tells the new
    /// revision.
    ///
    /// # Errors
    /// [`crate::Error::Placed`] with the place that it has instead.
    fn place(&self, meeting: &str, shard: &str, expected: Revision) -> Answer<'_, Revision>;

    /// Its place as the engine has it now.
    fn placed(&self, meeting: &str) -> Answer<'_, Option<Place>>;

    /// The meeting is over: forgets its place if it is still of revision `expected`; otherwise does nothing.
    fn vacate(&self, meeting: &str, expected: Revision) -> Answer<'_, ()>;

    /// Its place as far as this process has heard: late by milliseconds, or by as long as the engine is away.
    fn known(&self, meeting: &str) -> Option<Place>;

    /// The meetings of a shard, as far as this process has heard, in the order of their names.
    fn known_of(&self, shard: &str) -> Vec<(String, Place)>;

    /// What this process hears from now on. Who lags behind asks [`Places::known`] again.
    fn changes(&self) -> broadcast::Receiver<Change>;
}
