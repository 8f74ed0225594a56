//! Joining (XEP-0045 section 7.2).

use xmpp::muc::Affiliation;
use xmpp::stanza_error::{Condition, ErrorKind, StanzaError};
use xmpp::{Element, ns};

use crate::core::Core;
use crate::effect::Fact;
use crate::room::presence::Said;
use crate::room::{FOCUS_NICK, Occupant};
use crate::route::Stanza;
use crate::turn::Turn;
use crate::{ids, limits};

/// Somebody at the door.
struct Newcomer<'a> {
    nick: &'a str,
    jid: &'a str,
    presence: &'a Element,
    said: &'a Said,
}

type Check = fn(&Core, &Newcomer<'_>) -> Result<(), StanzaError>;

/// What a newcomer must pass, in this order.
const CHECKS: [Check; 8] = [
    nick_is_well_formed,
    nick_is_not_reserved,
    presence_is_not_too_big,
    is_not_banned,
    nick_is_free,
    session_has_no_other_nick,
    password_is_right,
    room_is_not_full,
];

impl Core {
    /// An available presence of somebody who is not under this nick in the room.
    pub(super) fn join(&mut self, turn: &mut Turn, stanza: &Stanza, nick: &str) {
        let Some(session) = self.sessions.session(stanza.from) else {
            return;
        };
        let jid = session.jid.clone();
        let said = Said::of(&stanza.element);
        let newcomer = Newcomer { nick, jid: &jid, presence: &stanza.element, said: &said };
        if let Err(error) = CHECKS.iter().try_for_each(|check| check(self, &newcomer)) {
            return self.refuse(turn, stanza, &error);
        }
        self.seat(turn, stanza, nick, &jid, &said);
        self.welcome(turn, nick);
        turn.fact(Fact::Joined);
        self.with_focus(turn, |focus, cx| focus.handle_joined(cx, nick, said.stats_id.as_deref()));
    }

    /// What a newcomer gets and what the others get of it, in the order that clients expect: the focus and the
    /// others, the newcomer to the others, itself, history, subject.
    pub(super) fn welcome(&mut self, turn: &mut Turn, nick: &str) {
        let Some((id, jid)) = self.room.occupants.get(nick).map(|me| (me.session, me.jid.clone())) else {
            return;
        };
        let focus = self.focus_presence();
        self.send_text(turn, id, focus.fill(&jid));
        let others: Vec<String> =
            self.room.occupants.keys().filter(|other| *other != nick).cloned().collect();
        for other in others {
            if let Some(presence) = self.presence_of(&other, &[]) {
                self.send_text(turn, id, presence.fill(&jid));
            }
        }
        if let Some(presence) = self.presence_of(nick, &[]) {
            self.send_to_others(turn, id, &presence);
        }
        // never 201, even if the room is new: the client would begin to configure it
        if let Some(presence) = self.presence_of(nick, &[100, 110]) {
            self.send_text(turn, id, presence.fill(&jid));
        }
        self.send_history(turn, id, &jid);
        self.send_subject(turn, id, &jid);
    }

    fn seat(&mut self, turn: &mut Turn, stanza: &Stanza, nick: &str, jid: &str, said: &Said) {
        let room = &mut self.room;
        room.since.get_or_insert(turn.now);
        if room.meeting_id.is_none() {
            room.meeting_id = Some(ids::uuid(&mut turn.rng));
        }
        if !room.has_moderator() {
            room.make_owner(jid);
        }
        let occupant = Occupant {
            session: stanza.from,
            jid: jid.to_owned(),
            joined: turn.now,
            join: room.joins,
            display_name: said.display_name.clone(),
            children: said.children.clone(),
        };
        room.joins += 1;
        room.occupants.insert(nick.to_owned(), occupant);
        if let Some(session) = self.sessions.session_mut(stanza.from) {
            session.nick = Some(nick.to_owned());
        }
        self.awaited_until = None;
    }
}

/// Endpoint ids and source names are made of it.
fn nick_is_well_formed(_: &Core, newcomer: &Newcomer<'_>) -> Result<(), StanzaError> {
    let nick = newcomer.nick.as_bytes();
    let well_formed = nick.first().is_some_and(u8::is_ascii_alphanumeric)
        && nick.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && nick.len() <= limits::NICK_BYTES_MAX;
    let error = || {
        let limit = limits::NICK_BYTES_MAX;
        let text =
            format!("A nick has 1 to {limit} letters, digits and underscores, and begins with no underscore");
        StanzaError::new(Condition::NotAllowed, text)
    };
    if well_formed { Ok(()) } else { Err(error()) }
}

/// `jvb` is the owner of the bridge's own sources.
fn nick_is_not_reserved(_: &Core, newcomer: &Newcomer<'_>) -> Result<(), StanzaError> {
    match newcomer.nick {
        FOCUS_NICK | "jvb" => Err(StanzaError::new(Condition::NotAllowed, "This nick is reserved")),
        _ => Ok(()),
    }
}

fn presence_is_not_too_big(_: &Core, newcomer: &Newcomer<'_>) -> Result<(), StanzaError> {
    newcomer.said.check()
}

fn is_not_banned(core: &Core, newcomer: &Newcomer<'_>) -> Result<(), StanzaError> {
    match core.room.affiliation(newcomer.jid) {
        Affiliation::Outcast => Err(StanzaError::new(Condition::Forbidden, "You are banned from this room")),
        _ => Ok(()),
    }
}

fn nick_is_free(core: &Core, newcomer: &Newcomer<'_>) -> Result<(), StanzaError> {
    match core.room.occupants.get(newcomer.nick) {
        Some(_) => Err(StanzaError::new(Condition::Conflict, "Somebody else has this nick")),
        None => Ok(()),
    }
}

/// Sources and Jingle sessions are bound to the nick, so it never changes.
fn session_has_no_other_nick(core: &Core, newcomer: &Newcomer<'_>) -> Result<(), StanzaError> {
    match core.room.occupants.values().any(|occupant| occupant.jid == newcomer.jid) {
        true => Err(StanzaError::new(Condition::NotAcceptable, "You are in the room under another nick")),
        false => Ok(()),
    }
}

fn password_is_right(core: &Core, newcomer: &Newcomer<'_>) -> Result<(), StanzaError> {
    let given = newcomer
        .presence
        .get_child("x", ns::MUC)
        .and_then(|x| x.get_child("password", ns::MUC))
        .map(Element::text);
    match &core.room.password {
        Some(password) if given.as_ref() != Some(password) => {
            Err(StanzaError::new(Condition::NotAuthorized, "The room has a password"))
        }
        _ => Ok(()),
    }
}

fn room_is_not_full(core: &Core, _: &Newcomer<'_>) -> Result<(), StanzaError> {
    let limit = usize::try_from(core.settings.occupants_max).unwrap_or(usize::MAX);
    if core.room.occupants.len() < limit {
        return Ok(());
    }
    Err(StanzaError::new(Condition::ServiceUnavailable, "The room is full").of_kind(ErrorKind::Wait))
}
