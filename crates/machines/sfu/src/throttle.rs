//! How often a sender is asked for a key frame.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::limits;

/// The throttle of one video source. `R` names a receiver.
#[derive(Debug)]
pub(crate) struct KeyframeThrottle<R> {
    asked: Option<Instant>,
    by_receiver: BTreeMap<R, VecDeque<Instant>>,
}

impl<R> Default for KeyframeThrottle<R> {
    fn default() -> Self {
        Self { asked: None, by_receiver: BTreeMap::new() }
    }
}

impl<R: Ord + Copy> KeyframeThrottle<R> {
    /// Whether a request of our own (a switch, a new receiver) may go out.
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        let allowed =
            self.asked.is_none_or(|at| now.saturating_duration_since(at) >= limits::KEYFRAME_INTERVAL);
        if allowed {
            self.asked = Some(now);
        }
        allowed
    }

    /// Whether the request of this receiver may be passed on.
    pub(crate) fn allow_receiver(&mut self, now: Instant, receiver: R) -> bool {
        let asked = self.by_receiver.entry(receiver).or_default();
        while asked.front().is_some_and(|at| now.saturating_duration_since(*at) >= limits::KEYFRAME_WINDOW) {
            asked.pop_front();
        }
        if asked.len() >= limits::KEYFRAMES_PER_WINDOW || !self.allow(now) {
            return false;
        }
        self.by_receiver.entry(receiver).or_default().push_back(now);
        true
    }

    pub(crate) fn forget(&mut self, receiver: R) {
        self.by_receiver.remove(&receiver);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn a_table_of_requests() {
        let start = Instant::now();
        let mut throttle = KeyframeThrottle::default();
        // (milliseconds, receiver, passed on)
        let table = [
            (0, 1, true),
            (100, 2, false),
            (200, 2, true),
            (300, 1, false),
            (400, 1, true),
            (700, 1, true),
            (1000, 1, false),
            (1000, 2, true),
            (10_100, 1, true),
        ];
        for (ms, receiver, passed) in table {
            let now = start + Duration::from_millis(ms);
            assert_eq!(throttle.allow_receiver(now, receiver), passed, "at {ms} ms by {receiver}");
        }
        throttle.forget(1);
        assert_eq!(throttle.by_receiver.len(), 1);
        assert!(throttle.allow(start + Duration::from_millis(10_300)));
    }
}
