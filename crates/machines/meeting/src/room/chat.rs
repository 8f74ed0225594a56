//! Group chat (XEP-0045 section 7.4): what a message of the room may carry, and who gets it.

use xmpp::build::{remove_attr, set_attr};
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::Stencil;
use xmpp::{Element, ns};

use crate::core::Core;
use crate::limits;
use crate::room::focus_occupant::not_an_occupant;
use crate::room::server_words;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    /// A message to the room.
    pub(crate) fn handle_room_message(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let Some(nick) = self.nick_of(stanza.from).map(str::to_owned) else {
            return self.refuse(turn, stanza, &not_an_occupant());
        };
        if stanza.element.attr("type") != Some("groupchat") {
            return self.refuse(turn, stanza, &Condition::BadRequest.into());
        }
        let message = match self.outgoing(&stanza.element, &nick) {
            Ok(message) => message,
            Err(error) => return self.refuse(turn, stanza, &error),
        };
        let has_body = message.has_child("body", ns::CLIENT);
        if let Some(subject) = message.get_child("subject", ns::CLIENT).filter(|_| !has_body) {
            return self.set_subject(turn, stanza, subject.text());
        }
        if let Err(error) = self.retract(stanza, &message) {
            return self.refuse(turn, stanza, &error);
        }
        let text = Stencil::new(&message);
        if has_body && !message.has_child("retract", ns::RETRACT) {
            self.room.history.push(turn.now, stanza.from, &nick, &message);
        }
        self.send_to_all(turn, &text);
    }

    /// The message as occupants see it, without `to`.
    pub(super) fn outgoing(&self, message: &Element, nick: &str) -> Result<Element, StanzaError> {
        let mut outgoing = message.clone();
        let nodes = outgoing.take_nodes();
        for node in nodes {
            match node.into_element() {
                Some(child) if !server_words::in_message(&child) => {
                    outgoing.append_child(child);
                }
                _ => {}
            }
        }
        remove_attr(&mut outgoing, "to");
        set_attr(&mut outgoing, "from", self.occupant_jid(nick));
        if xmpp::text::to_text(&outgoing).len() > limits::MESSAGE_BYTES_MAX {
            let text = format!("A message has at most {} bytes", limits::MESSAGE_BYTES_MAX);
            return Err(StanzaError::new(Condition::PolicyViolation, text));
        }
        Ok(outgoing)
    }

    /// Takes a message out of the history; only its author and moderators may. Whose message it was is known as long as
    /// it is in the history; after that it is a moderator's business.
    fn retract(&mut self, stanza: &Stanza, message: &Element) -> Result<(), StanzaError> {
        let Some(retracted) =
            message.get_child("retract", ns::RETRACT).and_then(|retract| retract.attr("id"))
        else {
            return Ok(());
        };
        if !self.room.history.is_by(retracted, stanza.from) && !self.is_moderator(stanza.from) {
            return Err(StanzaError::new(Condition::Forbidden, "Only its author may retract a message"));
        }
        self.room.history.remove(retracted);
        Ok(())
    }
}
