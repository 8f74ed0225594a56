//! What flows while it runs: counted by each media thread, and looked at once a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use participant::media::Traffic;
use serde_json::{Value, json};

use crate::histogram::Histogram;
use crate::series::Spread;

/// Of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// bits a second, with everything that is sent beside the pictures and voices
    pub sent_bps: f64,
    pub received_bps: f64,
    /// packets of pictures and voices a second, and the bits of their payloads: what was delivered, retransmissions and
    /// headers left out
    pub media_pps: f64,
    pub media_bps: f64,
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
    pub(super) media: Traffic,
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
        self.media = self.media.and(other.media);
        self.lost += other.lost;
        self.delay.merge(&other.delay);
        self
    }

    /// What flowed since then.
    fn since(&self, before: &Self, time: Duration) -> Flow {
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / time.as_secs_f64().max(0.001);
        let (lost, packets) =
            (self.lost.saturating_sub(before.lost), self.media.packets.saturating_sub(before.media.packets));
        Flow {
            sent_bps: rate(self.sent_bytes, before.sent_bytes) * 8.0,
            received_bps: rate(self.received_bytes, before.received_bytes) * 8.0,
            media_pps: rate(self.media.packets, before.media.packets),
            media_bps: rate(self.media.bytes, before.media.bytes) * 8.0,
            loss: lost as f64 / (lost + packets).max(1) as f64,
            delay: Spread::of(&self.delay),
        }
    }
}

/// What flowed since it was read the last time.
#[derive(Debug, Default)]
pub(crate) struct Gauge(Duration, Totals);

impl Gauge {
    pub(crate) fn read(&mut self, now: Duration, totals: Totals) -> Flow {
        let flow = totals.since(&self.1, now.saturating_sub(self.0));
        *self = Self(now, totals);
        flow
    }
}

impl Flow {
    /// Two intervals of the same length as one.
    pub(crate) fn and(self, next: Self) -> Self {
        let mean = |a: f64, b: f64| f64::midpoint(a, b);
        Self {
            sent_bps: mean(self.sent_bps, next.sent_bps),
            received_bps: mean(self.received_bps, next.received_bps),
            media_pps: mean(self.media_pps, next.media_pps),
            media_bps: mean(self.media_bps, next.media_bps),
            loss: mean(self.loss, next.loss),
            delay: Spread::worse(self.delay, next.delay),
        }
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "sent_bps": self.sent_bps,
            "received_bps": self.received_bps,
            "media_pps": self.media_pps,
            "media_bps": self.media_bps,
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
        let media = Traffic { packets: 90, bytes: 500 };
        let mut totals = Totals { sent_bytes: 1_000, media, lost: 10, ..Totals::default() };
        totals.delay.add(Duration::from_millis(5));
        window.show(&mut totals);
        let before = window.look();
        let first = before.since(&Totals::default(), Duration::from_secs(1));
        assert_eq!((first.sent_bps, first.loss, first.delay.is_some()), (8_000.0, 0.1, true));
        assert_eq!((first.media_pps, first.media_bps), (90.0, 4_000.0));
        totals.sent_bytes = 2_000;
        // some of it came late
        totals.lost = 8;
        window.show(&mut totals);
        let second = window.look().since(&before, Duration::from_secs(2));
        assert_eq!((second.sent_bps, second.loss, second.delay), (4_000.0, 0.0, None));
        assert_eq!((second.media_pps, second.media_bps), (0.0, 0.0));
    }
}
