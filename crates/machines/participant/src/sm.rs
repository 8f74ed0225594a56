//! Stream management (XEP-0198) as the client does it: what it counts, when it asks.

use std::collections::VecDeque;

use xmpp::text::to_text;
use xmpp::{Element, elem, ns};

use crate::failure::Failure;
use crate::limits::{ACK_REQUEST_DELAY, ACK_REQUEST_STANZAS, UNACKED_MAX, UNACKED_QUIET};
use crate::{Participant, Time};

/// COMPAT: the client counts in plain numbers, which never wrap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sm {
    /// `<enabled/>` has come
    enabled: bool,
    /// what names the stream at a resume; given once
    pub(crate) token: Option<String>,
    /// stanzas of the server that were taken
    pub(crate) received: u64,
    /// stanzas sent
    pub(crate) sent: u64,
    /// of them, those that the server says it has
    pub(crate) acked: u64,
    /// the others, oldest first
    unacked: VecDeque<String>,
    since_request: u32,
    request_at: Option<Time>,
}

impl Sm {
    /// Counts and keeps a stanza that is sent.
    pub(crate) fn push(&mut self, now: Time, text: &str) -> Result<(), Failure> {
        if !self.enabled {
            return Ok(());
        }
        if self.unacked.len() >= UNACKED_MAX {
            return Err(Failure::Unacknowledged);
        }
        self.unacked.push_back(text.to_owned());
        self.sent += 1;
        self.since_request += 1;
        if self.since_request == ACK_REQUEST_STANZAS {
            self.request_at = Some(now + ACK_REQUEST_DELAY);
        }
        Ok(())
    }

    /// The server has so many; also the answer to a resume.
    pub(crate) fn acknowledge(&mut self, h: u64) -> Result<(), Failure> {
        let more = h.checked_sub(self.acked);
        let more = more.ok_or(Failure::Acknowledgement("it is lower than one before it"))?;
        if more > self.sent - self.acked {
            return Err(Failure::Acknowledgement("it is higher than the stanzas that were sent"));
        }
        for _ in 0..more {
            self.unacked.pop_front();
        }
        self.acked = h;
        self.since_request = 0;
        Ok(())
    }

    pub(crate) fn enable(&mut self, enabled: &Element) {
        self.enabled = true;
        let resumes = enabled.attr("resume") == Some("true");
        self.token = enabled.attr("id").filter(|id| resumes && !id.is_empty()).map(str::to_owned);
    }

    pub(crate) fn count_received(&mut self) {
        self.received += u64::from(self.enabled);
    }

    /// What the server has not said it has, to be sent again; it keeps its numbers.
    pub(crate) fn unacked(&self) -> impl Iterator<Item = &String> {
        self.unacked.iter()
    }

    /// So much is unacknowledged that nothing should be added that can wait.
    pub(crate) fn is_clogged(&self) -> bool {
        self.unacked.len() >= UNACKED_QUIET
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.request_at
    }

    /// The socket is gone: nothing is asked on it.
    pub(crate) fn stop(&mut self) {
        self.request_at = None;
    }
}

pub(crate) fn enable() -> String {
    to_text(&elem("enable", ns::SM).attr("resume", "true").build())
}

/// `<r/>` and `<a/>` as servers write them are told without parsing: they are half of all frames.
pub(crate) fn is_request(text: &str) -> bool {
    text == "<r xmlns=\"urn:xmpp:sm:3\"/>" || text == "<r xmlns='urn:xmpp:sm:3'/>"
}

impl Participant {
    pub(crate) fn answer_request(&mut self) {
        self.send_nonza(to_text(&xmpp_ack(self.sm.received)));
    }

    pub(crate) fn handle_ack(&mut self, now: Time, ack: &Element) {
        let h = ack.attr("h").and_then(|h| h.parse().ok());
        let taken = match h {
            Some(h) => self.sm.acknowledge(h),
            None => Err(Failure::Acknowledgement("it is no number")),
        };
        // COMPAT: the client would never look at an acknowledgement again and let its memory grow
        if let Err(failure) = taken {
            self.give_up(now, failure);
        }
    }

    pub(crate) fn check_ack_request(&mut self, now: Time) {
        if self.sm.request_at.is_some_and(|at| at <= now) {
            self.sm.request_at = None;
            self.sm.since_request = 0;
            self.send_nonza(to_text(&xmpp::sm::request()));
        }
    }
}

fn xmpp_ack(h: u64) -> Element {
    elem("a", ns::SM).attr("h", h.to_string()).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enabled() -> Sm {
        let mut sm = Sm::default();
        sm.enable(&elem("enabled", ns::SM).attr("id", "T").attr("resume", "true").build());
        sm
    }

    fn say(sm: &mut Sm, stanzas: u32) {
        for n in 0..stanzas {
            sm.push(Time::ZERO, &n.to_string()).unwrap();
        }
    }

    #[test]
    fn nothing_counts_before_it_is_enabled() {
        let mut sm = Sm::default();
        say(&mut sm, 1);
        sm.count_received();
        assert_eq!((sm.sent, sm.received, sm.unacked().count()), (0, 0, 0));
    }

    #[test]
    fn the_fifth_stanza_asks_and_an_answer_begins_anew() {
        let mut sm = enabled();
        say(&mut sm, 4);
        assert_eq!(sm.deadline(), None);
        sm.acknowledge(2).unwrap();
        say(&mut sm, 4);
        assert_eq!(sm.deadline(), None);
        say(&mut sm, 1);
        assert_eq!(sm.deadline(), Some(ACK_REQUEST_DELAY));
    }

    #[test]
    fn what_is_not_acknowledged_is_kept_in_order() {
        let mut sm = enabled();
        say(&mut sm, 3);
        sm.acknowledge(1).unwrap();
        assert_eq!(sm.unacked().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(sm.acknowledge(0), Err(Failure::Acknowledgement("it is lower than one before it")));
        assert!(matches!(sm.acknowledge(4), Err(Failure::Acknowledgement(_))));
        assert!(sm.acknowledge(3).is_ok() && sm.unacked().next().is_none());
    }

    #[test]
    fn a_server_that_acknowledges_nothing_is_left() {
        let mut sm = enabled();
        say(&mut sm, UNACKED_MAX as u32);
        assert!(sm.is_clogged());
        assert_eq!(sm.push(Time::ZERO, "x"), Err(Failure::Unacknowledged));
    }

    #[test]
    fn a_token_is_for_streams_that_can_be_resumed() {
        let mut sm = Sm::default();
        sm.enable(&elem("enabled", ns::SM).attr("id", "T").build());
        assert_eq!(sm.token, None);
    }
}
