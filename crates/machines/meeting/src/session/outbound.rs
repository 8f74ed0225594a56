//! Every stanza for a client leaves here: numbered, kept, sent.

use xmpp::Element;
use xmpp::sm;
use xmpp::text::{Stencil, to_text};

use crate::core::Core;
use crate::session::{Link, SessionId};
use crate::turn::Turn;

impl Core {
    /// Sends one counted stanza, now or when the session is resumed. One that does not fit ends the session.
    pub(crate) fn send_text(&mut self, turn: &mut Turn, id: SessionId, text: String) {
        let Some(session) = self.sessions.session_mut(id).filter(|_| !turn.doomed.contains(&id)) else {
            return;
        };
        let ask = match session.sm.as_mut().map(|sm| sm.push(&text)) {
            None => false,
            Some(Ok(due)) => due,
            Some(Err(_)) => {
                turn.doomed.insert(id);
                return;
            }
        };
        if let Link::Live(conn) = session.link {
            turn.send(conn, text);
            if ask {
                turn.send(conn, to_text(&sm::request()));
                session.sm.iter_mut().for_each(|sm| sm.asked());
            }
        }
    }

    /// Sends a stanza that has its `to`.
    pub(crate) fn send(&mut self, turn: &mut Turn, id: SessionId, stanza: &Element) {
        self.send_text(turn, id, to_text(stanza));
    }

    /// Sends a stanza to everybody in the room.
    pub(crate) fn send_to_all(&mut self, turn: &mut Turn, stanza: &Stencil) {
        for (id, jid) in self.room.receivers() {
            self.send_text(turn, id, stanza.fill(&jid));
        }
    }

    /// Sends a stanza to everybody in the room but one.
    pub(crate) fn send_to_others(&mut self, turn: &mut Turn, but: SessionId, stanza: &Stencil) {
        for (id, jid) in self.room.receivers() {
            if id != but {
                self.send_text(turn, id, stanza.fill(&jid));
            }
        }
    }
}
