//! What is counted while it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use participant::{End, Fact, Record, Time};

use crate::advice::advice;
use crate::browsers;
use crate::histogram::Histogram;
use crate::limits::REASONS_MAX;
use crate::media::{Flow, Outcome};
use crate::roll::{Roll, Rolls};
use crate::series::{Sample, Spread};
use crate::watch::Server;

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    pub elapsed: Duration,
    /// when the plan is over; people leave a little later
    pub end: Duration,
    /// participants of the plan
    pub total: u32,
    /// pages loaded, those after a reload and a return included
    pub attendances: u64,
    /// of them, those that got into their room
    pub joined: u64,
    /// in their room and not over, whether their stream stands or is being resumed
    pub present: u64,
    /// attendances that never got in, by reason
    pub failures: BTreeMap<String, u64>,
    /// pages that were in a room and would have loaded anew, by reason
    pub reloads: BTreeMap<String, u64>,
    /// streams lost, and those taken up again
    pub lost: u64,
    pub resumed: u64,
    /// the last roll call
    pub roll: Option<Roll>,
    /// the first failure or reload
    pub first: Option<Trouble>,
    /// what to try, by reason of a failure or a reload
    pub advice: BTreeMap<String, &'static str>,
    /// so far; `None`: nobody has
    pub join: Option<Spread>,
    /// lines, one for each who heard it, and how long they took
    pub heard: u64,
    pub delay: Option<Spread>,
    /// of the last second; `None`: nobody sends anything
    pub flow: Option<Flow>,
    /// `None`: nobody is a browser
    pub browsers: Option<browsers::Sight>,
    /// those that are watched
    pub servers: Vec<Server>,
}

/// Something went wrong for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub at: Time,
    /// bare JID
    pub room: String,
    pub reason: String,
}

impl Progress {
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub fn reloaded(&self) -> u64 {
        self.reloads.values().sum()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) progress: Progress,
    /// from the page load to the own presence in the room
    pub(crate) join: Histogram,
    /// from the loss of a stream to the answer to its resume
    pub(crate) resume: Histogram,
    /// from saying a line to hearing it, for each who hears it
    pub(crate) delay: Histogram,
    pub(crate) rolls: Rolls,
    pub(crate) records: Vec<Record>,
    /// bridge channels over WebSockets that opened, and those that were lost
    pub(crate) channels: [u64; 2],
    /// why, of the first
    pub(crate) channel_lost: Option<String>,
    /// once everybody is gone
    pub(crate) media: Outcome,
    pub(crate) browsers: browsers::Outcome,
    /// since the last sample
    recent: Recent,
}

/// What an interval is made of.
#[derive(Clone, Debug, Default)]
struct Recent {
    join: Histogram,
    delay: Histogram,
    /// at the last sample: joins, failures, reloads, losses, resumptions
    before: [u64; 5],
}

impl Tally {
    pub(crate) fn begin(&mut self) {
        self.progress.attendances += 1;
    }

    /// Something that happened at this time to somebody in this room.
    pub(crate) fn note(&mut self, at: Time, room: &str, fact: &Fact) {
        match fact {
            Fact::Joined { after } => {
                self.progress.joined += 1;
                self.progress.present += 1;
                self.join.add(*after);
                self.recent.join.add(*after);
            }
            Fact::Lost => self.progress.lost += 1,
            Fact::Resumed { after, .. } => {
                self.progress.resumed += 1;
                self.resume.add(*after);
            }
            Fact::Heard { after } => {
                self.delay.add(*after);
                self.recent.delay.add(*after);
            }
            Fact::ChannelOpened => self.channels[0] += 1,
            Fact::ChannelLost(how) => {
                self.channels[1] += 1;
                self.channel_lost.get_or_insert_with(|| how.to_string());
            }
            Fact::Accepted | Fact::Answered { .. } | Fact::MediaRestart => {}
            Fact::Over(End::Left) => {}
            Fact::Over(End::Failed(failure)) => {
                self.fail(at, room, failure.to_string(), advice(failure));
            }
            Fact::Over(End::Reload(failure)) => {
                self.reload(at, room, failure.to_string(), advice(failure));
            }
        }
    }

    /// Somebody never got in, or what it was is gone; with what to try.
    pub(crate) fn fail(&mut self, at: Time, room: &str, reason: String, advice: Option<&'static str>) {
        count(&mut self.progress.failures, reason.clone());
        self.explain(at, room, reason, advice);
    }

    /// A page loads anew.
    pub(crate) fn reload(&mut self, at: Time, room: &str, reason: String, advice: Option<&'static str>) {
        count(&mut self.progress.reloads, reason.clone());
        self.explain(at, room, reason, advice);
    }

    fn explain(&mut self, at: Time, room: &str, reason: String, advice: Option<&'static str>) {
        let progress = &mut self.progress;
        progress.first.get_or_insert_with(|| Trouble { at, room: room.to_owned(), reason: reason.clone() });
        if let Some(advice) = advice.filter(|_| progress.advice.len() < REASONS_MAX) {
            progress.advice.insert(reason, advice);
        }
    }

    /// With the figures of the times, which are not kept up to date by themselves.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            join: Spread::of(&self.join),
            heard: self.delay.count(),
            delay: Spread::of(&self.delay),
            browsers: self.browsers.sight(),
            ..self.progress.clone()
        }
    }

    /// What happened since the last one.
    pub(crate) fn sample(&mut self, at: Time, flow: Option<Flow>, servers: &[Server]) -> Sample {
        let browsers = self.browsers.sample();
        let progress = &self.progress;
        let totals =
            [progress.joined, progress.failed(), progress.reloaded(), progress.lost, progress.resumed];
        let Recent { join, delay, before } =
            std::mem::replace(&mut self.recent, Recent { before: totals, ..Recent::default() });
        let since = |index: usize| totals[index] - before[index];
        Sample {
            at,
            present: progress.present,
            joins: since(0),
            join: Spread::of(&join),
            failed: since(1),
            reloads: since(2),
            lost: since(3),
            resumed: since(4),
            heard: delay.count(),
            delay: Spread::of(&delay),
            flow,
            browsers,
            servers: servers.iter().map(|server| server.latest).collect(),
        }
    }

    pub(crate) fn end(&mut self, record: Record) {
        if record.joined.is_some() {
            self.progress.present = self.progress.present.saturating_sub(1);
        }
        self.records.push(record);
    }
}

fn count(reasons: &mut BTreeMap<String, u64>, reason: String) {
    let known = reasons.contains_key(&reason) || reasons.len() < REASONS_MAX;
    let reason = if known { reason } else { "for other reasons".to_owned() };
    *reasons.entry(reason).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use participant::Failure;

    use super::*;

    #[test]
    fn a_sample_has_what_happened_since_the_last() {
        let mut tally = Tally::default();
        let at = Time::from_secs;
        tally.note(at(0), "r", &Fact::Joined { after: at(1) });
        tally.note(at(1), "r", &Fact::Lost);
        let first = tally.sample(at(1), None, &[]);
        assert_eq!(
            (first.joins, first.lost, first.present, first.join.map(|join| join.max)),
            (1, 1, 1, Some(at(1)))
        );
        tally.note(at(2), "s", &Fact::Over(End::Reload(Failure::FocusLeft)));
        tally.note(at(3), "t", &Fact::Over(End::Failed(Failure::Hangs)));
        let second = tally.sample(at(2), None, &[]);
        assert_eq!((second.joins, second.lost, second.reloads, second.failed), (0, 0, 1, 1));
        let progress = tally.progress();
        let first = Trouble { at: at(2), room: "s".to_owned(), reason: Failure::FocusLeft.to_string() };
        assert_eq!(progress.first, Some(first));
        assert!(progress.advice.contains_key(&Failure::FocusLeft.to_string()));
    }

    #[test]
    fn reasons_are_counted_and_bounded() {
        let mut reasons = BTreeMap::new();
        (0..2 * REASONS_MAX).for_each(|n| count(&mut reasons, n.to_string()));
        count(&mut reasons, "1".to_owned());
        assert_eq!((reasons["1"], reasons["for other reasons"]), (2, REASONS_MAX as u64));
        assert_eq!(reasons.len(), REASONS_MAX + 1);
    }
}
