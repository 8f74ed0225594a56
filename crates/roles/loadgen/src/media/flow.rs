//! What flows while it runs: counted by each media thread, and looked at once a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::histogram::Histogram;
use crate::series::Spread;

/// Of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// bits a second, with everything that is sent beside the pictures and voices
    pub sent_bps: f64,
    pub received_bps: f64,
    /// of one; some of it comes late and is lost no more
    pub loss: f64,
    /// from the making of a packet to its arrival
    pub delay: Option<Spread>,
}

/// So far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) packets: u64,
    pub(super) lost: u64,
    /// since somebody looked
    pub(super) delay: Histogram,
}

/// Where a thread shows its totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Window(Arc<Mutex<Totals>>);

impl Window {
    pub(super) fn show(&self, totals: &mut Totals) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delay = std::mem::take(&mut shown.delay);
        delay.merge(&std::mem::take(&mut totals.delay));
        *shown = Totals { delay, ..totals.clone() };
    }

    pub(super) fn look(&self) -> Totals {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let delay = std::mem::take(&mut shown.delay);
        Totals { delay, ..shown.clone() }
    }
}

impl Totals {
    pub(super) fn plus(mut self, other: &Self) -> Self {
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
        self.packets += other.packets;
        self.lost += other.lost;
        self.delay.merge(&other.delay);
        self
    }

    /// What flowed since then.
    pub(crate) fn since(&self, before: &Self, time: Duration) -> Flow {
        let rate =
            |now: u64, before: u64| now.saturating_sub(before) as f64 * 8.0 / time.as_secs_f64().max(0.001);
        let (lost, packets) =
            (self.lost.saturating_sub(before.lost), self.packets.saturating_sub(before.packets));
        Flow {
            sent_bps: rate(self.sent_bytes, before.sent_bytes),
            received_bps: rate(self.received_bytes, before.received_bytes),
            loss: lost as f64 / (lost + packets).max(1) as f64,
            delay: Spread::of(&self.delay),
        }
    }
}

impl Flow {
    /// Two intervals of the same length as one.
    pub(crate) fn and(self, next: Self) -> Self {
        let mean = |a: f64, b: f64| f64::midpoint(a, b);
        Self {
            sent_bps: mean(self.sent_bps, next.sent_bps),
            received_bps: mean(self.received_bps, next.received_bps),
            loss: mean(self.loss, next.loss),
            delay: Spread::worse(self.delay, next.delay),
        }
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "sent_bps": self.sent_bps,
            "received_bps": self.received_bps,
            "loss": self.loss,
            "delay": self.delay.map(Spread::to_json),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_flowed_is_the_difference_and_delays_are_seen_once() {
        let window = Window::default();
        let mut totals = Totals { sent_bytes: 1_000, packets: 90, lost: 10, ..Totals::default() };
        totals.delay.add(Duration::from_millis(5));
        window.show(&mut totals);
        let before = window.look();
        let first = before.since(&Totals::default(), Duration::from_secs(1));
        assert_eq!((first.sent_bps, first.loss, first.delay.is_some()), (8_000.0, 0.1, true));
        totals.sent_bytes = 2_000;
        // some of it came late
        totals.lost = 8;
        window.show(&mut totals);
        let second = window.look().since(&before, Duration::from_secs(2));
        assert_eq!((second.sent_bps, second.loss, second.delay), (4_000.0, 0.0, None));
    }
}
