//! Signs of life beside heartbeats: a shard that is busy may answer late, but whose streams bring frames is not dead.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::MISSES_EXCUSED_MAX;

/// Of one shard.
#[derive(Debug, Default)]
pub(crate) struct Sign {
    /// since the last heartbeat began
    seen: AtomicBool,
    /// heartbeats in a row that were missed, and excused
    excused: AtomicU32,
}

/// By the id of the shard; those that have streams here.
#[derive(Debug, Default)]
pub(super) struct Signs(Mutex<BTreeMap<String, Arc<Sign>>>);

impl Sign {
    /// A frame came from it.
    pub(crate) fn give(&self) {
        // many streams share it: it is written once a heartbeat
        if !self.seen.load(Ordering::Relaxed) {
            self.seen.store(true, Ordering::Relaxed);
        }
    }

    /// A heartbeat begins.
    pub(super) fn begin(&self) {
        self.seen.store(false, Ordering::Relaxed);
    }

    /// It was answered, or refused.
    pub(super) fn settle(&self) {
        self.excused.store(0, Ordering::Relaxed);
    }

    /// It was missed: tells whether that says nothing, as frames came meanwhile. Not for ever.
    pub(super) fn excuses(&self) -> bool {
        self.seen.load(Ordering::Relaxed) && self.excused.fetch_add(1, Ordering::Relaxed) < MISSES_EXCUSED_MAX
    }
}

impl Signs {
    pub(super) fn of(&self, shard: &str) -> Arc<Sign> {
        let mut signs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sign) = signs.get(shard) {
            return Arc::clone(sign);
        }
        signs.retain(|_, sign| Arc::strong_count(sign) > 1);
        Arc::clone(signs.entry(shard.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_excuse_a_missed_heartbeat_for_a_while() {
        let signs = Signs::default();
        let sign = signs.of("a");
        sign.begin();
        assert!(!sign.excuses(), "nothing came");
        for _ in 0..MISSES_EXCUSED_MAX {
            sign.begin();
            signs.of("a").give();
            assert!(sign.excuses());
        }
        sign.begin();
        sign.give();
        assert!(!sign.excuses(), "that is long enough");
        sign.settle();
        assert!(sign.excuses());
        signs.of("b");
        assert!(!signs.of("b").excuses());
    }
}
