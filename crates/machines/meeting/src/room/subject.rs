//! The subject (XEP-0045 section 8.1).

use serde::{Deserialize, Serialize};
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::Stencil;
use xmpp::{elem, ns};

use crate::core::Core;
use crate::limits;
use crate::route::Stanza;
use crate::session::SessionId;
use crate::turn::Turn;

/// Empty where none was set; `by` is a nick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Subject {
    text: String,
    by: Option<String>,
}

impl Core {
    pub(super) fn set_subject(&mut self, turn: &mut Turn, stanza: &Stanza, text: String) {
        if !self.is_moderator(stanza.from) {
            let error = StanzaError::new(Condition::Forbidden, "Only moderators set the subject");
            return self.refuse(turn, stanza, &error);
        }
        if text.len() > limits::SUBJECT_BYTES_MAX {
            return self.refuse(
                turn,
                stanza,
                &StanzaError::new(Condition::PolicyViolation, "The subject is too long"),
            );
        }
        self.room.subject = Subject { text, by: self.nick_of(stanza.from).map(str::to_owned) };
        let message = self.subject_message();
        self.send_to_all(turn, &message);
    }

    /// Goes to every newcomer, even if it is empty: the end of the history.
    pub(super) fn send_subject(&mut self, turn: &mut Turn, id: SessionId, jid: &str) {
        let message = self.subject_message();
        self.send_text(turn, id, message.fill(jid));
    }

    fn subject_message(&self) -> Stencil {
        let subject = &self.room.subject;
        let from = subject.by.as_ref().map_or_else(|| self.room_jid.clone(), |nick| self.occupant_jid(nick));
        let subject = elem("subject", ns::CLIENT).text(self.room.subject.text.as_str());
        let message = elem("message", ns::CLIENT).attr("type", "groupchat").attr("from", from).child(subject);
        Stencil::new(&message.build())
    }
}
