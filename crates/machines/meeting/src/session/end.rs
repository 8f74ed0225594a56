//! Sessions without connection: they hibernate, expire, end.

use crate::core::Core;
use crate::effect::{Close, Fact};
use crate::entry::ConnId;
use crate::session::{Link, SessionId};
use crate::turn::Turn;

impl Core {
    /// The connection is lost without a goodbye: a session that can be resumed waits, any other ends.
    pub(crate) fn handle_dropped(&mut self, turn: &mut Turn, conn: ConnId) {
        if let Some(id) = self.sessions.of_conn(conn) {
            self.unlink(turn, id);
            self.hibernate_or_end(turn, id);
        }
    }

    /// All connections are lost at once, so none is sent anything about the others' end.
    pub(crate) fn drop_all(&mut self, turn: &mut Turn) {
        let lost: Vec<SessionId> =
            self.sessions.conns().into_iter().filter_map(|conn| self.sessions.of_conn(conn)).collect();
        for id in &lost {
            self.unlink(turn, *id);
        }
        for id in lost {
            self.hibernate_or_end(turn, id);
        }
    }

    fn unlink(&mut self, turn: &Turn, id: SessionId) {
        let until = turn.now.saturating_add(self.settings.hibernation_ms);
        self.sessions.relink(id, Link::Hibernating { until });
    }

    fn hibernate_or_end(&mut self, turn: &mut Turn, id: SessionId) {
        if self.sessions.session(id).is_some_and(|session| session.resumable()) {
            turn.fact(Fact::Hibernated);
        } else {
            self.end_session(turn, id);
        }
    }

    /// Ends sessions that hibernated for too long.
    pub(crate) fn expire_sessions(&mut self, turn: &mut Turn) {
        let expired: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.expiry().is_some_and(|until| until <= turn.now))
            .map(|(id, _)| id)
            .collect();
        for id in expired {
            turn.fact(Fact::SessionExpired);
            self.end_session(turn, id);
        }
    }

    /// Ends sessions that are over their limit. Others are told of it, which may be too much for yet another.
    pub(crate) fn end_doomed(&mut self, turn: &mut Turn) {
        while let Some(id) = turn.doomed.first().copied().or_else(|| self.too_much_for_all()) {
            if let Some(Link::Live(conn)) = self.sessions.session(id).map(|session| session.link) {
                turn.close(conn, Close::Silently);
            }
            turn.fact(Fact::SessionOverflowed);
            self.end_session(turn, id);
            turn.doomed.remove(&id);
        }
    }

    /// Each session is within its limit, all together are not: the one that takes the most.
    fn too_much_for_all(&self) -> Option<SessionId> {
        let over = self.sessions.unacked_bytes() > self.sessions.unacked_bytes_max();
        self.sessions.most_unacked().filter(|_| over)
    }

    /// The session is no more; its occupant leaves. Closing its connection is the caller's business.
    pub(crate) fn end_session(&mut self, turn: &mut Turn, id: SessionId) {
        let Some(session) = self.sessions.remove(id) else {
            return;
        };
        self.room.forget_affiliation(session.bare_jid());
        if let Some(nick) = session.nick {
            self.leave(turn, &nick, None);
        }
        self.drop_routes_of(turn, id);
    }
}

impl crate::session::Session {
    fn resumable(&self) -> bool {
        self.sm.as_ref().is_some_and(|sm| sm.token.is_some())
    }
}
