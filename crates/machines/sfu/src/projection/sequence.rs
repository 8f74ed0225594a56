//! Sequence numbers from one run of incoming packets to an outgoing stream, closing the holes of what is left out.

use std::collections::VecDeque;

use crate::limits;

/// Maps extended sequence numbers. What was lost before us stays a hole (so the receiver asks for it); what we
/// leave out on purpose closes up.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// never empty, ascending in `from`
    runs: VecDeque<Run>,
    highest: u64,
    start: u64,
    start_out: u64,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    from: u64,
    /// packets left out before `from`
    removed: u64,
}

impl Sequence {
    /// A run that begins with `start`, which goes out as `start_out`.
    pub(crate) fn new(start: u64, start_out: u64) -> Self {
        let runs = VecDeque::from([Run { from: start, removed: 0 }]);
        Self { runs, highest: start, start, start_out }
    }

    /// The number to send `seq` with. `None`: it is from before this run, or too old.
    pub(crate) fn forward(&mut self, seq: u64) -> Option<u64> {
        let run = self.runs.iter().rev().find(|run| run.from <= seq)?;
        let out = self.start_out + (seq - self.start) - run.removed;
        self.highest = self.highest.max(seq);
        Some(out)
    }

    /// Leaves `seq` out. A late one is not closed up: its neighbours went out already.
    pub(crate) fn leave_out(&mut self, seq: u64) {
        let Some(last) = self.runs.back().copied() else { return };
        if seq < self.highest || seq < last.from {
            return;
        }
        self.highest = seq;
        let run = Run { from: seq + 1, removed: last.removed + 1 };
        if last.from == seq {
            self.runs.pop_back();
        }
        self.runs.push_back(run);
        if self.runs.len() > limits::SEQUENCE_RUNS_MAX {
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_stay_holes_and_omissions_close() {
        let mut sequence = Sequence::new(1000, 10);
        assert_eq!(sequence.forward(1000), Some(10));
        sequence.leave_out(1001);
        assert_eq!(sequence.forward(1002), Some(11));
        assert_eq!(sequence.forward(1004), Some(13));
        sequence.leave_out(1005);
        sequence.leave_out(1006);
        assert_eq!(sequence.forward(1007), Some(14));
        assert_eq!(sequence.forward(1003), Some(12), "the lost one arrives late and fits");
        assert_eq!(sequence.forward(999), None);
    }

    #[test]
    fn a_late_omission_changes_nothing() {
        let mut sequence = Sequence::new(0, 0);
        assert_eq!(sequence.forward(0), Some(0));
        assert_eq!(sequence.forward(2), Some(2));
        sequence.leave_out(1);
        assert_eq!(sequence.forward(3), Some(3));
    }

    #[test]
    fn old_runs_are_forgotten() {
        let mut sequence = Sequence::new(0, 0);
        for seq in 0..1000 {
            if seq % 2 == 1 {
                sequence.leave_out(seq);
            } else {
                assert_eq!(sequence.forward(seq), Some(seq / 2));
            }
        }
        assert_eq!(sequence.forward(10), None);
        assert!(sequence.runs.len() <= limits::SEQUENCE_RUNS_MAX);
    }
}
