//! The focus of the meeting: who has which Jingle session on which bridge.
//!
//! It is a machine inside the machine. Comes in: who joined and left (`invite`), the IQs of occupants (`iq`, and
//! from there `accept`, `announce`, `terminate`, `mute`), what bridges answer (`bridge`, and from there `allocate`
//! and `update`) and how they fare (`recover`). Goes out, in order, through [`Cx::out`]: IQs to occupants, requests
//! to the bridge, the wish for a bridge.
//!
//! The life of a participant is its [`Stage`](participant::Stage): idle while alone, wanted once there are two,
//! allocating while the bridge makes its endpoint, live from the offer on (`offer`). A meeting has one bridge at a
//! time. What a participant sends is validated (`validate`), kept (`sources`), told to the bridge as a full set and
//! to the others as differences (`propagate`); a client is never told a source twice.
//!
//! What is asked of a bridge is either kept until it is answered or harmless to lose. When it is not known what
//! happened (no answer, another owner, a bridge that came back) nothing more is asked until the bridge has told
//! that it still has the conference (`doubt`); then everything that can be repeated is repeated. A bridge that is
//! lost is left by all at once, for one other (`moving`).
//!
//! It refuses to know presences, chat and roles, but for one bit: whether an asker is a moderator.

mod accept;
mod allocate;
mod announce;
mod bridge;
mod doubt;
mod invite;
mod iq;
mod limits;
mod moving;
mod mute;
mod offer;
mod participant;
mod presence;
mod propagate;
mod recover;
mod sources;
mod terminate;
#[cfg(test)]
mod tests;
mod update;
mod validate;

use std::collections::BTreeMap;

use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use xmpp::Element;

use crate::effect::Fact;
use crate::entry::{BridgeId, Millis};
use crate::settings::Settings;
use bridge::Host;
use participant::Participant;

/// What a step needs of the world, and where its consequences go.
pub(crate) struct Cx<'a> {
    pub(crate) now: Millis,
    pub(crate) rng: &'a mut ChaCha20Rng,
    pub(crate) settings: &'a Settings,
    /// bare JID of the room
    pub(crate) room: &'a str,
    /// what the room calls the meeting
    pub(crate) meeting_id: Option<&'a str>,
    pub(crate) out: &'a mut Vec<Out>,
}

/// The consequences of a step, to be obeyed in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Out {
    /// An IQ without `from` and `to`: the room sets its focus and the occupant's real JID.
    ToOccupant {
        nick: String,
        stanza: Element,
    },
    PickBridge {
        avoid: Vec<BridgeId>,
    },
    AskBridge {
        bridge: BridgeId,
        id: u64,
        text: String,
    },
    /// [`Focus::presence_children`] changed.
    Properties,
    Fact(Fact),
}

/// The occupant that sent an IQ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asker {
    pub(crate) nick: String,
    pub(crate) moderator: bool,
    /// real full JID
    pub(crate) jid: String,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Focus {
    /// names the conference on bridges: the room's name for the meeting when the first bridge is asked
    meeting_id: Option<String>,
    /// how many owners the meeting has had; by it bridges know late requests of former ones
    owners: u64,
    participants: BTreeMap<String, Participant>,
    host: Host,
    /// bridges that failed, and until when they are not picked
    avoided: Vec<(BridgeId, Millis)>,
    /// bridges that were left without being told: they may still have the conference
    given_up: Vec<BridgeId>,
    /// failures of bridges in a row
    failures: u32,
    /// when the one that is left alone loses its session
    lonely_at: Option<Millis>,
    /// the last number given to an IQ or a request
    last_id: u64,
}

impl Focus {
    /// When [`Self::handle_tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        let disco = self.participants.values().filter_map(|participant| participant.disco.until()).min();
        let pause = self.participants.values().filter_map(Participant::paused_until).min();
        [disco, pause, self.lonely_at, self.host.deadline()].into_iter().flatten().min()
    }

    pub(crate) fn handle_tick(&mut self, cx: &mut Cx<'_>) {
        self.give_up_discos(cx);
        self.end_loneliness(cx);
        self.end_pauses(cx);
        self.retry_bridge(cx);
    }

    /// The bridges in use.
    pub(crate) fn bridges(&self) -> Vec<BridgeId> {
        self.host.bridge().map(|bridge| bridge.id.clone()).into_iter().collect()
    }

    /// The bridge that has an endpoint for this participant.
    pub(crate) fn bridge_of(&self, nick: &str) -> Option<&BridgeId> {
        self.participants.get(nick)?.session()?;
        self.host.bridge().map(|bridge| &bridge.id)
    }

    /// What bridges call the conference, once one was asked.
    pub(crate) fn meeting_id(&self) -> Option<&str> {
        self.meeting_id.as_deref()
    }

    /// That this bridge can be reached is news to it: it looks for one because there was none, or has left this one
    /// without telling it.
    pub(crate) fn awaits(&self, bridge: &BridgeId) -> bool {
        matches!(self.host, Host::Waiting { .. }) || self.given_up.contains(bridge)
    }

    /// Nobody is in the meeting.
    pub(crate) fn is_idle(&self) -> bool {
        self.participants.is_empty()
    }

    /// The next number for an IQ or a request.
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
