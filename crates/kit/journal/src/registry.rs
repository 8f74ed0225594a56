//! The registry of nodes: who is there, and where. It says what a node said of itself last, never whether it lives.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::Answer;

/// What a node says of itself. It says it again every few seconds, and whenever it changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// its name in the cluster, e.g. `shard-1`
    pub id: String,
    pub role: Role,
    pub pid: u32,
    pub region: Option<String>,
    /// does it take new work?
    pub draining: bool,
    /// shard: streams and conference requests; bridge: its channel over WebSocket; router: the public port
    pub http: Option<SocketAddr>,
    /// shard: where bridges log in
    pub xmpp: Option<SocketAddr>,
    /// bridge: the media port
    pub media: Option<SocketAddr>,
    /// operators' port
    pub admin: Option<SocketAddr>,
    /// 1.0: it should not take more
    pub load: f64,
    pub meetings: usize,
    pub participants: usize,
    /// milliseconds since the Unix epoch at its start, by its own clock: tells one life of a node from the next
    pub started: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Router,
    Shard,
    Bridge,
}

/// By their ids.
pub type Nodes = BTreeMap<String, Node>;

/// Nodes find each other in it. What was known stays known while the engine is away.
pub trait Registry: Send + Sync + 'static {
    /// Puts what `node` says of itself in place of what it said before.
    fn announce(&self, node: Node) -> Answer<'_, ()>;

    /// The node leaves as planned.
    fn withdraw(&self, id: &str) -> Answer<'_, ()>;

    /// Everybody who is known; changes as they do.
    fn nodes(&self) -> watch::Receiver<Arc<Nodes>>;
}
