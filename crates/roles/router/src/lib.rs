//! The router: the public HTTP listener of a deployment, and the owner of its clients' sockets.
//!
//! In come browsers, with or without TLS. What they ask for is told by the path, and each path also stands under
//! `/TENANT/` (see `route.rs`):
//!
//! - `/` and `/ROOM` are the page of the web client, which is inside the binary, with its files;
//! - `/config.js` tells a client the addresses and domains of the deployment, in the keys of stock Jitsi Meet;
//! - `/xmpp-websocket` and `/conference-request/v1` go to the shard, with the tenant as `prefix` in the query;
//! - `/colibri-ws/BRIDGE/...` goes to that bridge;
//! - `/_unlock` and a plain GET of `/xmpp-websocket` are keep-alives, answered here.
//!
//! A connection's life: *half open* until its first whole request (`gate.rs` bounds how many there are, and how
//! long), then requests one after the other, then perhaps a WebSocket. One to a bridge is *pumped*: bytes both ways
//! (`pump.rs`) until one side ends. One to a shard is *spliced* (`splice/`): the router follows its XEP-0198 state, and
//! when the shard dies or gives the meeting away it resumes the stream at the next one; the client sees nothing. Where
//! that cannot be, its socket breaks: it takes that for an outage and comes back, while a clean close would be the end
//! of its session.
//!
//! In a cluster `steer` knows the shard of each meeting: `placement::steering` decides, the engine's places make routers
//! agree, and heartbeats tell who lives. Nobody is refused while a shard can still be found: he waits.
//!
//! It can stand in front of stock shards instead (`stock/`): web server, Prosody and Jicofo each, which hand nothing over.
//! Then it serves nothing itself: every request goes to the shard that has its room.
//!
//! The router knows no meeting, keeps nothing that anybody would miss, and may be killed at any time. Planned, it drains:
//! it says that it is not ready, and keeps the sockets that it has.

mod answer;
mod ask;
mod config_js;
mod files;
mod gate;
mod kept;
mod limits;
mod listener;
mod metrics;
mod proxy;
mod pump;
mod query;
mod route;
mod splice;
mod steer;
mod stock;
mod stream;
mod tls;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use journal::{Places, Registry};
use service::config::{Limits, Tls};
use service::metrics::Metrics;

pub use config_js::Site;
pub use listener::Running;
pub use stock::{Shard as StockShard, State as StockState, Stock};

#[derive(Clone, Debug)]
pub struct Config {
    /// port 0: any free one
    pub listen: SocketAddr,
    pub tls: Tls,
    /// where a certificate of our own is kept
    pub data: PathBuf,
    pub site: Site,
    pub upstreams: Upstreams,
    pub limits: Limits,
}

/// Who does the work.
#[derive(Clone, Debug)]
pub enum Upstreams {
    /// One shard, and bridges that never change: one machine.
    Fixed {
        /// HTTP
        shard: SocketAddr,
        /// HTTP, by the id of the bridge
        bridges: BTreeMap<String, SocketAddr>,
    },
    /// Whoever is in the registry.
    Cluster(Cluster),
    /// Stock shards.
    Stock {
        shards: Box<service::config::Stock>,
        /// through which several routers share one table
        cluster: Option<Cluster>,
    },
}

/// What a router of a cluster needs to know. It announces itself, and begins to watch the shards.
#[derive(Clone)]
pub struct Cluster {
    /// of this node, e.g. `router-1`
    pub id: String,
    pub registry: Arc<dyn Registry>,
    pub places: Arc<dyn Places>,
    /// its shards get new meetings first
    pub region: Option<String>,
    /// operators' port
    pub admin: Option<SocketAddr>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("id", &self.id).field("region", &self.region).finish_non_exhaustive()
    }
}

/// Opens the listener and serves until [`Running::shutdown`].
///
/// # Errors
/// The address is not free, or the certificate or its key cannot be used.
pub async fn start(config: Config, metrics: &Metrics) -> anyhow::Result<Running> {
    listener::start(config, metrics).await
}
