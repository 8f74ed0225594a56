//! Requests from occupant to occupant (XEP-0045 section 17.4): peer-to-peer Jingle above all.
//!
//! A receiver matches an answer by its id alone, so an answer passes only if it was asked for: the request gets an
//! id that is the sender's own within the room, and a route waits for it. A result that nobody asked for goes nowhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xmpp::build::set_attr;
use xmpp::stanza_error::{Condition, ErrorKind, StanzaError};
use xmpp::{Element, elem, ns};

use crate::core::Core;
use crate::entry::Millis;
use crate::limits;
use crate::room::FOCUS_NICK;
use crate::room::focus_occupant::not_an_occupant;
use crate::route::Stanza;
use crate::session::SessionId;
use crate::turn::Turn;

/// By the receiver and the id that it saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Routes(BTreeMap<(SessionId, String), Route>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Route {
    sender: SessionId,
    /// the sender's id
    id: String,
    /// the receiver, as the sender named it
    asked: String,
    at: Millis,
}

impl Routes {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn has_room_for(&mut self, sender: SessionId, now: Millis) -> bool {
        self.0.retain(|_, route| now.saturating_sub(route.at) < limits::ROUTED_IQ_MS);
        let own = self.0.values().filter(|route| route.sender == sender).count();
        self.0.len() < limits::ROUTED_IQS_MAX && own < limits::ROUTED_IQS_PER_SENDER_MAX
    }
}

impl Core {
    /// A request to `ROOM/nick`, who is not the focus.
    pub(crate) fn route_occupant_iq(&mut self, turn: &mut Turn, stanza: &Stanza, nick: &str) {
        let Some(sender) = self.nick_of(stanza.from).map(str::to_owned) else {
            return self.refuse(turn, stanza, &not_an_occupant());
        };
        let Some((receiver, jid)) = self.room.occupants.get(nick).map(|to| (to.session, to.jid.clone()))
        else {
            return self.refuse(turn, stanza, &nobody(nick));
        };
        if !self.room.routes.has_room_for(stanza.from, turn.now) {
            let error =
                StanzaError::new(Condition::ResourceConstraint, "Too many requests wait for an answer");
            return self.refuse(turn, stanza, &error.of_kind(ErrorKind::Wait));
        }
        let id = stanza.element.attr("id").unwrap_or_default().to_owned();
        let seen = format!("{sender}/{id}");
        let asked = stanza.element.attr("to").unwrap_or_default().to_owned();
        self.room
            .routes
            .0
            .insert((receiver, seen.clone()), Route { sender: stanza.from, id, asked, at: turn.now });
        let mut iq = stanza.element.clone();
        set_attr(&mut iq, "id", seen);
        set_attr(&mut iq, "from", self.occupant_jid(&sender));
        set_attr(&mut iq, "to", jid);
        self.send(turn, receiver, &iq);
    }

    /// A result or an error to `ROOM/nick`.
    pub(crate) fn handle_iq_answer(&mut self, turn: &mut Turn, stanza: &Stanza, nick: &str) {
        let Some(own) = self.nick_of(stanza.from).map(str::to_owned) else {
            return;
        };
        if nick == FOCUS_NICK {
            return self.with_focus(turn, |focus, cx| focus.handle_iq_answer(cx, &own, &stanza.element));
        }
        let seen = stanza.element.attr("id").unwrap_or_default().to_owned();
        let Some(route) = self.room.routes.0.remove(&(stanza.from, seen)) else {
            return;
        };
        let Some(jid) = self.sessions.session(route.sender).map(|session| session.jid.clone()) else {
            return;
        };
        let mut answer = stanza.element.clone();
        set_attr(&mut answer, "id", route.id);
        set_attr(&mut answer, "from", route.asked);
        set_attr(&mut answer, "to", jid);
        self.send(turn, route.sender, &answer);
    }

    /// Somebody is gone: who waits for its answer is told, what it waits for itself is forgotten.
    pub(crate) fn drop_routes_of(&mut self, turn: &mut Turn, gone: SessionId) {
        let routes = std::mem::take(&mut self.room.routes.0);
        for ((receiver, seen), route) in routes {
            if receiver == gone {
                self.answer_for_absent(turn, &route);
            } else if route.sender != gone {
                self.room.routes.0.insert((receiver, seen), route);
            }
        }
    }

    /// Everybody is gone: who waits for an answer is told.
    pub(super) fn drop_all_routes(&mut self, turn: &mut Turn) {
        for route in std::mem::take(&mut self.room.routes.0).into_values() {
            self.answer_for_absent(turn, &route);
        }
    }

    fn answer_for_absent(&mut self, turn: &mut Turn, route: &Route) {
        let Some(jid) = self.sessions.session(route.sender).map(|session| session.jid.clone()) else {
            return;
        };
        let nick = route.asked.rsplit('/').next().unwrap_or_default();
        let answer: Element = elem("iq", ns::CLIENT)
            .attr("type", "error")
            .attr("id", route.id.as_str())
            .attr("from", route.asked.as_str())
            .attr("to", jid)
            .child(nobody(nick).to_element())
            .build();
        self.send(turn, route.sender, &answer);
    }
}

pub(super) fn nobody(nick: &str) -> StanzaError {
    StanzaError::new(Condition::ItemNotFound, format!("{nick} is not in the room"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_has_a_share_of_the_routes() {
        let mut routes = Routes::default();
        let (one, other, receiver) = (SessionId(1), SessionId(2), SessionId(3));
        for n in 0..limits::ROUTED_IQS_PER_SENDER_MAX {
            assert!(routes.has_room_for(one, 1_000));
            let route = Route { sender: one, id: n.to_string(), asked: String::new(), at: 1_000 };
            routes.0.insert((receiver, n.to_string()), route);
        }
        assert!(!routes.has_room_for(one, 1_000) && routes.has_room_for(other, 1_000));
        assert!(routes.has_room_for(one, 1_000 + limits::ROUTED_IQ_MS), "what is not answered is forgotten");
    }
}
