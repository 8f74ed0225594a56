//! What a client sends: nonzas are obeyed, stanzas counted and routed.

use xmpp::sm::Nonza;
use xmpp::stanza::Kind;
use xmpp::{Element, frame, ns, stream_error};

use crate::core::Core;
use crate::effect::{Close, Fact};
use crate::entry::ConnId;
use crate::session::SessionId;
use crate::turn::Turn;

impl Core {
    /// Late input of a connection that serves no session any more has no effect.
    pub(crate) fn handle_received(&mut self, turn: &mut Turn, conn: ConnId, text: &str) {
        let Some(id) = self.sessions.of_conn(conn) else {
            return;
        };
        match frame::parse(text) {
            Ok(element) => self.handle_element(turn, id, conn, element),
            Err(error) => {
                // such a frame cannot be counted, so both sides would disagree for ever: there is nothing to resume
                turn.fact(Fact::StanzaRefused);
                turn.send(conn, stream_error::text(error.condition()));
                turn.close(conn, Close::Goodbye);
                self.end_session(turn, id);
            }
        }
    }

    /// The client said goodbye.
    pub(crate) fn handle_closed(&mut self, turn: &mut Turn, conn: ConnId) {
        if let Some(id) = self.sessions.of_conn(conn) {
            turn.close(conn, Close::Goodbye);
            self.end_session(turn, id);
        }
    }

    fn handle_element(&mut self, turn: &mut Turn, id: SessionId, conn: ConnId, element: Element) {
        if let Some(nonza) = Nonza::of(&element) {
            self.handle_nonza(turn, id, conn, &nonza);
        } else if element.is("close", ns::FRAMING) {
            self.handle_closed(turn, conn);
        } else if let Some(kind) = Kind::of(&element) {
            if let Some(sm) = self.sessions.session_mut(id).and_then(|session| session.sm.as_mut()) {
                sm.received = sm.received.wrapping_add(1);
            }
            self.route(turn, id, kind, element);
        } else {
            turn.fact(Fact::StanzaRefused);
        }
    }
}
