//! The time of a meeting: the wall clock at the start of the ownership, and a monotonic one from there on. It never
//! runs backward, whatever happens to the wall clock, and not behind the entries of the former owner.

use crate::entry::Millis;

/// A deadline of a meeting that has passed is told to it at most so often.
pub const TICK_PAUSE_MS: Millis = 10;

/// A deadline further away is told after this: a year.
const FAR_MS: Millis = 365 * 24 * 3600 * 1000;

/// `passed` is everywhere: since the start of the ownership, by a clock that never runs backward.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    start: Millis,
    not_before: Millis,
}

impl Time {
    /// `wall` is the time of day at the start, `last` that of the newest entry.
    pub fn new(wall: Millis, last: Millis) -> Self {
        Self { start: wall.max(last), not_before: 0 }
    }

    /// Of the meeting.
    pub fn millis(&self, passed: Millis) -> Millis {
        self.start.saturating_add(passed)
    }

    /// When a deadline is to be told, since the start.
    pub fn due(&self, deadline: Millis) -> Millis {
        deadline.saturating_sub(self.start).min(FAR_MS).max(self.not_before)
    }

    /// A deadline was told: the next one is not told at once, so that one that stays costs little.
    pub fn ticked(&mut self, passed: Millis) {
        self.not_before = passed.saturating_add(TICK_PAUSE_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_the_later_of_wall_clock_and_last_entry() {
        assert_eq!(Time::new(1000, 0).millis(250), 1250);
        assert_eq!(Time::new(1000, 5000).millis(250), 5250);
        assert_eq!(Time::new(u64::MAX, 0).millis(250), u64::MAX);
    }

    #[test]
    fn deadlines_are_told_not_too_often() {
        let mut time = Time::new(1000, 0);
        assert_eq!((time.due(1500), time.due(0), time.due(u64::MAX)), (500, 0, FAR_MS));
        time.ticked(70);
        assert_eq!((time.due(0), time.due(1500)), (80, 500));
    }
}
