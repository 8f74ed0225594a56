//! Which packets of one layer arrived: what is missing, what came late, what came twice.

use std::collections::BTreeSet;

use super::limits::MISSING_MAX;

/// An unbroken run of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sequence {
    from: u32,
    /// one more than the highest that came
    next: u32,
    missing: BTreeSet<u32>,
    /// of runs that are over, and what fell out of `missing`
    lost: u64,
}

/// What a number is to its sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    /// after a higher one
    Late,
    Doubled,
    /// of before the run began
    Old,
}

impl Sequence {
    pub(super) fn begin(number: u32) -> Self {
        Self { from: number, next: number, ..Self::default() }
    }

    /// What was left out up to here was left out on purpose.
    pub(super) fn restart(&mut self, number: u32) {
        *self = Self { lost: self.lost(), ..Self::begin(number) };
    }

    pub(super) fn take(&mut self, number: u32) -> Seen {
        if number >= self.next {
            self.miss(self.next, number);
            self.next = number.saturating_add(1);
            return Seen::New;
        }
        match self.missing.remove(&number) {
            true => Seen::Late,
            false if number < self.from => Seen::Old,
            false => Seen::Doubled,
        }
    }

    /// Whether numbers were passed over right before this one.
    pub(super) fn leaps(&self, number: u32) -> bool {
        number > self.next
    }

    /// Of all runs.
    pub(super) fn lost(&self) -> u64 {
        self.lost + self.missing.len() as u64
    }

    fn miss(&mut self, from: u32, to: u32) {
        let kept = to.saturating_sub(MISSING_MAX as u32).max(from);
        self.lost += u64::from(kept - from);
        self.missing.extend(kept..to);
        while self.missing.len() > MISSING_MAX {
            self.missing.pop_first();
            self.lost += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[u32], lost: u64, seen: &[Seen]) {
        let mut sequence = Sequence::begin(numbers[0]);
        let got: Vec<Seen> = numbers.iter().map(|number| sequence.take(*number)).collect();
        assert_eq!((got.as_slice(), sequence.lost()), (seen, lost), "{numbers:?}");
    }

    #[test]
    fn what_is_missing_late_or_doubled_is_found() {
        use Seen::{Doubled, Late, New, Old};
        check(&[5, 6, 7], 0, &[New; 3]);
        check(&[5, 8, 9], 2, &[New; 3]);
        check(&[5, 8, 6, 7, 9], 0, &[New, New, Late, Late, New]);
        check(&[5, 6, 6, 5, 7], 0, &[New, New, Doubled, Doubled, New]);
        check(&[5, 8, 6, 6], 1, &[New, New, Late, Doubled]);
        check(&[5, 6, 4], 0, &[New, New, Old]);
    }

    #[test]
    fn a_leap_costs_no_memory() {
        let mut sequence = Sequence::begin(0);
        sequence.take(u32::MAX - 1);
        assert_eq!(sequence.lost(), u64::from(u32::MAX - 1));
        assert_eq!(sequence.missing.len(), MISSING_MAX);
        assert_eq!(sequence.take(u32::MAX - 1), Seen::Doubled);
    }

    #[test]
    fn the_missing_are_bounded_over_many_gaps() {
        let mut sequence = Sequence::begin(0);
        for number in (0..6 * MISSING_MAX as u32).step_by(3) {
            sequence.take(number);
        }
        assert!(sequence.missing.len() <= MISSING_MAX);
        assert_eq!(sequence.lost(), 4 * MISSING_MAX as u64 - 2);
    }

    #[test]
    fn a_new_run_keeps_what_was_lost_before() {
        let mut sequence = Sequence::begin(0);
        sequence.take(2);
        assert!(sequence.leaps(9) && !sequence.leaps(3));
        sequence.restart(9);
        assert_eq!((sequence.take(9), sequence.take(8)), (Seen::New, Seen::Old));
        assert_eq!(sequence.lost(), 2);
    }
}
