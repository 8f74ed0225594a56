//! STUN and TURN for the clients (XEP-0215).

use xmpp::extdisco::{service, services};
use xmpp::stanza_error::Condition;

use crate::core::Core;
use crate::route::Stanza;
use crate::turn::Turn;

impl Core {
    /// COMPAT: even an empty list replaces what the client has configured, so no list is an error.
    pub(super) fn answer_services(&mut self, turn: &mut Turn, stanza: &Stanza) {
        if self.settings.services.is_empty() {
            return self.refuse(turn, stanza, &Condition::ServiceUnavailable.into());
        }
        let list = services(self.settings.services.iter().map(|known| {
            service(&known.kind, &known.host, known.port, &known.transport)
                .attr_opt("username", known.username.as_deref())
                .attr_opt("password", known.password.as_deref())
                .build()
        }));
        self.answer(turn, stanza, Some(list));
    }
}
