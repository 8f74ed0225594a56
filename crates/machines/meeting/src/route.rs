//! Where a client's stanza goes: who is addressed, and who may speak.

use xmpp::build::set_attr;
use xmpp::jid::Jid;
use xmpp::stanza::{self, Kind};
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::{Element, ns};

use crate::core::Core;
use crate::effect::{Close, Fact};
use crate::room::FOCUS_NICK;
use crate::session::{Link, SessionId};
use crate::turn::Turn;

/// A counted stanza of a session; its `from` is the session's full JID.
#[derive(Clone, Debug)]
pub(crate) struct Stanza {
    pub(crate) from: SessionId,
    pub(crate) element: Element,
}

/// What the `to` of a stanza names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Address {
    /// no `to`, or the client's own bare JID: its account
    Account,
    Domain,
    Focus,
    EndConference,
    RoomService,
    Room,
    Occupant(String),
    OtherRoom,
    Elsewhere,
    Malformed,
}

impl Core {
    pub(crate) fn route(&mut self, turn: &mut Turn, from: SessionId, kind: Kind, mut element: Element) {
        let Some(session) = self.sessions.session(from) else {
            return;
        };
        // RFC 6120 8.1.2.1. Refusing the stanza does: a stream error would take the client's session away.
        let forged =
            element.attr("from").is_some_and(|claim| claim != session.jid && claim != session.bare_jid());
        set_attr(&mut element, "from", session.jid.as_str());
        let account = session.bare_jid().to_owned();
        let stanza = Stanza { from, element };
        if forged {
            let error = StanzaError::new(Condition::NotAllowed, "The stanza is from somebody else");
            return self.refuse(turn, &stanza, &error);
        }
        if stanza.element.attr("id").is_some_and(|id| id.len() > crate::limits::ID_BYTES_MAX) {
            return self.refuse(
                turn,
                &stanza,
                &StanzaError::new(Condition::PolicyViolation, "The id is too long"),
            );
        }
        let address = self.address(stanza.element.attr("to"), &account);
        match kind {
            Kind::Iq => self.route_iq(turn, &stanza, address),
            Kind::Presence => self.route_presence(turn, &stanza, address),
            Kind::Message => self.route_message(turn, &stanza, address),
        }
    }

    fn route_iq(&mut self, turn: &mut Turn, stanza: &Stanza, address: Address) {
        let iq = &stanza.element;
        if matches!(iq.attr("type"), Some("result" | "error")) {
            if let Address::Occupant(nick) = address {
                self.handle_iq_answer(turn, stanza, &nick);
            }
            return;
        }
        if !stanza::is_request(iq) || iq.attr("id").is_none() || iq.children().count() != 1 {
            return self.refuse(turn, stanza, &Condition::BadRequest.into());
        }
        match address {
            Address::Account => self.handle_account_iq(turn, stanza),
            Address::Domain => self.handle_domain_iq(turn, stanza),
            Address::Focus => self.handle_conference_iq(turn, stanza),
            Address::EndConference => self.handle_component_iq(turn, stanza),
            Address::RoomService => self.handle_room_service_iq(turn, stanza),
            Address::Room => self.handle_room_iq(turn, stanza),
            Address::Occupant(nick) => self.handle_occupant_iq(turn, stanza, &nick),
            Address::OtherRoom | Address::Elsewhere | Address::Malformed => {
                self.misaddressed(turn, stanza, &address)
            }
        }
    }

    fn route_presence(&mut self, turn: &mut Turn, stanza: &Stanza, address: Address) {
        let kind = stanza.element.attr("type");
        match (address, kind) {
            (_, Some("error")) => {}
            // a goodbye: the client sends it right before it closes its stream
            (Address::Account, Some("unavailable")) => self.say_goodbye(turn, stanza.from),
            (Address::Account | Address::Domain, _) => {}
            (Address::Occupant(nick), None) => self.handle_presence(turn, stanza, &nick),
            (Address::Occupant(nick), Some("unavailable")) => self.handle_unavailable(turn, stanza, &nick),
            (_, Some("unavailable")) => {}
            (Address::Occupant(_), Some(_)) => self.refuse(turn, stanza, &Condition::BadRequest.into()),
            (Address::Room, _) => {
                let error = StanzaError::new(Condition::JidMalformed, "Say under which nick: ROOM/NICK");
                self.refuse(turn, stanza, &error);
            }
            (other, _) => self.misaddressed(turn, stanza, &other),
        }
    }

    fn route_message(&mut self, turn: &mut Turn, stanza: &Stanza, address: Address) {
        if stanza.element.attr("type") == Some("error") {
            return;
        }
        match address {
            Address::Room => self.handle_room_message(turn, stanza),
            Address::Occupant(nick) => self.handle_private_message(turn, stanza, &nick),
            Address::EndConference => self.handle_end_conference(turn, stanza),
            Address::Account | Address::Domain | Address::Focus | Address::RoomService => {
                self.refuse(turn, stanza, &Condition::ServiceUnavailable.into());
            }
            Address::OtherRoom | Address::Elsewhere | Address::Malformed => {
                self.misaddressed(turn, stanza, &address)
            }
        }
    }

    fn misaddressed(&mut self, turn: &mut Turn, stanza: &Stanza, address: &Address) {
        let error = match address {
            Address::OtherRoom => StanzaError::new(
                Condition::NotAllowed,
                "This connection was opened for another room: connect again with ?room= of this one",
            ),
            Address::Malformed => StanzaError::new(Condition::JidMalformed, "The address is no JID"),
            Address::Elsewhere => {
                StanzaError::new(Condition::RemoteServerNotFound, "This server talks to no other domain")
            }
            _ => Condition::ServiceUnavailable.into(),
        };
        self.refuse(turn, stanza, &error);
    }

    /// Answers with an error where that is allowed.
    pub(crate) fn refuse(&mut self, turn: &mut Turn, stanza: &Stanza, error: &StanzaError) {
        turn.fact(Fact::StanzaRefused);
        if stanza::may_be_refused(&stanza.element) {
            self.send(turn, stanza.from, &stanza::error(&stanza.element, error));
        }
    }

    /// Answers an IQ with a result.
    pub(crate) fn answer(&mut self, turn: &mut Turn, stanza: &Stanza, payload: Option<Element>) {
        let result = stanza::result(&stanza.element).children(payload).build();
        self.send(turn, stanza.from, &result);
    }

    fn say_goodbye(&mut self, turn: &mut Turn, id: SessionId) {
        if let Some(Link::Live(conn)) = self.sessions.session(id).map(|session| session.link) {
            turn.close(conn, Close::Goodbye);
        }
        self.end_session(turn, id);
    }

    fn address(&self, to: Option<&str>, account: &str) -> Address {
        let Some(to) = to else {
            return Address::Account;
        };
        let Ok(jid) = Jid::new(to) else {
            return Address::Malformed;
        };
        let bare = jid.to_bare();
        let domain = bare.domain().as_str();
        let nick = jid.resource().map(|resource| resource.as_str());
        if bare.as_str() == self.room_jid {
            return match nick {
                Some(nick) => Address::Occupant(nick.to_owned()),
                None => Address::Room,
            };
        }
        if bare.as_str() == account {
            return Address::Account;
        }
        if bare.node().is_some() {
            return if domain == self.room_domain() { Address::OtherRoom } else { Address::Elsewhere };
        }
        match domain {
            _ if domain == self.settings.domain => Address::Domain,
            _ if domain == self.settings.focus_domain => Address::Focus,
            _ if domain == self.room_domain() => Address::RoomService,
            _ if domain == self.end_conference_domain() => Address::EndConference,
            _ => Address::Elsewhere,
        }
    }

    fn handle_occupant_iq(&mut self, turn: &mut Turn, stanza: &Stanza, nick: &str) {
        if nick == FOCUS_NICK {
            self.handle_focus_iq(turn, stanza);
        } else {
            self.route_occupant_iq(turn, stanza, nick);
        }
    }

    /// Requests to the client's own account: there is nothing in it.
    fn handle_account_iq(&mut self, turn: &mut Turn, stanza: &Stanza) {
        let iq = &stanza.element;
        if xmpp::ping::is_ping(iq) || iq.has_child("session", ns::SESSION) {
            self.answer(turn, stanza, None);
        } else if iq.has_child("bind", ns::BIND) {
            let error = StanzaError::new(Condition::NotAllowed, "This stream has a resource already");
            self.refuse(turn, stanza, &error);
        } else {
            self.refuse(turn, stanza, &Condition::ServiceUnavailable.into());
        }
    }
}
