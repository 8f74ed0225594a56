//! The metrics of a process: roles register theirs, the admin port shows them all.
//!
//! Names are `noun_verb_unit`; a counter gets its `_total` from the encoder. Labels come from enums only, never from
//! rooms, names or addresses.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::registry::{Metric, Registry};

use crate::clock::Clock;
use crate::process::Process;

/// What `/metrics` says its text is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry of one process. Clones share it.
#[derive(Clone, Default)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    pub fn new() -> Self {
        Self::default()
    }

    /// With what the process takes of its machine.
    pub fn of_this_process() -> Self {
        let metrics = Self::default();
        let process = Process { began: Clock.millis() };
        metrics.registry().register_collector(Box::new(process));
        metrics
    }

    /// Registers `metric` and gives it back, for the caller to count with. `help` is a sentence without its full
    /// stop. Each name is registered once in a process.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.registry().register(name, help, metric.clone());
        metric
    }

    /// The text of all metrics, in the OpenMetrics format that Prometheus reads.
    pub fn exposition(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry())
            .expect("a String takes every write");
        text
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;

    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::new();
        let joins: Counter = metrics.register("meeting_joins", "Occupants that joined", Counter::default());
        let open: Gauge = metrics.register("meetings", "Meetings that are going on", Gauge::default());
        joins.inc_by(3);
        open.set(2);

        let text = metrics.exposition();
        for line in
            ["meeting_joins_total 3", "meetings 2", "# HELP meetings Meetings that are going on.", "# EOF"]
        {
            assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
        }
    }
}
