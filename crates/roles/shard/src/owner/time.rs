//! The time of a meeting, by this process's clock: `meeting::Time` counts from the start of the ownership.

use std::time::{Duration, Instant};

use meeting::Millis;

#[derive(Debug)]
pub(super) struct Time {
    start: Instant,
    machine: meeting::Time,
}

impl Time {
    /// `wall` is the time of day at `start`, `last` that of the newest entry.
    pub(super) fn new(start: Instant, wall: Millis, last: Millis) -> Self {
        Self { start, machine: meeting::Time::new(wall, last) }
    }

    pub(super) fn millis(&self, now: Instant) -> Millis {
        self.machine.millis(self.passed(now))
    }

    /// When a deadline is to be told.
    pub(super) fn instant(&self, deadline: Millis) -> Instant {
        self.start + Duration::from_millis(self.machine.due(deadline))
    }

    /// A deadline was told.
    pub(super) fn ticked(&mut self, now: Instant) {
        self.machine.ticked(self.passed(now));
    }

    fn passed(&self, now: Instant) -> Millis {
        let passed = now.saturating_duration_since(self.start).as_millis();
        u64::try_from(passed).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_become_instants() {
        let start = service::clock::Clock.now();
        let later = start + Duration::from_millis(250);
        let mut time = Time::new(start, 1000, 0);
        assert_eq!((time.millis(later), time.instant(1500)), (1250, start + Duration::from_millis(500)));
        time.ticked(later);
        assert_eq!(time.instant(0), later + Duration::from_millis(meeting::TICK_PAUSE_MS));
    }
}
