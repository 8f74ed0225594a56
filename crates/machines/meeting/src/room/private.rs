//! Messages from occupant to occupant (XEP-0045 section 7.5).

use xmpp::build::set_attr;
use xmpp::stanza_error::{Condition, StanzaError};

use crate::core::Core;
use crate::room::FOCUS_NICK;
use crate::room::focus_occupant::not_an_occupant;
use crate::room::iq_routing::nobody;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    pub(crate) fn handle_private_message(&mut self, turn: &mut Turn, stanza: &Stanza, nick: &str) {
        match self.private(stanza, nick) {
            Ok((receiver, message)) => self.send(turn, receiver, &message),
            Err(error) => self.refuse(turn, stanza, &error),
        }
    }

    fn private(
        &self,
        stanza: &Stanza,
        nick: &str,
    ) -> Result<(crate::session::SessionId, xmpp::Element), StanzaError> {
        let own = self.nick_of(stanza.from).ok_or_else(not_an_occupant)?;
        if stanza.element.attr("type") == Some("groupchat") {
            return Err(StanzaError::new(Condition::BadRequest, "Group chat goes to the room"));
        }
        if nick == FOCUS_NICK {
            return Err(Condition::ServiceUnavailable.into());
        }
        let receiver = self.room.occupants.get(nick).ok_or_else(|| nobody(nick))?;
        let mut message = self.outgoing(&stanza.element, own)?;
        set_attr(&mut message, "to", receiver.jid.as_str());
        Ok((receiver.session, message))
    }
}
