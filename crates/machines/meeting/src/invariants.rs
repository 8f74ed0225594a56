//! What is true after every entry.

use crate::Meeting;
use crate::core::Core;
use crate::limits;
use crate::room::FOCUS_NICK;
use crate::session::Link;

impl Meeting {
    /// For tests and simulations, after every entry.
    ///
    /// # Panics
    /// Where the state contradicts itself: a bug of ours.
    pub fn check_invariants(&self) {
        if let Some(core) = &self.core {
            core.check_sessions();
            core.check_room();
        }
    }
}

impl Core {
    fn check_sessions(&self) {
        assert!(self.sessions.len() <= limits::SESSIONS_MAX);
        assert!(self.sessions.unacked_bytes() <= self.sessions.unacked_bytes_max());
        let mut live = 0;
        for (id, session) in self.sessions.iter() {
            match session.link {
                Link::Live(conn) => {
                    live += 1;
                    assert_eq!(self.sessions.of_conn(conn), Some(id), "a connection serves its session");
                }
                Link::Hibernating { .. } => {
                    let resumable = session.sm.as_ref().is_some_and(|sm| sm.token.is_some());
                    assert!(resumable, "only what can be resumed hibernates");
                }
            }
            if let Some(sm) = &session.sm {
                let bytes: usize = sm.unacked.iter().map(String::len).sum();
                assert_eq!(bytes, sm.unacked_bytes, "the bytes kept are counted");
                assert!(
                    bytes <= limits::UNACKED_BYTES_MAX && sm.unacked.len() <= limits::UNACKED_STANZAS_MAX
                );
                if let Some(token) = &sm.token {
                    assert_eq!(sm.unacked.len() as u64, u64::from(sm.sent.wrapping_sub(sm.acked)));
                    assert_eq!(self.sessions.of_token(token), Some(id), "a token names its session");
                }
            }
            if let Some(nick) = &session.nick {
                let occupant = self.room.occupants.get(nick).expect("a session's nick is in the room");
                assert_eq!((occupant.session, &occupant.jid), (id, &session.jid));
            }
        }
        assert_eq!(live, self.sessions.conns().len(), "no connection without a session");
        for (token, id) in self.sessions.tokens() {
            let session = self.sessions.session(id).expect("no token without a session");
            assert_eq!(session.sm.as_ref().and_then(|sm| sm.token.as_deref()), Some(token));
        }
    }

    fn check_room(&self) {
        let room = &self.room;
        assert!(!room.occupants.contains_key(FOCUS_NICK), "the focus has no session");
        for (nick, occupant) in &room.occupants {
            let session = self.sessions.session(occupant.session).expect("an occupant has a session");
            assert_eq!(session.nick.as_ref(), Some(nick));
            assert!(occupant.children.len() <= limits::PRESENCE_BYTES_MAX);
        }
        let moderators = room.occupants.values().filter(|o| room.affiliation(&o.jid).is_moderator()).count();
        assert!(room.occupants.is_empty() || moderators > 0, "a room with occupants has a moderator");
        assert!(room.routes.len() <= limits::ROUTED_IQS_MAX);
        assert!(room.affiliations_len() <= limits::AFFILIATIONS_MAX + limits::SESSIONS_MAX);
        assert!(!room.occupants.is_empty() || room.since.is_none(), "an empty room remembers nothing");
    }
}
