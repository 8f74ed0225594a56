//! One meeting as a deterministic machine: an entry in, effects out.
//!
//! A *meeting* is a room with every client session that connected for it (`?room=`) and the focus state: who has
//! which Jingle session on which bridge. It owns no socket, no clock and no randomness; [`Entry`] carries the time
//! and a seed. Same entries, same state, same effects, on every machine.
//!
//! The owner's duty, in this order: append the entry to the journal; when it is committed, [`Meeting::apply`] it;
//! obey the [`Effect`]s in order; if [`Meeting::deadline`] is past, append an [`Input::Tick`]. [`Tenure`] keeps that order,
//! and knows what may be done all the same while the journal does not answer; [`Ledger`] knows its place in the journal,
//! [`Links`] which bridges are lost, [`Admission`] who has to wait at the door, and [`Time`] what time it is.
//!
//! Inside: `session` keeps streams (bind, XEP-0198, hibernation), `room` is the MUC with a file per feature,
//! `services` answers for the domain and its components, `focus` invites occupants to bridges. A stanza enters
//! through `session::received`, is addressed in `route`, and every stanza for a client leaves through
//! `session::outbound`, which numbers and keeps it until the client has acknowledged it.
//!
//! What it refuses to know: how a client authenticated, where a connection ends, which bridges exist, whether
//! anybody listens to its facts. It trusts the order of its entries and nothing within a stanza.

mod address;
mod admission;
mod codec;
mod core;
mod effect;
mod entry;
mod focus;
mod ids;
mod invariants;
pub mod ledger;
mod limits;
mod links;
mod room;
mod route;
mod services;
mod session;
mod settings;
mod snapshot;
mod summary;
mod tenure;
mod time;
mod turn;

pub use admission::Admission;
pub use codec::{CodecError, ENTRY_FORMAT};
pub use effect::{Close, Effect, Fact};
pub use entry::{BridgeId, ConnId, Entry, Input, Millis, RequestId};
pub use ledger::Ledger;
pub use limits::{UNACKED_BYTES_MAX, UNACKED_STANZAS_MAX};
pub use links::{BRIDGE_GRACE_AT_START_MS, BRIDGE_GRACE_MS, LATE_MS_MIN, Links, Reach};
pub use settings::{ExternalService, Settings};
pub use snapshot::SnapshotError;
pub use summary::{Participant, Summary};
pub use tenure::{STALL_MS, STALL_MS_MAX, Tenure, WAITING_BYTES_MAX, WAITING_ENTRIES_MAX};
pub use time::{TICK_PAUSE_MS, Time};

use crate::core::Core;
use crate::turn::Turn;

/// See the crate's documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Meeting {
    room: String,
    /// `None` before the first entry
    core: Option<Core>,
}

impl Meeting {
    /// A meeting before its first entry. `room` is its name, `ROOM` or `[TENANT]ROOM`; `ROOM` is the node of the room's
    /// JID: lower case, already checked.
    pub fn new(room: &str) -> Self {
        Self { room: room.to_owned(), core: None }
    }

    /// Its name, as it was given to [`Meeting::new`].
    pub fn room(&self) -> &str {
        &self.room
    }

    /// Applies one committed entry. The first one is [`Input::Owner`]; anything before it has no effect.
    pub fn apply(&mut self, entry: &Entry) -> Vec<Effect> {
        if let (None, Input::Owner { settings, .. }) = (&self.core, &entry.input) {
            self.core = Some(Core::new(&self.room, settings));
        }
        let Some(core) = &mut self.core else {
            return Vec::new();
        };
        let was_idle = core.is_idle();
        let mut turn = Turn::new(entry, core.clock);
        core.handle(&mut turn, &self.room, &entry.input);
        if core.is_idle() && !was_idle {
            turn.effects.push(Effect::Ended);
        }
        turn.effects
    }

    /// When the owner shall append an [`Input::Tick`], if nothing else happens before.
    pub fn deadline(&self) -> Option<Millis> {
        self.core.as_ref().and_then(Core::deadline)
    }

    /// Whether [`Input::BridgeUp`] of a bridge that it does not use means something to it: it looks for a bridge and
    /// there was none (it asks again by itself, but later), or it has left this one without being able to say so.
    pub fn awaits(&self, bridge: &BridgeId) -> bool {
        self.core.as_ref().is_some_and(|core| core.focus.awaits(bridge))
    }

    /// Nobody is in it and nothing is pending. [`Effect::Ended`] tells when a meeting *becomes* idle; one that
    /// was replayed and is idle already says so only here.
    pub fn is_idle(&self) -> bool {
        self.core.as_ref().is_none_or(Core::is_idle)
    }
}
