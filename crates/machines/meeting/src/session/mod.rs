//! Client sessions: a full JID with the stream that serves it, or that served it and may come back.

mod bind;
mod end;
mod outbound;
mod received;
mod resume;
mod sm;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entry::{ConnId, Millis};
use crate::limits;
pub(crate) use crate::session::sm::{Ears, Sm};

/// A session of this meeting, whatever connection serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SessionId(pub(crate) u64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// the full JID
    pub(crate) jid: String,
    pub(crate) link: Link,
    /// `None` before `<enable/>`
    pub(crate) sm: Option<Sm>,
    /// as occupant of the room
    pub(crate) nick: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Link {
    Live(ConnId),
    /// the connection is lost; the session ends at that time
    Hibernating {
        until: Millis,
    },
}

/// The table of sessions, with its indices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sessions {
    by_id: BTreeMap<SessionId, Session>,
    by_conn: BTreeMap<ConnId, SessionId>,
    by_token: BTreeMap<String, SessionId>,
    next: u64,
}

impl Sessions {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.by_id.iter().map(|(id, session)| (*id, session))
    }

    pub(crate) fn session(&self, id: SessionId) -> Option<&Session> {
        self.by_id.get(&id)
    }

    pub(crate) fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn of_conn(&self, conn: ConnId) -> Option<SessionId> {
        self.by_conn.get(&conn).copied()
    }

    pub(crate) fn of_token(&self, token: &str) -> Option<SessionId> {
        self.by_token.get(token).copied()
    }

    pub(crate) fn conns(&self) -> Vec<ConnId> {
        self.by_conn.keys().copied().collect()
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&str, SessionId)> {
        self.by_token.iter().map(|(token, id)| (token.as_str(), *id))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn is_live(&self, id: SessionId) -> bool {
        self.session(id).is_some_and(|session| matches!(session.link, Link::Live(_)))
    }

    /// The owner has changed. Those that hibernate have until `until` from now on: for as long as there was no owner
    /// nobody could come back, and the clock of the new one may be an hour ahead.
    pub(crate) fn relieve(&mut self, until: Millis) {
        for session in self.by_id.values_mut() {
            session.sm.iter_mut().for_each(Sm::relieve);
            if let Link::Hibernating { until: former } = &mut session.link {
                *former = until;
            }
        }
    }

    pub(crate) fn hibernating(&self) -> usize {
        self.len() - self.by_conn.len()
    }

    /// Bytes that are kept for all clients.
    pub(crate) fn unacked_bytes(&self) -> usize {
        self.by_id.values().map(Session::unacked_bytes).sum()
    }

    pub(crate) fn unacked_bytes_max(&self) -> usize {
        limits::UNACKED_BYTES_ALL_MAX.max(self.by_id.len() * limits::UNACKED_BYTES_EACH)
    }

    /// For whom the most is kept; of equals the oldest.
    fn most_unacked(&self) -> Option<SessionId> {
        let by_bytes = self.by_id.iter().rev().max_by_key(|(_, session)| session.unacked_bytes());
        by_bytes.map(|(id, _)| *id)
    }

    /// When the first hibernating session ends.
    pub(crate) fn next_expiry(&self) -> Option<Millis> {
        self.by_id.values().filter_map(Session::expiry).min()
    }

    fn insert(&mut self, session: Session) {
        let id = SessionId(self.next);
        self.next += 1;
        if let Link::Live(conn) = session.link {
            self.by_conn.insert(conn, id);
        }
        self.by_id.insert(id, session);
    }

    fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.by_id.remove(&id)?;
        if let Link::Live(conn) = session.link {
            self.by_conn.remove(&conn);
        }
        if let Some(token) = session.sm.as_ref().and_then(|sm| sm.token.as_ref()) {
            self.by_token.remove(token);
        }
        Some(session)
    }

    /// Puts the session on another footing and gives the connection that served it until now.
    fn relink(&mut self, id: SessionId, link: Link) -> Option<ConnId> {
        let session = self.by_id.get_mut(&id)?;
        let old = std::mem::replace(&mut session.link, link);
        let old = match old {
            Link::Live(conn) => self.by_conn.remove(&conn).map(|_| conn),
            Link::Hibernating { .. } => None,
        };
        if let Link::Live(conn) = link {
            self.by_conn.insert(conn, id);
        }
        old
    }
}

impl Session {
    /// The JID without its resource.
    pub(crate) fn bare_jid(&self) -> &str {
        bare(&self.jid)
    }

    fn unacked_bytes(&self) -> usize {
        self.sm.as_ref().map_or(0, |sm| sm.unacked_bytes)
    }

    /// When it ends, if it hibernates.
    fn expiry(&self) -> Option<Millis> {
        match self.link {
            Link::Live(_) => None,
            Link::Hibernating { until } => Some(until),
        }
    }
}

/// A full JID of ours without its resource.
pub(crate) fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or(jid)
}
