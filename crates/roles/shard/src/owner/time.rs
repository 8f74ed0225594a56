//! The time of a meeting: the wall clock at the start of the ownership, and the monotonic one from there on. It never
//! runs backward, whatever happens to the wall clock, and not behind the entries of the former owner.

use std::time::{Duration, Instant};

use meeting::Millis;

use crate::limits::TICK_PAUSE;

/// A deadline further away is told after this: a year.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[derive(Debug)]
pub(super) struct Time {
    start: Instant,
    start_millis: Millis,
    not_before: Instant,
}

impl Time {
    /// `wall` is the time of day at `start`, `last` that of the newest entry.
    pub(super) fn new(start: Instant, wall: Millis, last: Millis) -> Self {
        Self { start, start_millis: wall.max(last), not_before: start }
    }

    pub(super) fn millis(&self, now: Instant) -> Millis {
        let passed = now.saturating_duration_since(self.start).as_millis();
        self.start_millis.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// When a deadline is to be told.
    pub(super) fn instant(&self, deadline: Millis) -> Instant {
        let away = Duration::from_millis(deadline.saturating_sub(self.start_millis)).min(FAR);
        (self.start + away).max(self.not_before)
    }

    /// A deadline was told: the next one is not told at once, so that one that stays costs little.
    pub(super) fn ticked(&mut self, now: Instant) {
        self.not_before = now + TICK_PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_the_later_of_wall_clock_and_last_entry() {
        let start = service::clock::Clock.now();
        let after = start + Duration::from_millis(250);
        assert_eq!(Time::new(start, 1000, 0).millis(after), 1250);
        assert_eq!(Time::new(start, 1000, 5000).millis(after), 5250);
        assert_eq!(Time::new(start, u64::MAX, 0).millis(after), u64::MAX);
    }

    #[test]
    fn deadlines_become_instants() {
        let start = service::clock::Clock.now();
        let mut time = Time::new(start, 1000, 0);
        assert_eq!(time.instant(1500), start + Duration::from_millis(500));
        assert_eq!(time.instant(0), start);
        time.ticked(start);
        assert_eq!(time.instant(0), start + TICK_PAUSE);
    }
}
