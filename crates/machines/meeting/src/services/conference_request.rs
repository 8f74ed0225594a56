//! The request for a conference, as an IQ to the focus or over HTTP.
//!
//! The focus is in every room from its first moment, so the answer is always "ready". Who asks may join within
//! some seconds; until then the meeting is kept.

use serde_json::{Value, json};
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::{elem, ns};

use crate::core::Core;
use crate::effect::Effect;
use crate::entry::RequestId;
use crate::limits;
use crate::route::Stanza;
use crate::turn::Turn;

/// COMPAT: clients compare the values as text.
const PROPERTIES: [(&str, &str); 3] =
    [("authentication", "false"), ("externalAuth", "false"), ("sipGatewayEnabled", "false")];

impl Core {
    pub(crate) fn handle_conference_iq(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let iq = &stanza.element;
        let Some(conference) = iq.get_child("conference", ns::FOCUS) else {
            if xmpp::ping::is_ping(iq) {
                return self.answer(turn, stanza, None);
            }
            return self.refuse(turn, stanza, &Condition::ServiceUnavailable.into());
        };
        if let Err(text) = self.check_asked_room(conference.attr("room")) {
            return self.refuse(turn, stanza, &StanzaError::new(Condition::BadRequest, text));
        }
        self.await_join(turn);
        let properties = PROPERTIES
            .map(|(name, value)| elem("property", ns::FOCUS).attr("name", name).attr("value", value).build());
        let answer = elem("conference", ns::FOCUS)
            .attr("room", self.room_jid.as_str())
            .attr("ready", "true")
            .attr("focusjid", self.focus_jid())
            .children(properties)
            .build();
        self.answer(turn, stanza, Some(answer));
    }

    pub(crate) fn handle_conference_request(&mut self, turn: &mut Turn, request: RequestId, body: &str) {
        let (status, body) = match self.read_request(body) {
            Ok(()) => {
                self.await_join(turn);
                (200, self.ready())
            }
            Err(text) => (400, json!({ "error": text })),
        };
        turn.effects.push(Effect::Answer { request, status, body: body.to_string() });
    }

    fn read_request(&self, body: &str) -> Result<(), String> {
        if body.len() > limits::CONFERENCE_REQUEST_BYTES_MAX {
            return Err(format!("The body has more than {} bytes", limits::CONFERENCE_REQUEST_BYTES_MAX));
        }
        let request: Value =
            serde_json::from_str(body).map_err(|error| format!("The body is no JSON: {error}"))?;
        self.check_asked_room(request.get("room").and_then(Value::as_str))
    }

    fn ready(&self) -> Value {
        let properties: serde_json::Map<String, Value> =
            PROPERTIES.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        json!({
            "room": self.room_jid,
            "ready": true,
            "focusJid": self.focus_jid(),
            "properties": properties,
        })
    }

    fn check_asked_room(&self, asked: Option<&str>) -> Result<(), String> {
        match asked {
            Some(asked) if asked.to_lowercase() == self.room_jid => Ok(()),
            Some(_) => Err(format!("This connection is for the room {}", self.room_jid)),
            None => Err("Name the room: \"room\" is its JID".to_owned()),
        }
    }

    /// Keeps the meeting for those who are about to join.
    fn await_join(&mut self, turn: &Turn) {
        if self.room.occupants.is_empty() {
            self.awaited_until = Some(turn.now.saturating_add(limits::CONFERENCE_REQUEST_MS));
        }
    }

    fn focus_jid(&self) -> String {
        format!("focus@{}", self.settings.auth_domain)
    }
}
