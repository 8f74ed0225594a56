//! A roll call: a ping at a moment that somebody chose, such as the death of a server, and how long its answer takes.

use xmpp::ping::ping;

use crate::iq::Purpose;
use crate::output::Fact;
use crate::participant::Phase;
use crate::{Participant, Time};

/// The last one that was called; one before it that is not answered by then never is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// `None`: never, or it is answered
    since: Option<Time>,
    sent: bool,
    /// since then, spent waiting for the next attempt to take up the stream
    timers: Time,
}

impl Participant {
    /// Asks the server for a sign of life at once, or as soon as its stream is taken up; [`Fact::Answered`] is the
    /// answer. False: it is not in its room, and does not ask.
    pub fn call(&mut self, now: Time) -> bool {
        if self.is_over() || self.room.joined.is_none() {
            return false;
        }
        let timers = match &self.phase {
            Phase::Away { until } => until.saturating_sub(now),
            _ => Time::ZERO,
        };
        self.call = Call { since: Some(now), sent: false, timers };
        self.send_call(now);
        true
    }

    /// The stream stands.
    pub(crate) fn send_call(&mut self, now: Time) {
        let Some(since) = self.call.since.filter(|_| !self.call.sent) else { return };
        if matches!(self.phase, Phase::Established) {
            self.call.sent = true;
            let domain = self.settings.domain.clone();
            self.ask(now, &domain, "get", ping(), Purpose::Call { since });
        }
    }

    /// The client's own timer begins to run.
    pub(crate) fn delay_call(&mut self, delay: Time) {
        self.call.timers += delay;
    }

    /// Any answer is one: the stream and whoever owns the meeting are there.
    pub(crate) fn handle_call_answer(&mut self, now: Time, since: Time) {
        if self.call.since != Some(since) {
            return;
        }
        self.call.since = None;
        self.tell(Fact::Answered { after: now.saturating_sub(since), timers: self.call.timers });
    }
}
