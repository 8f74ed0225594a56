//! Stream management of one session (XEP-0198): its counters and what is not acknowledged yet.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use xmpp::sm::{self, Gap, Nonza};
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
    /// the owner has changed since the client was last heard: so many stanzas were sent before as far as we know, but the
    /// former owner may have sent more
    pub(crate) relieved: Option<u32>,
    /// what it was sent more, until it is known to have something after that: the numbers before the first and of the last
    lost: Option<(u32, u32)>,
}

/// What a client that takes its stream up has of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ears {
    /// stanzas that it has
    pub(crate) h: u32,
    /// the last one that it may have been sent
    pub(crate) told: u32,
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
        let after = |until| self.sent.wrapping_sub(h) < self.sent.wrapping_sub(until);
        self.lost = self.lost.filter(|(_, until)| !after(*until));
        self.acked = h;
        Ok(())
    }

    /// The owner has changed. What is sent from here on reaches nobody before the client is back.
    pub(crate) fn relieve(&mut self) {
        self.relieved.get_or_insert(self.sent);
    }

    /// The client takes its stream up. After a change of owners it may have been sent more than was ever sent as far as
    /// we know: the former owner was unprotected when it ended, and what it sent last is lost with it. Then these
    /// numbers are taken, by what nobody can say again, and what was sent since comes after them. Gives these numbers.
    pub(crate) fn resume(&mut self, ears: Ears) -> Result<Option<Gap>, OutOfRange> {
        if let Some(before) = self.relieved.take() {
            let ahead = |number: u32| Some(number.wrapping_sub(before)).filter(|by| *by <= limits::AHEAD_MAX);
            let ahead = ahead(ears.told).max(ahead(ears.h)).unwrap_or(0);
            if ahead > 0 {
                self.make_room(before, ahead);
            }
        }
        self.acknowledge(ears.h)?;
        if self.unacked.len() > limits::UNACKED_STANZAS_MAX {
            return Err(OutOfRange);
        }
        Ok(self.lost.map(|(known, until)| Gap { known, until }))
    }

    /// Puts `ahead` stanzas that say nothing after the one with number `before`.
    fn make_room(&mut self, before: u32, ahead: u32) {
        let since = usize::try_from(self.sent.wrapping_sub(before)).unwrap_or(usize::MAX);
        let mut after = self.unacked.split_off(self.unacked.len().saturating_sub(since));
        for _ in 0..ahead {
            self.unacked.push_back(sm::FILLER.to_owned());
            self.unacked_bytes += sm::FILLER.len();
        }
        self.unacked.append(&mut after);
        self.sent = self.sent.wrapping_add(ahead);
        // one of before that the client may not know of yet is told with it
        let known = self.lost.map_or(before, |(known, _)| known);
        self.lost = Some((known, before.wrapping_add(ahead)));
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

    fn ears(h: u32, told: u32) -> Ears {
        Ears { h, told }
    }

    /// Two stanzas were sent as far as is known, and one since the owner changed.
    fn relieved() -> Sm {
        let mut sm = sm();
        let _ = (sm.push("a"), sm.push("b"));
        sm.relieve();
        let _ = sm.push("since");
        sm.relieve();
        sm
    }

    #[track_caller]
    fn check(ears: Ears, until: Option<u32>, kept: &[&str], sent: u32) {
        let mut sm = relieved();
        let gap = until.map(|until| Gap { known: 2, until });
        assert_eq!(sm.resume(ears), Ok(gap));
        let bytes: usize = kept.iter().map(|text| text.len()).sum();
        assert_eq!(
            (sm.unacked.make_contiguous(), sm.sent, sm.unacked_bytes),
            (&mut kept.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()[..], sent, bytes)
        );
        assert_eq!(sm.resume(Ears { h: sent + 1, told: sent + 1 }), Err(OutOfRange), "once");
    }

    #[test]
    fn what_was_sent_since_is_sent_to_whoever_has_more_than_is_known() {
        let lost = sm::FILLER;
        check(ears(1, 1), None, &["b", "since"], 3);
        check(ears(2, 2), None, &["since"], 3);
        // the third that it has is another one
        check(ears(3, 3), Some(3), &["since"], 4);
        check(ears(7, 7), Some(7), &["since"], 8);
        // somebody in between knows that it was sent four
        check(ears(1, 4), Some(4), &["b", lost, lost, "since"], 5);
        check(ears(3, 4), Some(4), &[lost, "since"], 5);
    }

    #[test]
    fn what_is_lost_is_told_until_it_was_heard() {
        let mut sm = relieved();
        let gap = Some(Gap { known: 2, until: 4 });
        assert_eq!((sm.resume(ears(1, 4)), sm.resume(ears(1, 4))), (Ok(gap), Ok(gap)));
        assert_eq!((sm.acknowledge(4), sm.resume(ears(4, 5))), (Ok(()), Ok(gap)));
        assert_eq!((sm.acknowledge(5), sm.resume(ears(5, 5))), (Ok(()), Ok(None)));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut known = sm();
        let _ = (known.push("a"), known.push("b"));
        assert_eq!(known.resume(ears(3, 3)), Err(OutOfRange), "the owner is the same");
        let far = 3 + limits::AHEAD_MAX;
        assert_eq!(relieved().resume(ears(far, far)), Err(OutOfRange));
        let many = u32::try_from(limits::UNACKED_STANZAS_MAX).unwrap() + 2;
        assert_eq!(relieved().resume(ears(1, many)), Err(OutOfRange), "more than is kept");
        assert_eq!(relieved().resume(ears(1, u32::MAX)), Ok(None), "nobody was told that");
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
