//! The room is destroyed (XEP-0045 section 10.9): the meeting ends for everybody.

use xmpp::muc::{self, Affiliation};
use xmpp::{elem, ns};

use crate::core::Core;
use crate::effect::Fact;
use crate::limits;
use crate::room::cut;
use crate::turn::Turn;

impl Core {
    /// Everybody learns of its own end; nobody sees the others go.
    pub(crate) fn destroy(&mut self, turn: &mut Turn, reason: Option<&str>) {
        let reason = reason.map(|reason| cut(reason, limits::TEXT_BYTES_MAX));
        let occupants = std::mem::take(&mut self.room.occupants);
        let nicks: Vec<String> = occupants.keys().cloned().collect();
        for (nick, occupant) in occupants {
            let reason = reason.map(|reason| elem("reason", ns::MUC_USER).text(reason).build());
            let destroy =
                elem("destroy", ns::MUC_USER).attr("jid", self.room_jid.as_str()).children(reason).build();
            let mut x = muc::user(Some(muc::item_gone(Affiliation::None, None).build()), &[]);
            x.append_child(destroy);
            let presence = elem("presence", ns::CLIENT)
                .attr("type", "unavailable")
                .attr("from", self.occupant_jid(&nick))
                .attr("to", occupant.jid)
                .child(x);
            self.send(turn, occupant.session, &presence.build());
            if let Some(session) = self.sessions.session_mut(occupant.session) {
                session.nick = None;
            }
            turn.fact(Fact::Left);
        }
        // nobody is left who could answer
        self.drop_all_routes(turn);
        // first of all, so that the focus does not arrange itself with those who are left
        self.end_meeting(turn);
        for nick in nicks {
            self.with_focus(turn, |focus, cx| focus.handle_left(cx, &nick));
        }
    }
}
