//! What the domain and its components answer.

mod conference_request;
mod disco;
mod end_conference;
mod extdisco;

use xmpp::ns;
use xmpp::stanza_error::Condition;

use crate::core::Core;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    /// A request to the main domain. COMPAT: the client waits for some of these without a timeout, so there is
    /// always an answer.
    pub(crate) fn handle_domain_iq(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let iq = &stanza.element;
        let get = iq.attr("type") == Some("get");
        if xmpp::ping::is_ping(iq) || iq.has_child("session", ns::SESSION) {
            self.answer(turn, stanza, None);
        } else if get && iq.has_child("query", ns::DISCO_INFO) {
            self.answer_domain_info(turn, stanza);
        } else if get && iq.has_child("query", ns::DISCO_ITEMS) {
            self.answer_no_items(turn, stanza);
        } else if get && iq.has_child("services", ns::EXTDISCO) {
            self.answer_services(turn, stanza);
        } else {
            self.refuse(turn, stanza, &Condition::ServiceUnavailable.into());
        }
    }

    /// A request to the domain of rooms. Which rooms there are is nobody's business.
    pub(crate) fn handle_room_service_iq(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let iq = &stanza.element;
        let get = iq.attr("type") == Some("get");
        if xmpp::ping::is_ping(iq) {
            self.answer(turn, stanza, None);
        } else if get && iq.has_child("query", ns::DISCO_INFO) {
            self.answer_room_service_info(turn, stanza);
        } else if get && iq.has_child("query", ns::DISCO_ITEMS) {
            self.answer_no_items(turn, stanza);
        } else {
            self.refuse(turn, stanza, &Condition::ServiceUnavailable.into());
        }
    }

    /// A request to a component that takes messages only.
    pub(crate) fn handle_component_iq(&mut self, turn: &mut Turn, stanza: &Stanza) {
        if xmpp::ping::is_ping(&stanza.element) {
            self.answer(turn, stanza, None);
        } else {
            self.refuse(turn, stanza, &Condition::ServiceUnavailable.into());
        }
    }
}
