//! A distribution of durations, of any number of them, in a bounded place.

use std::collections::BTreeMap;
use std::time::Duration;

/// Values fall into classes of at most a sixty-fourth of their size; the largest is kept as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// how many values, by the class's upper end in microseconds
    classes: BTreeMap<u64, u64>,
    count: u64,
    max: Duration,
}

/// Of the bits of a value, those that tell its class.
const BITS: u32 = 7;

impl Histogram {
    pub fn add(&mut self, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        *self.classes.entry(upper_end(micros)).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Takes up all values of another one.
    pub fn merge(&mut self, other: &Self) {
        for (end, count) in &other.classes {
            *self.classes.entry(*end).or_default() += count;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Zero where there are no values.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The value that this part of all, from 0 to 1, does not exceed; `None` without values.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let rank = ((self.count as f64 * part).ceil() as u64).clamp(1, self.count.max(1));
        let mut below = 0;
        let class = self.classes.iter().find(|(_, count)| {
            below += **count;
            below >= rank
        });
        class.map(|(end, _)| Duration::from_micros(*end).min(self.max))
    }

    /// Upper ends of the classes in microseconds, ascending, and how many values each has.
    pub fn classes(&self) -> impl Iterator<Item = (u64, u64)> {
        self.classes.iter().map(|(end, count)| (*end, *count))
    }
}

fn upper_end(micros: u64) -> u64 {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(BITS);
    micros | ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near_and_the_largest_is_exact() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|ms| histogram.add(Duration::from_millis(ms)));
        for (part, ms) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let found = histogram.quantile(part).unwrap().as_secs_f64() * 1e3;
            assert!(found >= ms && found <= ms * 1.02, "{part}: {found}");
        }
        assert_eq!(histogram.quantile(1.0), Some(Duration::from_secs(1)));
        assert_eq!((histogram.max(), histogram.count()), (Duration::from_secs(1), 1_000));
    }

    #[test]
    fn small_and_huge_values_have_their_place() {
        let mut histogram = Histogram::default();
        for value in [Duration::ZERO, Duration::from_micros(1), Duration::MAX] {
            histogram.add(value);
        }
        assert_eq!(histogram.quantile(0.0), Some(Duration::ZERO));
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_micros(1)));
        assert_eq!(histogram.classes().map(|(_, count)| count).sum::<u64>(), 3);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
