//! Stream management of one session (XEP-0198): its counters and what is not acknowledged yet.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use xmpp::sm::{self, Nonza};
use xmpp::text::to_text;

use crate::core::Core;
use crate::effect::Fact;
use crate::entry::ConnId;
use crate::session::SessionId;
use crate::turn::Turn;
use crate::{ids, limits};

/// Counters wrap at 2^32 (XEP-0198 section 4).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sm {
    /// names the stream at a resume; `None` where the client did not ask for resumption
    pub(crate) token: Option<String>,
    /// stanzas of the client that are taken
    pub(crate) received: u32,
    /// stanzas sent to the client
    pub(crate) sent: u32,
    /// of them, acknowledged
    pub(crate) acked: u32,
    /// the others, oldest first; not kept where nothing can be resumed
    pub(crate) unacked: VecDeque<String>,
    pub(crate) unacked_bytes: usize,
    /// stanzas since the last `<r/>`
    unasked: u32,
    /// the owner has changed since the client was last heard: it may have been sent more than we know of
    pub(crate) relieved: bool,
}

/// The client does not take what it is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

/// An `h` that was never possible.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

impl Sm {
    /// Numbers and keeps a stanza; tells whether an acknowledgement is due.
    pub(crate) fn push(&mut self, text: &str) -> Result<bool, Overflow> {
        if self.token.is_some() {
            let bytes = self.unacked_bytes + text.len();
            if self.unacked.len() >= limits::UNACKED_STANZAS_MAX || bytes > limits::UNACKED_BYTES_MAX {
                return Err(Overflow);
            }
            self.unacked.push_back(text.to_owned());
            self.unacked_bytes = bytes;
        }
        self.sent = self.sent.wrapping_add(1);
        self.unasked += 1;
        Ok(self.unasked >= limits::ACK_REQUEST_STANZAS)
    }

    pub(crate) fn asked(&mut self) {
        self.unasked = 0;
    }

    /// The client has taken `h` stanzas.
    pub(crate) fn acknowledge(&mut self, h: u32) -> Result<(), OutOfRange> {
        let more = h.wrapping_sub(self.acked);
        if more > self.sent.wrapping_sub(self.acked) {
            return Err(OutOfRange);
        }
        for _ in 0..more.min(u32::try_from(self.unacked.len()).unwrap_or(u32::MAX)) {
            let text = self.unacked.pop_front().unwrap_or_default();
            self.unacked_bytes -= text.len();
        }
        self.acked = h;
        Ok(())
    }

    /// The client takes its stream up and has `h` stanzas. After a change of owners these may be more than were ever
    /// sent as far as we know: the former owner was unprotected when it died, and what it sent last is lost with it. Its
    /// count is the right one then, and everything that is known was received.
    pub(crate) fn resume(&mut self, h: u32) -> Result<(), OutOfRange> {
        let ahead = h.wrapping_sub(self.sent);
        if std::mem::take(&mut self.relieved) && (1..=limits::AHEAD_MAX).contains(&ahead) {
            (self.sent, self.acked, self.unacked_bytes) = (h, h, 0);
            self.unacked.clear();
            return Ok(());
        }
        self.acknowledge(h)
    }
}

impl Core {
    pub(crate) fn handle_nonza(&mut self, turn: &mut Turn, id: SessionId, conn: ConnId, nonza: &Nonza) {
        match nonza {
            Nonza::Enable { resume } => self.enable(turn, id, conn, *resume),
            Nonza::Request => {
                if let Some(sm) = self.sm(id) {
                    turn.send(conn, to_text(&sm::ack(sm.received)));
                }
            }
            Nonza::Ack { h } => {
                let taken = self.sm(id).zip(*h).map(|(sm, h)| sm.acknowledge(h));
                if taken != Some(Ok(())) {
                    turn.fact(Fact::StanzaRefused);
                }
            }
            Nonza::Other => turn.fact(Fact::StanzaRefused),
        }
    }

    /// COMPAT: `<failed/>` kills the stream of a Jitsi client (its output stays paused), so it is for the second
    /// `<enable/>` alone, which no such client sends.
    fn enable(&mut self, turn: &mut Turn, id: SessionId, conn: ConnId, resume: bool) {
        let token = resume.then(|| ids::token(&mut turn.rng));
        let Some(session) = self.sessions.by_id.get_mut(&id) else {
            return;
        };
        if session.sm.is_some() {
            turn.fact(Fact::StanzaRefused);
            turn.send(conn, to_text(&sm::failed("unexpected-request")));
            return;
        }
        turn.send(conn, to_text(&sm::enabled(token.as_deref(), self.settings.hibernation_ms / 1_000)));
        if let Some(token) = &token {
            self.sessions.by_token.insert(token.clone(), id);
        }
        session.sm = Some(Sm { token, ..Sm::default() });
    }

    fn sm(&mut self, id: SessionId) -> Option<&mut Sm> {
        self.sessions.session_mut(id)?.sm.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sm() -> Sm {
        Sm { token: Some("t".to_owned()), ..Sm::default() }
    }

    #[test]
    fn what_is_acknowledged_is_forgotten() {
        let mut sm = sm();
        for text in ["a", "bb", "ccc"] {
            assert_eq!(sm.push(text), Ok(false));
        }
        assert_eq!(sm.acknowledge(2), Ok(()));
        assert_eq!((sm.unacked.len(), sm.unacked_bytes), (1, 3));
        assert_eq!(sm.acknowledge(2), Ok(()));
        assert_eq!(sm.acknowledge(3), Ok(()));
        assert_eq!((sm.unacked.len(), sm.unacked_bytes), (0, 0));
    }

    #[test]
    fn an_acknowledgement_back_or_ahead_changes_nothing() {
        let mut sm = sm();
        let _ = (sm.push("a"), sm.push("b"));
        assert_eq!(sm.acknowledge(1), Ok(()));
        let before = sm.clone();
        for h in [0, 3, u32::MAX] {
            assert_eq!(sm.acknowledge(h), Err(OutOfRange));
        }
        assert_eq!(sm, before);
    }

    #[test]
    fn who_was_sent_more_than_is_known_goes_on_after_a_change_of_owners_and_only_then() {
        let mut known = sm();
        let _ = (known.push("a"), known.push("b"));
        assert_eq!(known.clone().resume(3), Err(OutOfRange));
        let mut relieved = Sm { relieved: true, ..known };
        let mut ahead = relieved.clone();
        assert_eq!(ahead.resume(7), Ok(()));
        assert_eq!((ahead.sent, ahead.acked, ahead.unacked.len(), ahead.unacked_bytes), (7, 7, 0, 0));
        assert_eq!(ahead.resume(8), Err(OutOfRange), "once");
        let mut ordinary = relieved.clone();
        assert_eq!((ordinary.resume(1), ordinary.unacked.len()), (Ok(()), 1));
        assert_eq!(relieved.resume(3 + limits::AHEAD_MAX), Err(OutOfRange));
    }

    #[test]
    fn the_counters_wrap() {
        let mut sm = Sm { sent: u32::MAX, acked: u32::MAX, ..sm() };
        let _ = (sm.push("a"), sm.push("b"));
        assert_eq!(sm.sent, 1);
        assert_eq!(sm.acknowledge(0), Ok(()));
        assert_eq!(sm.unacked, ["b"]);
        assert_eq!(sm.acknowledge(1), Ok(()));
        assert!(sm.unacked.is_empty());
    }

    #[test]
    fn an_acknowledgement_is_asked_for_now_and_then() {
        let mut sm = sm();
        for _ in 1..limits::ACK_REQUEST_STANZAS {
            assert_eq!(sm.push("a"), Ok(false));
        }
        assert_eq!(sm.push("a"), Ok(true));
        sm.asked();
        assert_eq!(sm.push("a"), Ok(false));
    }

    #[test]
    fn stanzas_and_bytes_have_a_limit() {
        let mut many = sm();
        for _ in 0..limits::UNACKED_STANZAS_MAX {
            assert!(many.push("a").is_ok());
        }
        assert_eq!(many.push("a"), Err(Overflow));
        let mut big = sm();
        let text = "x".repeat(limits::UNACKED_BYTES_MAX);
        assert!(big.push(&text).is_ok());
        assert_eq!(big.push("x"), Err(Overflow));
        assert_eq!(big.sent, 1);
    }

    #[test]
    fn nothing_is_kept_where_nothing_can_be_resumed() {
        let mut sm = Sm::default();
        let _ = (sm.push("a"), sm.push("b"));
        assert_eq!((sm.sent, sm.unacked.len()), (2, 0));
        assert_eq!(sm.acknowledge(2), Ok(()));
    }
}
