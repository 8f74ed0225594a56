//! How the client finds out that a socket is dead: a ping where nothing was heard for a while.

use xmpp::ping::ping;

use crate::failure::Closing;
use crate::iq::Purpose;
use crate::limits::{PING_FAILURES_MAX, PING_INTERVAL};
use crate::output::Output;
use crate::settings::Transport;
use crate::{Participant, Time};

#[derive(Clone, Debug, Default)]
pub(crate) struct Ping {
    /// the next look at what was heard
    next: Option<Time>,
    /// the last one
    checked: Option<Time>,
    heard: Time,
    failures: u32,
}

impl Ping {
    /// The stream stands.
    pub(crate) fn start(&mut self, now: Time) {
        self.next = Some(now + PING_INTERVAL);
        self.failures = 0;
    }

    /// The stream is lost.
    pub(crate) fn stop(&mut self) {
        self.next = None;
        self.failures = 0;
    }

    /// Any frame has come.
    pub(crate) fn hear(&mut self, now: Time) {
        self.heard = now;
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.next
    }

    /// Whether a ping is due. COMPAT: the first look after a connect always pings.
    fn look(&mut self, now: Time) -> bool {
        if self.next.is_none_or(|next| next > now) {
            return false;
        }
        self.next = Some(now + PING_INTERVAL);
        let heard = self.checked.is_some_and(|checked| self.heard > checked);
        if heard {
            self.checked = Some(now);
            self.failures = 0;
        }
        !heard
    }
}

impl Participant {
    pub(crate) fn check_ping(&mut self, now: Time) {
        if self.ping.look(now) {
            let domain = self.settings.domain.clone();
            self.ask(now, &domain, "get", ping(), Purpose::Ping);
        }
    }

    /// `None`: no answer came in time. COMPAT: an error is as bad; over BOSH neither is held against the server.
    pub(crate) fn handle_ping_answer(&mut self, now: Time, answer: Option<&str>) {
        if answer == Some("result") {
            self.ping.checked = Some(now);
            self.ping.failures = 0;
            return;
        }
        self.ping.failures += 1;
        if self.ping.failures >= PING_FAILURES_MAX && self.settings.transport == Transport::WebSocket {
            self.out(Output::Drop);
            self.lose(now, Closing::Silent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn it_looks_every_interval_and_pings_into_silence() {
        let mut ping = Ping::default();
        ping.start(at(0));
        assert!(!ping.look(at(9)));
        assert!(ping.look(at(10)), "the first look pings");
        ping.checked = Some(at(10));
        ping.hear(at(15));
        assert!(!ping.look(at(20)), "something was heard");
        assert!(ping.look(at(30)), "nothing since");
        ping.stop();
        assert_eq!(ping.deadline(), None);
    }
}
