//! What the router counts.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use service::metrics::Metrics;

use crate::route::Target;

#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) connections: Gauge,
    pub(crate) websockets: Family<Asked, Gauge>,
    pub(crate) requests: Family<Asked, Counter>,
    pub(crate) refused: Family<Refused, Counter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Asked {
    pub(crate) target: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Kind {
    Page,
    Config,
    File,
    Xmpp,
    ConferenceRequest,
    Colibri,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Reason {
    /// every connection is in use
    Full,
    /// no whole request in time, or its place was needed
    HalfOpen,
    /// a shard or bridge cannot be reached
    Upstream,
}

impl Counts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            connections: metrics.register(
                "router_connections",
                "Open connections of clients",
                Gauge::default(),
            ),
            websockets: metrics.register(
                "router_websockets",
                "Open WebSockets of clients",
                Family::default(),
            ),
            requests: metrics.register("router_requests", "Requests of clients", Family::default()),
            refused: metrics.register(
                "router_refusals",
                "Connections and requests that were refused",
                Family::default(),
            ),
        }
    }

    pub(crate) fn refuse(&self, reason: Reason) {
        self.refused.get_or_create(&Refused { reason }).inc();
    }
}

impl From<&Target<'_>> for Asked {
    fn from(target: &Target<'_>) -> Self {
        let target = match target {
            Target::Page => Kind::Page,
            Target::Config => Kind::Config,
            Target::File(_) => Kind::File,
            Target::Xmpp => Kind::Xmpp,
            Target::ConferenceRequest => Kind::ConferenceRequest,
            Target::Colibri { .. } => Kind::Colibri,
            Target::Unlock | Target::Bosh | Target::Nothing => Kind::Other,
        };
        Self { target }
    }
}

/// One more while it lives.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
