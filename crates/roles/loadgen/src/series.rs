//! How the figures went over time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browsers::Sight;
use crate::histogram::Histogram;
use crate::limits::SAMPLES_MAX;
use crate::media::Flow;
use crate::watch::Usage;

/// What happened in one interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// its end, since the beginning of the run
    pub at: Duration,
    /// in their rooms at its end
    pub present: u64,
    pub joins: u64,
    /// of the simulated ones who joined
    pub join: Option<Spread>,
    /// attendances that never got in
    pub failed: u64,
    pub reloads: u64,
    pub lost: u64,
    pub resumed: u64,
    /// lines, one for each who heard it
    pub heard: u64,
    /// of those lines
    pub delay: Option<Spread>,
    /// `None`: nobody sends anything
    pub flow: Option<Flow>,
    /// `None`: nobody is a browser
    pub browsers: Option<Sight>,
    /// in the order of the watched; `None`: not known
    pub servers: Vec<Option<Usage>>,
}

/// A distribution in four numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    pub p50: Duration,
    pub p95: Duration,
    pub p99: Duration,
    pub max: Duration,
}

impl Spread {
    /// `None` without values.
    pub(crate) fn of(times: &Histogram) -> Option<Self> {
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|part| times.quantile(part));
        Some(Self { p50: p50?, p95: p95?, p99: p99?, max: times.max() })
    }

    pub(crate) fn worse(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
        let [p50, p95, p99, max] =
            [(a.p50, b.p50), (a.p95, b.p95), (a.p99, b.p99), (a.max, b.max)].map(|(a, b)| a.max(b));
        Some(Self { p50, p95, p99, max })
    }

    pub(crate) fn to_json(self) -> Value {
        let [p50, p95, p99, max] = [self.p50, self.p95, self.p99, self.max].map(|time| time.as_secs_f64());
        json!({ "p50": p50, "p95": p95, "p99": p99, "max": max })
    }
}

/// Samples in the order of their times. Where there are too many, two become one, the intervals twice as long.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    samples: Vec<Sample>,
    /// how many of those that are given make one that is kept; 0 is 1
    stride: u32,
    /// given, and not yet enough for one
    held: Option<(Sample, u32)>,
}

impl Series {
    pub(crate) fn add(&mut self, sample: Sample) {
        let (held, count) = match self.held.take() {
            Some((held, count)) => (held.then(sample), count + 1),
            None => (sample, 1),
        };
        if count < self.stride {
            self.held = Some((held, count));
            return;
        }
        self.samples.push(held);
        if self.samples.len() >= SAMPLES_MAX {
            self.samples = self.samples.chunks(2).map(merged).collect();
            self.stride = self.stride.max(1) * 2;
        }
    }

    /// All of them, what is held included.
    pub(crate) fn end(mut self) -> Vec<Sample> {
        self.samples.extend(self.held.map(|(held, _)| held));
        self.samples
    }
}

fn merged(samples: &[Sample]) -> Sample {
    let first = samples.first().cloned().unwrap_or_default();
    samples.iter().skip(1).fold(first, |all, next| all.then(next.clone()))
}

impl Sample {
    /// This one and the next one, as one.
    fn then(self, next: Self) -> Self {
        Self {
            at: next.at,
            present: next.present,
            joins: self.joins + next.joins,
            join: Spread::worse(self.join, next.join),
            failed: self.failed + next.failed,
            reloads: self.reloads + next.reloads,
            lost: self.lost + next.lost,
            resumed: self.resumed + next.resumed,
            heard: self.heard + next.heard,
            delay: Spread::worse(self.delay, next.delay),
            flow: self.flow.zip(next.flow).map(|(one, next)| one.and(next)).or(next.flow),
            browsers: self.browsers.zip(next.browsers).map(|(one, next)| one.and(next)).or(next.browsers),
            servers: next.servers,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "at": self.at.as_secs_f64(),
            "present": self.present,
            "joins": self.joins,
            "join": self.join.map(Spread::to_json),
            "failed": self.failed,
            "reloads": self.reloads,
            "lost": self.lost,
            "resumed": self.resumed,
            "heard": self.heard,
            "delay": self.delay.map(Spread::to_json),
            "media": self.flow.map(Flow::to_json),
            "browsers": self.browsers.map(Sight::to_json),
            "servers": self.servers.iter().map(|usage| usage.map(Usage::to_json)).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_thinned_and_nothing_is_lost() {
        let mut series = Series::default();
        let given = 5 * SAMPLES_MAX as u64 + 3;
        for second in 1..=given {
            let spread = Spread { max: Duration::from_millis(second), ..Spread::default() };
            series.add(Sample {
                at: Duration::from_secs(second),
                joins: 2,
                join: Some(spread),
                ..Sample::default()
            });
        }
        let samples = series.end();
        assert!(samples.len() < SAMPLES_MAX, "{}", samples.len());
        assert_eq!(samples.iter().map(|sample| sample.joins).sum::<u64>(), 2 * given);
        assert!(samples.windows(2).all(|two| two[0].at < two[1].at));
        let last = samples.last().unwrap();
        assert_eq!(
            (last.at, last.join.unwrap().max),
            (Duration::from_secs(given), Duration::from_millis(given))
        );
    }

    #[test]
    fn a_spread_has_four_numbers_or_none() {
        let mut times = Histogram::default();
        assert_eq!(Spread::of(&times), None);
        (1..=100).for_each(|ms| times.add(Duration::from_millis(ms)));
        let spread = Spread::of(&times).unwrap();
        assert!(spread.p50 >= Duration::from_millis(50));
        assert!(spread.p95 < spread.p99 && spread.p99 <= spread.max);
    }
}
