//! What is counted of connections to shards.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use service::metrics::Metrics;

/// Of all shards.
#[derive(Clone, Debug)]
pub(crate) struct KeptCounts {
    pub(super) opened: Counter,
    pub(super) reused: Counter,
    pub(super) broken: Counter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connection {
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Kind {
    Opened,
    Reused,
    /// one that was used before: the request went again over a new one
    Broken,
}

impl KeptCounts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let connections: Family<Connection, Counter> = metrics.register(
            "router_shard_connections",
            "Connections to shards for requests: opened, used again, and broken when they were used again",
            Family::default(),
        );
        let count = |kind| connections.get_or_create(&Connection { kind }).clone();
        Self { opened: count(Kind::Opened), reused: count(Kind::Reused), broken: count(Kind::Broken) }
    }
}
