//! What the router counts.

use placement::steering::Placed;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use service::metrics::Metrics;
use xmpp::splice::Reason;

use crate::route::Target;

#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) connections: Gauge,
    pub(crate) websockets: Family<Asked, Gauge>,
    pub(crate) requests: Family<Asked, Counter>,
    pub(crate) refused: Family<Refused, Counter>,
    resumes: Family<Resumes, Counter>,
    kept_stanzas: Gauge,
    kept_bytes: Gauge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resumes {
    result: Outcome,
}

/// What came of a client whose shard broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Outcome {
    /// it saw nothing
    Resumed,
    /// it was dropped, as are all below: it had not enabled resumption
    Unprotected,
    /// the stream had its end already
    Ended,
    /// the shard did not take it up
    Refused,
    /// the shard had lost what it had told the client
    Contradiction,
    /// more was unacknowledged than is kept
    Forgotten,
    /// no shard was found in time
    Late,
    /// the client itself went away meanwhile
    Left,
}

impl From<Reason> for Outcome {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::NotResumable => Self::Unprotected,
            Reason::Ended => Self::Ended,
            Reason::Refused => Self::Refused,
            Reason::Contradiction => Self::Contradiction,
            Reason::Forgotten | Reason::TooBig => Self::Forgotten,
        }
    }
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
    pub(crate) reason: Refusal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Refusal {
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
            resumes: metrics.register(
                "router_resumes",
                "Streams whose shard broke, by what came of them",
                Family::default(),
            ),
            kept_stanzas: metrics.register(
                "router_kept_stanzas",
                "Stanzas of clients that their shards have not acknowledged",
                Gauge::default(),
            ),
            kept_bytes: metrics.register("router_kept_bytes", "Bytes of these stanzas", Gauge::default()),
        }
    }

    /// Of all kinds.
    pub(crate) fn open_websockets(&self) -> i64 {
        let kinds = [Kind::Xmpp, Kind::Colibri];
        kinds.iter().map(|&target| self.websockets.get_or_create(&Asked { target }).get()).sum()
    }

    pub(crate) fn resumed(&self, result: Outcome) {
        self.resumes.get_or_create(&Resumes { result }).inc();
    }

    pub(crate) fn refuse(&self, reason: Refusal) {
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

/// What is counted of each shard of a cluster.
#[derive(Debug)]
pub(crate) struct ShardCounts {
    up: Family<Shard, Gauge>,
    meetings: Family<Shard, Gauge>,
    heartbeats_failed: Family<Shard, Counter>,
    placements: Family<Shard, Counter>,
    conflicts: Family<Shard, Counter>,
}

/// As many as the cluster has shards.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shard {
    shard: String,
}

impl ShardCounts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let counter =
            |name: &str, help: &str| metrics.register(name, help, Family::<Shard, Counter>::default());
        let gauge = |name: &str, help: &str| metrics.register(name, help, Family::<Shard, Gauge>::default());
        Self {
            up: gauge("router_shard_up", "Whether the shard answers heartbeats"),
            meetings: gauge("router_shard_meetings", "Meetings that have their place on the shard"),
            heartbeats_failed: counter(
                "router_heartbeats_failed",
                "Heartbeats that a shard refused or missed",
            ),
            placements: counter("router_placements", "Meetings that this router gave to the shard"),
            conflicts: counter(
                "router_placement_conflicts",
                "Meetings for the shard that somebody else had placed before",
            ),
        }
    }

    pub(crate) fn standing(&self, shard: &str, is_up: bool, meetings: usize) {
        self.up.get_or_create(&Shard::of(shard)).set(i64::from(is_up));
        self.meetings.get_or_create(&Shard::of(shard)).set(i64::try_from(meetings).unwrap_or(i64::MAX));
    }

    pub(crate) fn heartbeat_failed(&self, shard: &str) {
        self.heartbeats_failed.get_or_create(&Shard::of(shard)).inc();
    }

    /// The engine said what came of a place.
    pub(crate) fn answered(&self, shard: &str, placed: &Placed) {
        let counts = match placed {
            Placed::Won(_) => &self.placements,
            Placed::Lost(_) => &self.conflicts,
            Placed::Away => return,
        };
        counts.get_or_create(&Shard::of(shard)).inc();
    }
}

/// What is counted in front of stock shards, beside that.
#[derive(Debug)]
pub(crate) struct StockCounts {
    redispatched: Counter,
    unkept: Counter,
}

impl StockCounts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            redispatched: metrics.register(
                "router_redispatches",
                "Rooms that got another shard because theirs was down or gone",
                Counter::default(),
            ),
            unkept: metrics.register(
                "router_rooms_unkept",
                "Requests of rooms that the table had no room for",
                Counter::default(),
            ),
        }
    }

    /// All since the beginning.
    pub(crate) fn tell(&self, counts: placement::stock::Counts) {
        let tell = |counter: &Counter, all: u64| counter.inc_by(all.saturating_sub(counter.get()));
        tell(&self.redispatched, counts.redispatched);
        tell(&self.unkept, counts.unkept);
    }
}

impl Shard {
    fn of(shard: &str) -> Self {
        Self { shard: shard.to_owned() }
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

/// What is kept for one client, as a part of what is kept for all.
#[derive(Debug)]
pub(crate) struct Keeping {
    stanzas: Gauge,
    bytes: Gauge,
    told: (usize, usize),
}

impl Keeping {
    pub(crate) fn new(counts: &Counts) -> Self {
        Self { stanzas: counts.kept_stanzas.clone(), bytes: counts.kept_bytes.clone(), told: (0, 0) }
    }

    /// Stanzas and bytes.
    pub(crate) fn tell(&mut self, kept: (usize, usize)) {
        if kept != self.told {
            let told = std::mem::replace(&mut self.told, kept);
            self.stanzas.inc_by(signed(kept.0) - signed(told.0));
            self.bytes.inc_by(signed(kept.1) - signed(told.1));
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.tell((0, 0));
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
