//! The room (XEP-0045): a small core, and a file per feature.
//!
//! The focus is an occupant from the beginning to the end; it stands nowhere in the table, as it has no session.

mod admin;
mod affiliation;
mod chat;
mod destroy;
mod disco;
mod focus_occupant;
mod history;
mod iq;
mod iq_routing;
mod join;
mod leave;
mod owner;
mod presence;
mod private;
mod server_words;
mod subject;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xmpp::muc::Affiliation;

use crate::core::Core;
use crate::entry::Millis;
use crate::room::affiliation::Standing;
use crate::room::history::History;
pub(crate) use crate::room::iq_routing::Routes;
use crate::room::subject::Subject;
use crate::session::{SessionId, bare};

/// COMPAT: clients tell the focus by this nick.
pub(crate) const FOCUS_NICK: &str = "focus";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Room {
    /// by nick
    pub(crate) occupants: BTreeMap<String, Occupant>,
    /// by bare JID; who is not in it has none
    affiliations: BTreeMap<String, Standing>,
    password: Option<String>,
    subject: Subject,
    history: History,
    pub(crate) routes: Routes,
    /// when the first occupant joined
    pub(crate) since: Option<Millis>,
    /// this meeting among all that ever were in this room
    meeting_id: Option<String>,
    joins: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Occupant {
    pub(crate) session: SessionId,
    /// the real, full JID
    pub(crate) jid: String,
    pub(crate) joined: Millis,
    /// counts up from one occupant to the next
    pub(crate) join: u64,
    pub(crate) display_name: Option<String>,
    /// what the client says of itself: the children of its last presence, as text
    pub(crate) children: String,
}

impl Room {
    pub(crate) fn meeting_id(&self) -> Option<&str> {
        self.meeting_id.as_deref()
    }

    /// Everybody's session and JID, in the order of nicks.
    pub(crate) fn receivers(&self) -> Vec<(SessionId, String)> {
        self.occupants.values().map(|occupant| (occupant.session, occupant.jid.clone())).collect()
    }

    /// Of the owner of a JID, full or bare.
    pub(crate) fn affiliation(&self, jid: &str) -> Affiliation {
        self.affiliations.get(bare(jid)).map_or(Affiliation::None, |standing| standing.0)
    }

    fn is_moderator(&self, occupant: &Occupant) -> bool {
        self.affiliation(&occupant.jid).is_moderator()
    }

    fn has_moderator(&self) -> bool {
        self.occupants.values().any(|occupant| self.is_moderator(occupant))
    }
}

impl Core {
    /// The nick of a session that is an occupant.
    pub(crate) fn nick_of(&self, id: SessionId) -> Option<&str> {
        self.sessions.session(id)?.nick.as_deref()
    }

    pub(crate) fn is_moderator(&self, id: SessionId) -> bool {
        self.nick_of(id)
            .and_then(|nick| self.room.occupants.get(nick))
            .is_some_and(|occupant| self.room.is_moderator(occupant))
    }

    /// `ROOM/NICK`
    pub(crate) fn occupant_jid(&self, nick: &str) -> String {
        format!("{}/{nick}", self.room_jid)
    }
}

/// At most `bytes` of `text`, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!((cut("abc", 5), cut("abc", 2), cut("aüb", 2), cut("ü", 1)), ("abc", "ab", "a", ""));
    }
}
