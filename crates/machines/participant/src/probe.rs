//! A ping every so often, and how long the longest wait for an answer was: what a takeover costs somebody.

use xmpp::ping::ping;

use crate::iq::Purpose;
use crate::limits::GAPS_MAX;
use crate::participant::Phase;
use crate::silence::Gap;
use crate::{Participant, Time};

/// One is on its way at a time: a stream that stands still is not buried under its own probes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    pub answers: u64,
    /// not answered within ten seconds, though the stream stood
    pub lost: u64,
    /// between two answers
    pub longest: Gap,
    /// those of four intervals and a quarter of a second or more, in order; the first 64
    pub gaps: Vec<Gap>,
    /// the time of each answer, all together
    pub waited: Time,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    next: Option<Time>,
    /// the last answer, or the beginning
    answered: Option<Time>,
    in_flight: bool,
    stopped: bool,
    probes: Probes,
}

impl Probe {
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.next
    }

    /// No more of them; the one that is on its way is waited for.
    pub(crate) fn stop(&mut self) {
        self.next = None;
        self.stopped = true;
    }

    pub(crate) fn is_quiet(&self) -> bool {
        !self.in_flight
    }

    /// A probe that is on its way at `now` makes a gap of its own.
    pub(crate) fn probes(&self, now: Time, gap_min: Time) -> Probes {
        let mut probe = self.clone();
        if probe.in_flight {
            probe.end_gap(now, gap_min);
        }
        probe.probes
    }

    fn end_gap(&mut self, now: Time, gap_min: Time) {
        let gap = Gap { from: self.answered.unwrap_or(now), to: now };
        if gap.length() > self.probes.longest.length() {
            self.probes.longest = gap;
        }
        if gap.length() >= gap_min && self.probes.gaps.len() < GAPS_MAX {
            self.probes.gaps.push(gap);
        }
        self.answered = Some(now);
    }
}

impl Participant {
    pub(crate) fn begin_probe(&mut self, now: Time) {
        let Some(every) = self.settings.probe else { return };
        let first = now + self.draws.time(Time::ZERO, every);
        self.probe.next = Some(first);
        self.probe.answered = Some(first);
    }

    pub(crate) fn check_probe(&mut self, now: Time) {
        let due = self.probe.next.is_some_and(|next| next <= now);
        // a stream that is away is waited for: the gap shows itself in the next answer
        if !due || !matches!(self.phase, Phase::Established) {
            return;
        }
        self.probe.next = None;
        self.probe.in_flight = true;
        let domain = self.settings.domain.clone();
        self.ask(now, &domain, "get", ping(), Purpose::Probe);
    }

    /// Any answer is one: the stream and whoever owns the meeting are there.
    pub(crate) fn handle_probe_answer(&mut self, now: Time, asked: Time) {
        let gap_min = self.settings.gap_min();
        self.probe.probes.answers += 1;
        self.probe.probes.waited += now.saturating_sub(asked);
        self.probe.end_gap(now, gap_min);
        self.ask_again(now.max(asked + self.settings.probe.unwrap_or_default()));
    }

    pub(crate) fn handle_probe_lost(&mut self) {
        self.probe.probes.lost += 1;
        self.ask_again(Time::ZERO);
    }

    fn ask_again(&mut self, at: Time) {
        self.probe.in_flight = false;
        self.probe.next = (!self.probe.stopped).then_some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_gaps_are_kept_and_the_longest_always() {
        let at = Time::from_millis;
        let mut probe = Probe { answered: Some(at(0)), ..Probe::default() };
        for answer in [50, 100, 900, 950] {
            probe.end_gap(at(answer), at(250));
        }
        let long = Gap { from: at(100), to: at(900) };
        assert_eq!((probe.probes.longest, probe.probes.gaps.as_slice()), (long, &[long][..]));
        assert_eq!(probe.probes(at(5_000), at(250)).longest, long, "nothing is on its way");
        probe.in_flight = true;
        assert_eq!(probe.probes(at(5_000), at(250)).longest.length(), at(4_050));
    }
}
