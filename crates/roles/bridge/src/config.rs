//! What the operator decides about one bridge.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use journal::Registry;
use xmpp::jid::BareJid;

/// Checked by [`crate::start`]; passed by value.
#[derive(Clone)]
pub struct Config {
    /// the bridge's nick in the brewery and its name in WebSocket URLs: `bridge-1`
    pub id: String,
    /// whom the bridge works for: it logs in to each of them
    pub shards: Shards,
    /// the domain of the bridges' account: `auth.meet.example`
    pub domain: String,
    pub user: String,
    pub password: String,
    /// the room where bridges and focuses meet: `jvbbrewery@internal.auth.meet.example`
    pub brewery: BareJid,
    /// one address, or a wildcard for all of the family (`::` takes IPv4 as well)
    pub media_bind: IpAddr,
    /// the one UDP port of all media; 0: the kernel's choice
    pub media_port: u16,
    /// the addresses that clients are told; empty: those of this machine's interfaces
    pub advertise: Vec<IpAddr>,
    /// where `/colibri-ws/` is served
    pub http: SocketAddr,
    /// the operators' port of this node, for the registry
    pub admin: Option<SocketAddr>,
    /// `wss://meet.example/colibri-ws/bridge-1`; `None`: clients get no WebSocket and use the data channel
    pub websocket_base: Option<String>,
    /// media threads; 0: one for each core
    pub threads: usize,
    /// where the bridge stands, for the choice of a bridge near a participant
    pub region: Option<String>,
    pub stress: Stress,
}

/// Where the bridge finds its shards' c2s listeners for TCP.
#[derive(Clone)]
pub enum Shards {
    Fixed(Vec<SocketAddr>),
    /// those that say so there; the bridge says there that it is there
    Registry(Arc<dyn Registry>),
}

/// What counts as full load: the stress level is the measured value over this one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stress {
    /// the process' share of all cores, 0..1
    Cpu { full: f64 },
    /// packets a second, both directions together
    PacketRate { full: f64 },
}

impl Default for Stress {
    fn default() -> Self {
        Self::Cpu { full: 0.9 }
    }
}

impl Config {
    /// The least that must be said; everything else has its default. `shard`: the only one, for now.
    pub fn new(id: &str, shard: SocketAddr, domain: &str, password: &str, brewery: BareJid) -> Self {
        Self {
            id: id.to_owned(),
            shards: Shards::Fixed(vec![shard]),
            domain: domain.to_owned(),
            user: "jvb".to_owned(),
            password: password.to_owned(),
            brewery,
            media_bind: IpAddr::from([0, 0, 0, 0]),
            media_port: 10_000,
            advertise: Vec::new(),
            http: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: None,
            websocket_base: None,
            threads: 0,
            region: None,
            stress: Stress::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("id", &self.id)
            .field("shards", &self.shards)
            .field("brewery", &self.brewery)
            .field("media", &(self.media_bind, self.media_port))
            .field("advertise", &self.advertise)
            .field("http", &self.http)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(addresses) => f.debug_tuple("Fixed").field(addresses).finish(),
            Self::Registry(_) => f.write_str("Registry"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let brewery = BareJid::new("jvbbrewery@internal.auth.meet.example").unwrap();
        let config = Config::new(
            "bridge-1",
            SocketAddr::from(([127, 0, 0, 1], 5222)),
            "auth.meet.example",
            "hunter2",
            brewery,
        );
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
