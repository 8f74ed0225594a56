//! How fast one client may speak. Whoever is faster is read later: nothing is thrown away, and nobody else's queue
//! overflows because of it.

use std::time::{Duration, Instant};

use crate::config::Ingress;
use crate::limits::ACK_BYTES_MAX;

/// An acknowledgement, or a frame that is empty, counts as this part of a stanza.
const ACK_SHARE: u64 = 10;

/// The two buckets of one connection: bytes, and stanzas.
#[derive(Debug)]
pub(super) struct Meter {
    bytes: Bucket,
    /// in parts of [`ACK_SHARE`]
    stanzas: Bucket,
}

impl Meter {
    pub(super) fn new(ingress: Ingress, now: Instant) -> Self {
        let share = |stanzas: u64| stanzas.saturating_mul(ACK_SHARE);
        Self {
            bytes: Bucket::new(ingress.bytes_per_second, ingress.bytes_burst, now),
            stanzas: Bucket::new(share(ingress.stanzas_per_second), share(ingress.stanzas_burst), now),
        }
    }

    /// Something was read: gives how long nothing more shall be.
    pub(super) fn read(&mut self, text: &str, now: Instant) -> Duration {
        let share = if is_small(text) { 1 } else { ACK_SHARE };
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.bytes.take(bytes, now).max(self.stanzas.take(share, now))
    }
}

/// `<a/>` and `<r/>` of XEP-0198, and what keeps a connection alive.
fn is_small(text: &str) -> bool {
    let ack = |name| {
        let rest = text.trim_start().strip_prefix(name);
        rest.is_some_and(|rest: &str| rest.starts_with([' ', '/', '>']))
    };
    text.len() <= ACK_BYTES_MAX && (text.trim().is_empty() || ack("<a") || ack("<r"))
}

/// A token bucket, kept as the moment at which it is full again: it may be in debt, which the next reader waits for.
#[derive(Debug)]
struct Bucket {
    per_second: u64,
    /// to fill it from empty
    depth: Duration,
    full_at: Instant,
}

impl Bucket {
    fn new(per_second: u64, burst: u64, now: Instant) -> Self {
        let per_second = per_second.max(1);
        Self { per_second, depth: time_for(burst, per_second), full_at: now }
    }

    /// Takes `amount`, and gives the time until the debt is paid.
    fn take(&mut self, amount: u64, now: Instant) -> Duration {
        self.full_at = self.full_at.max(now) + time_for(amount, self.per_second);
        self.full_at.saturating_duration_since(now).saturating_sub(self.depth)
    }
}

/// At most an hour: no frame takes longer, and no burst is deeper.
fn time_for(amount: u64, per_second: u64) -> Duration {
    let nanos = u128::from(amount) * 1_000_000_000 / u128::from(per_second);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(Duration::from_secs(3600))
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::clock::Clock;

    const SECOND: Duration = Duration::from_secs(1);
    const STANZA: &str = "<message/>";

    fn meter() -> (Meter, Instant) {
        let now = Clock.now();
        (Meter::new(Ingress::default(), now), now)
    }

    /// How long it takes to read `texts`, each as soon as it is allowed.
    fn check(texts: impl IntoIterator<Item = String>, at_least: Duration, at_most: Duration) {
        let (mut meter, start) = meter();
        let mut now = start;
        for text in texts {
            now += meter.read(&text, now);
        }
        let took = now - start;
        assert!((at_least..=at_most).contains(&took), "{took:?}");
    }

    #[test]
    fn a_burst_is_read_at_once() {
        check(vec![STANZA.to_owned(); 300], Duration::ZERO, Duration::ZERO);
        check(vec!["x".repeat(64 * 1024); 8], Duration::ZERO, Duration::ZERO);
    }

    #[test]
    fn the_join_of_an_ordinary_client_is_not_slowed() {
        // conference request, discovery, presence; session-accept; sources and presences; acknowledgements of a full room
        let small = vec!["<iq>".repeat(200); 40];
        let accept = vec!["<iq>".repeat(16 * 1024); 2];
        let sources = vec!["<iq>".repeat(1024); 60];
        let acks = vec!["<a xmlns='urn:xmpp:sm:3' h='4711'/>".to_owned(); 300];
        let texts = [small, accept, sources, acks].concat();
        check(texts, Duration::ZERO, Duration::ZERO);
    }

    #[test]
    fn a_flood_of_stanzas_is_read_at_the_rate() {
        check(vec![STANZA.to_owned(); 300 + 50 * 10], 10 * SECOND, 10 * SECOND);
    }

    #[test]
    fn a_flood_of_bytes_is_read_at_the_rate() {
        check(vec!["x".repeat(64 * 1024); 8 + 10], 10 * SECOND, 10 * SECOND);
    }

    #[test]
    fn acknowledgements_count_little_and_not_nothing() {
        check(vec!["<r xmlns='urn:xmpp:sm:3'/>".to_owned(); 3_000], Duration::ZERO, Duration::ZERO);
        check(vec!["<a/>".to_owned(); 3_000 + 500], SECOND, SECOND);
        check(vec![" ".to_owned(); 3_000 + 500], SECOND, SECOND);
    }

    #[test]
    fn only_acknowledgements_are_small() {
        for small in ["<a/>", "<r/>", "<r>", " <a h='1'/>", "", "\n"] {
            assert!(is_small(small), "{small:?}");
        }
        let padded = format!("<a {}/>", " ".repeat(ACK_BYTES_MAX));
        for stanza in ["<auth/>", "<resume/>", "<iq/>", "a", &padded] {
            assert!(!is_small(stanza), "{stanza:?}");
        }
    }

    #[test]
    fn what_was_spent_comes_back() {
        let (mut meter, mut now) = meter();
        for _ in 0..300 {
            meter.read(STANZA, now);
        }
        now += 2 * SECOND;
        for n in 0..100 {
            assert_eq!(meter.read(STANZA, now), Duration::ZERO, "{n}");
        }
        assert_eq!(meter.read(STANZA, now), SECOND / 50);
        now += 3600 * SECOND;
        for n in 0..300 {
            assert_eq!(meter.read(STANZA, now), Duration::ZERO, "no more than the burst: {n}");
        }
        assert_eq!(meter.read(STANZA, now), SECOND / 50);
    }

    #[test]
    fn no_number_is_too_large() {
        let now = Clock.now();
        let least = Ingress { bytes_per_second: 0, bytes_burst: 0, stanzas_per_second: 0, stanzas_burst: 0 };
        assert_eq!(Meter::new(least, now).read(&"x".repeat(1 << 20), now), 3600 * SECOND);
        let most = u64::MAX;
        let most = Ingress {
            bytes_per_second: most,
            bytes_burst: most,
            stanzas_per_second: most,
            stanzas_burst: most,
        };
        assert_eq!(Meter::new(most, now).read(STANZA, now), Duration::ZERO);
    }
}
