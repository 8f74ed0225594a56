//! The configuration of the room (XEP-0045 section 10.2): its password, so far.

use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::Stencil;
use xmpp::{Element, elem, forms, muc, ns};

use crate::core::Core;
use crate::limits;
use crate::route::Stanza;
use crate::turn::Turn;

/// What a submitted form changes; `None` leaves it.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    /// empty: no password any more
    secret: Option<String>,
    protected: Option<bool>,
}

impl Core {
    pub(super) fn handle_owner_query(
        &mut self,
        turn: &mut Turn,
        stanza: &Stanza,
        query: &Element,
        get: bool,
    ) {
        if !self.is_moderator(stanza.from) {
            let error = StanzaError::new(Condition::Forbidden, "Only owners configure the room");
            return self.refuse(turn, stanza, &error);
        }
        if get {
            let form = self.config_form();
            return self.answer(turn, stanza, Some(form));
        }
        if let Some(destroy) = query.get_child("destroy", ns::MUC_OWNER) {
            let reason = destroy.get_child("reason", ns::MUC_OWNER).map(Element::text);
            self.answer(turn, stanza, None);
            return self.destroy(turn, reason.as_deref());
        }
        match query.get_child("x", ns::DATA) {
            Some(form) if form.attr("type") == Some("cancel") => self.answer(turn, stanza, None),
            Some(form) => match Changes::of(form) {
                Ok(changes) => self.configure(turn, stanza, changes),
                Err(error) => self.refuse(turn, stanza, &error),
            },
            None => self.refuse(turn, stanza, &Condition::BadRequest.into()),
        }
    }

    fn configure(&mut self, turn: &mut Turn, stanza: &Stanza, changes: Changes) {
        match (changes.secret, changes.protected) {
            (_, Some(false)) => self.room.password = None,
            (Some(secret), _) => self.room.password = Some(secret).filter(|secret| !secret.is_empty()),
            // COMPAT: turning the lobby on says "protected" without the secret: it stays as it is
            (None, _) => {}
        }
        self.answer(turn, stanza, None);
        self.tell_of_change(turn);
    }

    /// The configuration is another one (status 104): clients ask the room for its features again.
    fn tell_of_change(&mut self, turn: &mut Turn) {
        let message = elem("message", ns::CLIENT)
            .attr("type", "groupchat")
            .attr("from", self.room_jid.as_str())
            .child(muc::user(None, &[104]));
        self.send_to_all(turn, &Stencil::new(&message.build()));
    }

    /// COMPAT: without one of these fields the client says that locking is not supported.
    fn config_form(&self) -> Element {
        let field = |var, kind, value| forms::Field { var, kind: Some(kind), value };
        let protected = if self.room.password.is_some() { "1" } else { "0" };
        let secret = self.room.password.as_deref().unwrap_or_default();
        let fields = [
            field("muc#roomconfig_roomsecret", "text-private", secret),
            field("muc#roomconfig_passwordprotectedroom", "boolean", protected),
            field("muc#roomconfig_membersonly", "boolean", "0"),
            field("muc#roomconfig_whois", "list-single", "anyone"),
        ];
        elem("query", ns::MUC_OWNER).child(forms::form("form", ns::MUC_ROOMCONFIG, &fields)).build()
    }
}

impl Changes {
    /// Fields that it does not know are passed over.
    fn of(form: &Element) -> Result<Self, StanzaError> {
        let mut changes = Self::default();
        for (var, value) in forms::values(form) {
            let value = value.unwrap_or_default();
            match var {
                "muc#roomconfig_roomsecret" if value.len() > limits::TEXT_BYTES_MAX => {
                    return Err(StanzaError::new(Condition::NotAcceptable, "The password is too long"));
                }
                "muc#roomconfig_roomsecret" => changes.secret = Some(value),
                "muc#roomconfig_passwordprotectedroom" => changes.protected = forms::boolean(&value),
                "muc#roomconfig_membersonly" if forms::boolean(&value) == Some(true) => {
                    return Err(StanzaError::new(
                        Condition::FeatureNotImplemented,
                        "This server has no lobby",
                    ));
                }
                _ => {}
            }
        }
        Ok(changes)
    }
}
