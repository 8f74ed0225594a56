//! A token bucket, for what an endpoint may send on its bridge channel.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct TokenBucket {
    burst: u32,
    interval: Duration,
    tokens: u32,
    refilled: Instant,
}

impl TokenBucket {
    pub(crate) fn new(now: Instant, burst: u32, per_second: u32) -> Self {
        Self { burst, interval: Duration::from_secs(1) / per_second.max(1), tokens: burst, refilled: now }
    }

    /// Takes so many tokens. `false`: there are not enough left, and none is taken.
    pub(crate) fn take(&mut self, now: Instant, tokens: u32) -> bool {
        self.refill(now);
        let Some(left) = self.tokens.checked_sub(tokens) else { return false };
        self.tokens = left;
        true
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.refilled).as_micros();
        let earned = elapsed / self.interval.as_micros().max(1);
        if earned >= u128::from(self.burst - self.tokens) {
            self.tokens = self.burst;
            self.refilled = now;
        } else if let Ok(earned) = u32::try_from(earned) {
            self.tokens += earned;
            self.refilled += self.interval * earned;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn a_burst_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(start, 5, 10);
        let taken = |bucket: &mut TokenBucket, at| (0..100).filter(|_| bucket.take(start + at, 1)).count();
        assert_eq!(taken(&mut bucket, Duration::ZERO), 5);
        assert_eq!(taken(&mut bucket, Duration::from_millis(99)), 0);
        assert_eq!(taken(&mut bucket, Duration::from_millis(350)), 3);
        assert_eq!(taken(&mut bucket, Duration::from_secs(3600)), 5);
        assert!(bucket.take(start + Duration::from_secs(7200), 3));
        assert!(!bucket.take(start + Duration::from_secs(7200), 3), "too many at once");
        assert_eq!(taken(&mut bucket, Duration::from_secs(7200)), 2);
        assert_eq!(taken(&mut bucket, Duration::ZERO), 0, "an older instant earns nothing");
    }
}
