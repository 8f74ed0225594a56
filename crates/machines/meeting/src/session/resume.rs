//! A client takes its stream up again (XEP-0198 section 5).
//!
//! The XEP binds a stream to the authenticated JID. Guests have none: their JID is made at the bind. So the token, 192
//! random bits that only its client was told, is what authenticates it, within its own meeting.

use xmpp::sm::{self, Gap};
use xmpp::text::to_text;

use crate::core::Core;
use crate::effect::{Close, Fact};
use crate::entry::ConnId;
use crate::session::{Ears, Link, SessionId};
use crate::turn::Turn;

impl Core {
    pub(crate) fn handle_resume(&mut self, turn: &mut Turn, conn: ConnId, previd: &str, ears: Ears) {
        if self.sessions.of_conn(conn).is_some() {
            turn.fact(Fact::ResumeRefused);
            turn.send(conn, to_text(&sm::failed("unexpected-request")));
            return;
        }
        let Some(id) = self.sessions.of_token(previd) else {
            self.refuse_resume(turn, conn);
            return;
        };
        let taken =
            self.sessions.session_mut(id).and_then(|session| session.sm.as_mut()).map(|sm| sm.resume(ears));
        match taken {
            Some(Ok(lost)) => self.take_up(turn, id, conn, previd, lost),
            Some(Err(_)) | None => {
                self.refuse_resume(turn, conn);
                // Whoever is refused starts afresh, and the old occupant would be a ghost. But a stream that is served
                // is not ended by somebody who has its token and not its past.
                if !self.sessions.is_live(id) {
                    self.end_session(turn, id);
                }
            }
        }
    }

    /// COMPAT: `<resumed/>` comes before anything that is counted, and nothing that is sent again gets a delay
    /// stamp (clients ignore application messages with one).
    fn take_up(&mut self, turn: &mut Turn, id: SessionId, conn: ConnId, previd: &str, lost: Option<Gap>) {
        if let Some(old) = self.sessions.relink(id, Link::Live(conn)) {
            turn.close(old, Close::Silently);
        }
        let Some(sm) = self.sessions.session_mut(id).and_then(|session| session.sm.as_mut()) else {
            return;
        };
        turn.fact(Fact::Resumed);
        turn.send(conn, to_text(&sm::resumed(sm.received, previd, lost)));
        for text in &sm.unacked {
            turn.send(conn, text.clone());
        }
        if !sm.unacked.is_empty() {
            turn.send(conn, to_text(&sm::request()));
        }
        sm.asked();
    }

    /// COMPAT: the client gives its token up and starts afresh, on another connection. This one is let go of once the
    /// answer has left: it serves nothing, and what it still said would be kept for nothing.
    fn refuse_resume(&self, turn: &mut Turn, conn: ConnId) {
        turn.fact(Fact::ResumeRefused);
        turn.send(conn, to_text(&sm::failed("item-not-found")));
        turn.close(conn, Close::Silently);
    }
}
