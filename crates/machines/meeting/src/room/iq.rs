//! Requests to the room itself.

use xmpp::ns;
use xmpp::stanza_error::Condition;

use crate::core::Core;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    pub(crate) fn handle_room_iq(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let iq = &stanza.element;
        let get = iq.attr("type") == Some("get");
        if xmpp::ping::is_ping(iq) {
            self.answer(turn, stanza, None);
        } else if get && iq.has_child("query", ns::DISCO_INFO) {
            self.answer_room_info(turn, stanza);
        } else if let Some(query) = iq.get_child("query", ns::MUC_ADMIN) {
            if get {
                self.answer_affiliations(turn, stanza, query);
            } else {
                self.handle_admin(turn, stanza, query);
            }
        } else if let Some(query) = iq.get_child("query", ns::MUC_OWNER) {
            self.handle_owner_query(turn, stanza, query, get);
        } else {
            self.refuse(turn, stanza, &Condition::ServiceUnavailable.into());
        }
    }
}
