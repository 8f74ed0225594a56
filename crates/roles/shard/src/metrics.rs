//! What the shard counts. Labels come from enums alone.

use std::fmt::{Error, Write};

use meeting::Fact;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use service::metrics::Metrics;

#[derive(Clone, Debug)]
pub(crate) struct Counts {
    facts: Family<FactLabel, Counter>,
    pub(crate) meetings: Gauge,
    pub(crate) meetings_unprotected: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) negotiations: Gauge,
    pub(crate) negotiations_evicted: Counter,
    pub(crate) connections_overflowed: Counter,
    pub(crate) newcomers_delayed: Counter,
    pub(crate) entries_appended: Counter,
    pub(crate) meetings_abandoned: Counter,
    pub(crate) bridges: Gauge,
    pub(crate) bridge_requests_unanswered: Counter,
    pub(crate) bridges_lost: Counter,
    pub(crate) participants_moved: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FactLabel {
    fact: FactValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FactValue(Fact);

impl EncodeLabelValue for FactValue {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), Error> {
        write!(encoder, "{:?}", self.0)
    }
}

impl Counts {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.register(name, help, Counter::default());
        let gauge = |name, help| metrics.register(name, help, Gauge::default());
        Self {
            facts: metrics.register("meeting_facts", "What happened in meetings, by kind", Family::default()),
            meetings: gauge("shard_meetings", "Meetings that this shard owns"),
            meetings_unprotected: gauge(
                "shard_meetings_unprotected",
                "Meetings whose journal does not answer: they go on, and would lose what it does not have",
            ),
            connections: gauge("shard_connections", "Client sockets that belong to a meeting"),
            negotiations: gauge("shard_negotiations", "Client sockets without a resource"),
            negotiations_evicted: counter(
                "shard_negotiations_evicted",
                "Sockets dropped for a newcomer, too many negotiate",
            ),
            connections_overflowed: counter(
                "shard_connections_overflowed",
                "Clients dropped, they did not read",
            ),
            newcomers_delayed: counter(
                "shard_newcomers_delayed",
                "Clients that waited to bind, because many were about to join the same large meeting",
            ),
            entries_appended: counter("shard_entries_appended", "Entries made durable in the journal"),
            meetings_abandoned: counter("shard_meetings_abandoned", "Meetings given up after an error"),
            bridges: gauge("shard_bridges", "Bridges in the brewery"),
            bridge_requests_unanswered: counter(
                "shard_bridge_requests_unanswered",
                "Requests that no bridge answered in time",
            ),
            bridges_lost: counter(
                "bridge_lost",
                "Bridges that went without a farewell, as this shard saw it",
            ),
            participants_moved: counter(
                "bridge_participants_moved",
                "Participants taken from a bridge that was gone, unwell or draining",
            ),
        }
    }

    pub(crate) fn count(&self, fact: Fact) {
        self.facts.get_or_create(&FactLabel { fact: FactValue(fact) }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_counted_by_kind() {
        let metrics = Metrics::new();
        let counts = Counts::register(&metrics);
        counts.count(Fact::Joined);
        counts.count(Fact::Joined);
        counts.count(Fact::Left);
        let text = metrics.exposition();
        for line in ["meeting_facts_total{fact=\"Joined\"} 2", "meeting_facts_total{fact=\"Left\"} 1"] {
            assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
        }
    }
}
