//! One meeting as a deterministic machine: an entry in, effects out.
//!
//! A *meeting* is a room with every client session that connected for it (`?room=`) and the focus state: who has
//! which Jingle session on which bridge. It owns no socket, no clock and no randomness; [`Entry`] carries the time
//! and a seed. Same entries, same state, same effects, on every machine.
//!
//! The owner's duty, in this order: append the entry to the journal; when it is committed, [`Meeting::apply`] it;
//! obey the [`Effect`]s in order; if [`Meeting::deadline`] is past, append an [`Input::Tick`].

mod effect;
mod entry;
mod settings;

pub use effect::{Close, Effect, Fact};
pub use entry::{BridgeId, ConnId, Entry, Input, Millis, RequestId};
pub use settings::{ExternalService, Settings};

/// See the crate's documentation.
#[derive(Debug)]
pub struct Meeting {
    room: String,
}

impl Meeting {
    /// A meeting before its first entry. `room` is the node of the room's JID: lower case, already checked.
    pub fn new(room: &str) -> Self {
        Self { room: room.to_owned() }
    }

    /// The node of the room's JID.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// Applies one committed entry.
    pub fn apply(&mut self, _entry: &Entry) -> Vec<Effect> {
        Vec::new()
    }

    /// When the owner shall append an [`Input::Tick`], if nothing else happens before.
    pub fn deadline(&self) -> Option<Millis> {
        None
    }

    /// Nobody is in it and nothing is pending.
    pub fn is_idle(&self) -> bool {
        true
    }

    /// What the operator's API tells of it.
    pub fn summary(&self) -> Summary {
        Summary::default()
    }

    /// The whole state, with its format's number.
    pub fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    /// [`SnapshotError`] where the format is unknown or the bytes are damaged; never a guess.
    pub fn restore(_room: &str, _bytes: &[u8]) -> Result<Self, SnapshotError> {
        Err(SnapshotError::Damaged)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// when the first occupant joined; `None` before
    pub since: Option<Millis>,
    pub bridges: Vec<BridgeId>,
    pub participants: Vec<Participant>,
    /// sessions that hibernate
    pub hibernating: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub nick: String,
    pub display_name: Option<String>,
    pub moderator: bool,
    pub connected: bool,
    pub bridge: Option<BridgeId>,
    pub joined: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("the snapshot has format {found}, this version knows {known}")]
    UnknownFormat { found: u32, known: u32 },
    #[error("the snapshot is damaged")]
    Damaged,
}
