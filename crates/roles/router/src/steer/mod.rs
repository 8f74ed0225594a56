//! Which shard has a meeting, and which bridge has a name.
//!
//! On one machine that never changes. In a cluster `placement::steering` decides, and this is its shell: `pilot.rs`
//! obeys it, `watch.rs` tells it what happens, `heartbeat.rs` asks shards whether they live, `sign.rs` sees it, `engine.rs` asks the
//! engine for places, `presence.rs` announces this router.

pub(crate) mod engine;
mod heartbeat;
mod holds;
mod pilot;
mod presence;
mod sign;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service::metrics::Metrics;
use tokio_util::sync::CancellationToken;

use crate::kept::{Kept, KeptCounts};
use crate::limits::WAITING_TIME_MAX;
use crate::{Cluster, Upstreams};
pub(crate) use holds::Holds;
pub(crate) use pilot::place;
use pilot::{Held, Pilot};
pub(crate) use presence::Presence;
pub(crate) use sign::Sign;

/// Clones share what is known.
#[derive(Clone, Debug)]
pub(crate) enum Steer {
    Fixed(Arc<Fixed>),
    Cluster(Arc<Pilot>),
    /// nothing of ours is behind this router: `stock` steers
    Elsewhere,
}

/// The shard that a meeting has now. While it or a clone of it is held, the meeting counts as one with a client here.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) id: String,
    /// HTTP
    pub(crate) address: SocketAddr,
    /// cancelled when the shard is declared down or the meeting has its place elsewhere: the socket is to be dropped
    pub(crate) cut: CancellationToken,
    /// whoever has a socket to it tells when a frame comes
    pub(crate) sign: Arc<Sign>,
    /// connections to it for requests
    pub(crate) kept: Arc<Kept>,
    #[expect(dead_code, reason = "it is held to be dropped")]
    held: Option<Arc<Held>>,
}

/// Why there is none, after waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoShard {
    #[error("no shard is ready to take the meeting")]
    Nobody,
}

#[derive(Debug)]
pub(crate) struct Fixed {
    shard: SocketAddr,
    kept: Arc<Kept>,
    bridges: BTreeMap<String, SocketAddr>,
}

impl Steer {
    /// Begins to watch the cluster, where there is one.
    pub(crate) fn new(upstreams: Upstreams, metrics: &Metrics) -> Self {
        match upstreams {
            Upstreams::Fixed { shard, bridges } => {
                let kept = Kept::new(&KeptCounts::new(metrics));
                Self::Fixed(Arc::new(Fixed { shard, kept, bridges }))
            }
            Upstreams::Cluster(cluster) => Self::Cluster(Pilot::start(cluster, metrics)),
            Upstreams::Stock { .. } => Self::Elsewhere,
        }
    }

    /// The shard of `meeting` (`ROOM` or `[TENANT]ROOM`); placed if it has none. Waits for one at most `patience`.
    pub(crate) async fn shard(&self, meeting: &str, patience: Duration) -> Result<Target, NoShard> {
        match self {
            Self::Fixed(fixed) => Ok(fixed.target()),
            Self::Cluster(pilot) => {
                let told = tokio::time::timeout(patience, pilot.told(meeting)).await;
                told.map_err(|_| NoShard::Nobody)
            }
            Self::Elsewhere => Err(NoShard::Nobody),
        }
    }

    /// It broke or refused: its health is looked at again, and whoever asks for a shard waits for what comes of it.
    pub(crate) fn doubt(&self, target: &Target) {
        if let Self::Cluster(pilot) = self {
            pilot.step(|steering, now| steering.handle_doubt(&target.id, now));
        }
    }

    /// It said that it does not have the meeting (421): what is known of its place is old.
    pub(crate) fn misdirected(&self, meeting: &str) {
        if let Self::Cluster(pilot) = self {
            pilot.step(|steering, now| steering.handle_misdirected(meeting, now));
        }
    }

    /// How long it makes sense to try again: nobody else takes the place of the one shard of a machine.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Self::Fixed(_) | Self::Elsewhere => Duration::ZERO,
            Self::Cluster(_) => WAITING_TIME_MAX,
        }
    }

    /// HTTP of the bridge with this id.
    pub(crate) fn bridge(&self, id: &str) -> Option<SocketAddr> {
        match self {
            Self::Fixed(fixed) => fixed.bridges.get(id).copied(),
            Self::Cluster(pilot) => pilot.bridge(id),
            Self::Elsewhere => None,
        }
    }

    /// The cluster that this router is a node of.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Fixed(_) | Self::Elsewhere => None,
            Self::Cluster(pilot) => Some(&pilot.cluster),
        }
    }

    /// Watches and asks no more.
    pub(crate) fn end(&self) {
        match self {
            Self::Fixed(fixed) => fixed.kept.end(),
            Self::Cluster(pilot) => pilot.end(),
            Self::Elsewhere => {}
        }
    }
}

impl Fixed {
    fn target(&self) -> Target {
        let (id, cut) = ("shard".to_owned(), CancellationToken::new());
        let kept = Arc::clone(&self.kept);
        Target { id, address: self.shard, cut, sign: Arc::default(), kept, held: None }
    }
}
