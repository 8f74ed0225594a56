//! A new session (RFC 6120 section 7).

use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::to_text;
use xmpp::{Element, elem, ns};

use crate::core::Core;
use crate::effect::Close;
use crate::entry::ConnId;
use crate::session::{Link, Session};
use crate::turn::Turn;
use crate::{ids, limits};

impl Core {
    pub(crate) fn handle_bind(&mut self, turn: &mut Turn, conn: ConnId, iq_id: &str) {
        let refusal = if self.sessions.of_conn(conn).is_some() {
            StanzaError::new(Condition::NotAllowed, "This stream has a resource already")
        } else if self.sessions.len() >= limits::SESSIONS_MAX {
            StanzaError::new(Condition::ResourceConstraint, "This meeting has too many sessions")
        } else {
            let jid = self.fresh_jid(turn);
            turn.send(conn, to_text(&bound(iq_id, &jid)));
            self.sessions.insert(Session { jid, link: Link::Live(conn), sm: None, nick: None });
            return;
        };
        let answer =
            elem("iq", ns::CLIENT).attr("type", "error").attr("id", iq_id).child(refusal.to_element());
        turn.send(conn, to_text(&answer.build()));
        if self.sessions.of_conn(conn).is_none() {
            // it serves nothing, and what it still said would be kept for nothing
            turn.close(conn, Close::Silently);
        }
    }

    /// COMPAT: the client takes the first eight digits of the node as its nick, so these differ within a meeting.
    fn fresh_jid(&self, turn: &mut Turn) -> String {
        loop {
            let node = ids::uuid(&mut turn.rng);
            let taken = self.sessions.iter().any(|(_, session)| session.jid.starts_with(&node[..8]));
            if !taken {
                return format!("{node}@{}/{}", self.settings.domain, ids::resource(&mut turn.rng));
            }
        }
    }
}

fn bound(iq_id: &str, jid: &str) -> Element {
    let bind = elem("bind", ns::BIND).child(elem("jid", ns::BIND).text(jid));
    elem("iq", ns::CLIENT).attr("type", "result").attr("id", iq_id).child(bind).build()
}
