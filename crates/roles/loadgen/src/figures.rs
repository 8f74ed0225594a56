//! The names of what came out, for people and for thresholds.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::histogram::Histogram;

/// A number with its name, `join.p95`; times are in seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    pub(crate) fn count(&mut self, name: &str, count: u64) {
        self.0.insert(name.to_owned(), count as f64);
    }

    pub(crate) fn seconds(&mut self, name: &str, seconds: f64) {
        self.0.insert(name.to_owned(), seconds);
    }

    /// Zero of nothing is nothing.
    pub(crate) fn share(&mut self, name: &str, part: u64, whole: u64) {
        self.0.insert(name.to_owned(), part as f64 / whole.max(1) as f64);
    }

    pub(crate) fn amount(&mut self, name: &str, amount: f64) {
        self.0.insert(name.to_owned(), amount);
    }

    /// Without values, all are zero.
    pub(crate) fn times(&mut self, name: &str, times: &Histogram) {
        let quantile = |part| times.quantile(part).unwrap_or(Duration::ZERO);
        let all =
            [("p50", quantile(0.5)), ("p95", quantile(0.95)), ("p99", quantile(0.99)), ("max", times.max())];
        for (part, time) in all {
            self.seconds(&format!("{name}.{part}"), time.as_secs_f64());
        }
    }

    pub(crate) fn named(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
