//! Leaving, and being made to leave (XEP-0045 sections 7.14, 8.2, 9.1).

use xmpp::muc::{self, Affiliation};
use xmpp::text::Stencil;
use xmpp::{Element, elem, ns};

use crate::core::Core;
use crate::effect::Fact;
use crate::limits;
use crate::room::{Occupant, Room, cut};
use crate::route::Stanza;
use crate::turn::Turn;

/// Somebody was made to leave.
pub(super) struct Removal<'a> {
    /// 307 for a kick, 301 for a ban
    pub(super) code: u16,
    pub(super) actor: &'a str,
    pub(super) reason: Option<String>,
}

impl Core {
    /// An unavailable presence to `ROOM/nick`.
    pub(crate) fn handle_unavailable(&mut self, turn: &mut Turn, stanza: &Stanza, nick: &str) {
        if self.nick_of(stanza.from) == Some(nick) {
            let status = stanza.element.get_child("status", ns::CLIENT).map(Element::text);
            self.leave(turn, nick, status.as_deref());
        } else if self.nick_of(stanza.from).is_none() {
            // the client waits for it, even if it was not in the room
            let x = muc::user(Some(muc::item_gone(Affiliation::None, None).build()), &[110]);
            let gone = elem("presence", ns::CLIENT)
                .attr("type", "unavailable")
                .attr("from", self.occupant_jid(nick))
                .attr_opt("to", stanza.element.attr("from"))
                .child(x);
            self.send(turn, stanza.from, &gone.build());
        }
    }

    /// The occupant goes, by its own will or because its session ended.
    pub(crate) fn leave(&mut self, turn: &mut Turn, nick: &str, status: Option<&str>) {
        let status =
            status.map(|status| cut(status, limits::TEXT_BYTES_MAX)).filter(|status| !status.is_empty());
        self.depart(turn, nick, |jid, affiliation, codes| {
            // the client reads the first `status` of the presence, so the text stands before the codes
            let status = status.map(|status| elem("status", ns::CLIENT).text(status).build());
            let item = muc::item_gone(affiliation, Some(jid)).build();
            elem("presence", ns::CLIENT).children(status).child(muc::user(Some(item), codes)).build()
        });
    }

    /// The occupant is removed by a moderator.
    pub(super) fn remove(&mut self, turn: &mut Turn, nick: &str, removal: &Removal<'_>) {
        self.depart(turn, nick, |jid, affiliation, codes| {
            let reason =
                removal.reason.as_ref().map(|reason| elem("reason", ns::MUC_USER).text(reason).build());
            let item = muc::item_gone(affiliation, Some(jid))
                .child(elem("actor", ns::MUC_USER).attr("nick", removal.actor))
                .children(reason)
                .build();
            let codes = [&[removal.code], codes].concat();
            elem("presence", ns::CLIENT).child(muc::user(Some(item), &codes)).build()
        });
    }

    /// Tells everybody, then draws the consequences: another moderator, the focus, an empty room.
    fn depart(
        &mut self,
        turn: &mut Turn,
        nick: &str,
        presence: impl Fn(&str, Affiliation, &[u16]) -> Element,
    ) {
        let Some(gone) = self.room.occupants.remove(nick) else {
            return;
        };
        let affiliation = self.room.affiliation(&gone.jid);
        let from = self.occupant_jid(nick);
        let text = |codes: &[u16]| {
            let mut presence = presence(&gone.jid, affiliation, codes);
            xmpp::build::set_attr(&mut presence, "from", from.as_str());
            xmpp::build::set_attr(&mut presence, "type", "unavailable");
            Stencil::new(&presence)
        };
        self.send_to_all(turn, &text(&[]));
        self.send_text(turn, gone.session, text(&[110]).fill(&gone.jid));
        self.vacate(turn, nick, &gone);
    }

    fn vacate(&mut self, turn: &mut Turn, nick: &str, gone: &Occupant) {
        if let Some(session) = self.sessions.session_mut(gone.session) {
            session.nick = None;
        }
        turn.fact(Fact::Left);
        self.drop_routes_of(turn, gone.session);
        self.elect(turn);
        self.with_focus(turn, |focus, cx| focus.handle_left(cx, nick));
        if self.room.occupants.is_empty() {
            self.end_meeting(turn);
        }
    }

    /// Nothing of a room outlives its last occupant: password, subject, history, affiliations.
    pub(super) fn end_meeting(&mut self, turn: &mut Turn) {
        self.room = Room::default();
        self.with_focus(turn, |focus, cx| focus.meeting_ended(cx));
    }
}
