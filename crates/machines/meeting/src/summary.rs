//! What the operator's API tells of a meeting.

use crate::Meeting;
use crate::core::Core;
use crate::entry::{BridgeId, Millis};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// when the first occupant joined; `None` before
    pub since: Option<Millis>,
    pub bridges: Vec<BridgeId>,
    pub participants: Vec<Participant>,
    /// sessions that hibernate
    pub hibernating: usize,
    /// the journal has not answered for a while; whoever owns the meeting says so, and a machine alone never does
    pub unprotected: bool,
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

impl Meeting {
    /// What the operator's API tells of it.
    pub fn summary(&self) -> Summary {
        self.core.as_ref().map(Core::summary).unwrap_or_default()
    }
}

impl Core {
    fn summary(&self) -> Summary {
        Summary {
            since: self.room.since,
            bridges: self.focus.bridges(),
            participants: self.room.occupants.keys().filter_map(|nick| self.participant(nick)).collect(),
            hibernating: self.sessions.hibernating(),
            unprotected: false,
        }
    }

    fn participant(&self, nick: &str) -> Option<Participant> {
        let occupant = self.room.occupants.get(nick)?;
        Some(Participant {
            nick: nick.to_owned(),
            display_name: occupant.display_name.clone(),
            moderator: self.room.affiliation(&occupant.jid).is_moderator(),
            connected: self.sessions.is_live(occupant.session),
            bridge: self.focus.bridge_of(nick).cloned(),
            joined: occupant.joined,
        })
    }
}
