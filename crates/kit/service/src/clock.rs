//! The one clock: everything else is given the time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads the clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// The monotonic clock: for intervals and deadlines of this process.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn now(self) -> Instant {
        Instant::now()
    }

    /// The wall clock in milliseconds since the Unix epoch; 0 before it. It may jump, also backward.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn millis(self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_run_backward() {
        let first = Clock.now();
        assert!(Clock.now() >= first);
    }

    #[test]
    fn the_wall_clock_counts_milliseconds_since_1970() {
        let in_2020 = 1_577_836_800_000;
        let in_2200 = 7_258_118_400_000;
        assert!((in_2020..in_2200).contains(&Clock.millis()));
    }
}
