//! The focus as the room sees it: an occupant that never leaves.
//!
//! COMPAT: a focus that leaves, or whose presence lacks the real JID, makes every client reload.

use xmpp::build::set_attr;
use xmpp::muc::{self, Affiliation};
use xmpp::text::Stencil;
use xmpp::{Element, elem, ns};

use crate::core::Core;
use crate::focus::Asker;
use crate::room::FOCUS_NICK;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    pub(super) fn focus_presence(&self) -> Stencil {
        let jid = format!("focus@{}/{FOCUS_NICK}", self.settings.auth_domain);
        let item = muc::item(Affiliation::Owner, &jid).build();
        let presence = elem("presence", ns::CLIENT)
            .attr("from", self.occupant_jid(FOCUS_NICK))
            .children(self.focus.presence_children())
            .child(muc::user(Some(item), &[]));
        Stencil::new(&presence.build())
    }

    pub(crate) fn broadcast_focus(&mut self, turn: &mut Turn) {
        let presence = self.focus_presence();
        self.send_to_all(turn, &presence);
    }

    /// An IQ of the focus; one for somebody who left in the meantime goes nowhere.
    pub(crate) fn send_from_focus(&mut self, turn: &mut Turn, nick: &str, mut stanza: Element) {
        let Some((id, jid)) = self.room.occupants.get(nick).map(|to| (to.session, to.jid.clone())) else {
            return;
        };
        set_attr(&mut stanza, "from", self.occupant_jid(FOCUS_NICK));
        set_attr(&mut stanza, "to", jid);
        self.send(turn, id, &stanza);
    }

    /// A request to `ROOM/focus`.
    pub(crate) fn handle_focus_iq(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let Some(nick) = self.nick_of(stanza.from).map(str::to_owned) else {
            return self.refuse(turn, stanza, &not_an_occupant());
        };
        let Some(jid) = self.sessions.session(stanza.from).map(|session| session.jid.clone()) else {
            return;
        };
        let asker = Asker { nick, moderator: self.is_moderator(stanza.from), jid };
        self.with_focus(turn, |focus, cx| focus.handle_iq(cx, &asker, &stanza.element));
    }
}

/// Only occupants speak to occupants (XEP-0045 section 7.5).
pub(super) fn not_an_occupant() -> xmpp::stanza_error::StanzaError {
    use xmpp::stanza_error::{Condition, StanzaError};
    StanzaError::new(Condition::NotAcceptable, "You are not in the room")
}
