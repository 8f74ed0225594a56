//! The component that ends the meeting for everybody.

use xmpp::ns;
use xmpp::stanza_error::{Condition, StanzaError};

use crate::core::Core;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    pub(crate) fn end_conference_domain(&self) -> String {
        format!("endconference.{}", self.settings.domain)
    }

    /// COMPAT: the element has no namespace of its own, and the message names no room.
    pub(crate) fn handle_end_conference(&mut self, turn: &mut Turn, stanza: &Stanza) {
        if !stanza.element.has_child("end_conference", ns::CLIENT) {
            self.refuse(turn, stanza, &Condition::BadRequest.into());
        } else if self.is_moderator(stanza.from) {
            self.destroy(turn, Some("The meeting has been terminated"));
        } else {
            let error = StanzaError::new(Condition::Forbidden, "Only moderators end the meeting");
            self.refuse(turn, stanza, &error);
        }
    }
}
