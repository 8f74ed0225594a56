//! Affiliations, and who becomes moderator when there is none (what Jicofo calls auto owner).

use serde::{Deserialize, Serialize};
use xmpp::muc::Affiliation;

use crate::core::Core;
use crate::limits;
use crate::room::Room;
use crate::session::bare;
use crate::turn::Turn;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Standing(#[serde(with = "Named")] pub(super) Affiliation);

/// The encoding of [`Affiliation`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Affiliation")]
enum Named {
    Outcast,
    None,
    Member,
    Admin,
    Owner,
}

/// The list of affiliations is full.
pub(super) struct Full;

impl Room {
    pub(super) fn set_affiliation(&mut self, jid: &str, affiliation: Affiliation) -> Result<(), Full> {
        let jid = bare(jid);
        if affiliation == Affiliation::None {
            self.affiliations.remove(jid);
        } else if self.affiliations.len() < limits::AFFILIATIONS_MAX || self.affiliations.contains_key(jid) {
            self.affiliations.insert(jid.to_owned(), Standing(affiliation));
        } else {
            return Err(Full);
        }
        Ok(())
    }

    /// Of an occupant, so the limit of the list does not matter: occupants have their own.
    pub(super) fn make_owner(&mut self, jid: &str) {
        self.affiliations.insert(bare(jid).to_owned(), Standing(Affiliation::Owner));
    }

    /// A session ended; nobody will ever come back under its JID.
    pub(crate) fn forget_affiliation(&mut self, jid: &str) {
        self.affiliations.remove(jid);
    }

    pub(super) fn with_affiliation(&self, wanted: Affiliation) -> impl Iterator<Item = &str> {
        self.affiliations
            .iter()
            .filter(move |(_, standing)| standing.0 == wanted)
            .map(|(jid, _)| jid.as_str())
    }

    pub(crate) fn affiliations_len(&self) -> usize {
        self.affiliations.len()
    }
}

impl Core {
    /// A room with occupants has a moderator: of those who are connected, if any, the one who is there longest.
    pub(super) fn elect(&mut self, turn: &mut Turn) {
        if self.room.has_moderator() {
            return;
        }
        let longest = self
            .room
            .occupants
            .iter()
            .min_by_key(|(_, occupant)| (!self.sessions.is_live(occupant.session), occupant.join))
            .map(|(nick, occupant)| (nick.clone(), occupant.jid.clone()));
        if let Some((nick, jid)) = longest {
            self.room.make_owner(&jid);
            self.broadcast_presence(turn, &nick);
        }
    }
}
