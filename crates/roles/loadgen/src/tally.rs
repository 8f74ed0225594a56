//! What is counted while it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use participant::{End, Fact, Record};

use crate::histogram::Histogram;
use crate::limits::REASONS_MAX;
use crate::media::Outcome;
use crate::roll::{Roll, Rolls};

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub elapsed: Duration,
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
    /// once everybody is gone
    pub(crate) media: Outcome,
}

impl Tally {
    pub(crate) fn begin(&mut self) {
        self.progress.attendances += 1;
    }

    pub(crate) fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::Joined { after } => {
                self.progress.joined += 1;
                self.progress.present += 1;
                self.join.add(*after);
            }
            Fact::Lost => self.progress.lost += 1,
            Fact::Resumed { after, .. } => {
                self.progress.resumed += 1;
                self.resume.add(*after);
            }
            Fact::Heard { after } => self.delay.add(*after),
            Fact::Accepted | Fact::Answered { .. } => {}
            Fact::Over(End::Left) => {}
            Fact::Over(End::Failed(failure)) => count(&mut self.progress.failures, failure.to_string()),
            Fact::Over(End::Reload(failure)) => count(&mut self.progress.reloads, failure.to_string()),
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
    use super::*;

    #[test]
    fn reasons_are_counted_and_bounded() {
        let mut reasons = BTreeMap::new();
        (0..2 * REASONS_MAX).for_each(|n| count(&mut reasons, n.to_string()));
        count(&mut reasons, "1".to_owned());
        assert_eq!((reasons["1"], reasons["for other reasons"]), (2, REASONS_MAX as u64));
        assert_eq!(reasons.len(), REASONS_MAX + 1);
    }
}
