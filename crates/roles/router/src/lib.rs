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
//! long), then requests one after the other, then perhaps *pumped*: after an upgrade it is bytes both ways (`pump.rs`)
//! until one side ends. A client whose shard is dead never gets a 101, and one whose shard dies sees its socket
//! break: it takes both for an outage and comes back, while a clean close would be the end of its session.
//!
//! The router knows no stanza and no meeting, keeps nothing across requests, and may be killed at any time.

mod answer;
mod config_js;
mod files;
mod gate;
mod limits;
mod listener;
mod metrics;
mod proxy;
mod pump;
mod query;
mod route;
mod steer;
mod stream;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use service::config::{Limits, Tls};
use service::metrics::Metrics;

pub use config_js::Site;
pub use listener::Running;

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
}

/// Opens the listener and serves until [`Running::shutdown`].
///
/// # Errors
/// The address is not free, or the certificate or its key cannot be used.
pub async fn start(config: Config, metrics: &Metrics) -> anyhow::Result<Running> {
    listener::start(config, metrics).await
}
