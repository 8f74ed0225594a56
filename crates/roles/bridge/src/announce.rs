//! The bridge in the registry: where it is and how it is, told again and again.

use std::net::SocketAddr;
use std::sync::Arc;

use journal::{Node, Registry, Role};
use service::clock::Clock;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::bridge::Bridge;
use crate::config::Shards;
use crate::limits::{ANNOUNCE_INTERVAL, ANNOUNCE_MAX, WITHDRAW_MAX};

/// The sockets that others use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) http: SocketAddr,
    pub(crate) media: SocketAddr,
}

/// Tells the registry, if there is one, until the bridge ends.
pub(crate) async fn run(bridge: Arc<Bridge>, addresses: Addresses) {
    let Shards::Registry(registry) = &bridge.config().shards else { return };
    let started = Clock.millis();
    let mut draining = bridge.draining();
    let mut tick = interval(ANNOUNCE_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = bridge.stop().cancelled() => break,
            _ = tick.tick() => {}
            Ok(()) = draining.changed() => {}
        }
        tell(registry.as_ref(), node(&bridge, addresses, started)).await;
    }
    // the registry forgets it by itself if this takes too long
    let _ = timeout(WITHDRAW_MAX, registry.withdraw(&bridge.config().id)).await;
}

/// A registry that is away costs the bridge nothing: what it said last stays said.
async fn tell(registry: &dyn Registry, node: Node) {
    match timeout(ANNOUNCE_MAX, registry.announce(node)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the registry was not told of this bridge"),
        Err(_) => tracing::warn!("the registry does not answer; the bridge goes on"),
    }
}

/// An unwell bridge takes no new work, like one that drains.
fn node(bridge: &Bridge, addresses: Addresses, started: u64) -> Node {
    let (config, vitals) = (bridge.config(), bridge.vitals());
    let stats = bridge.doors().posting().stats;
    Node {
        id: config.id.clone(),
        role: Role::Bridge,
        pid: std::process::id(),
        region: config.region.clone(),
        draining: bridge.is_draining() || bridge.doors().ailment(Clock.now()).is_some(),
        http: Some(addresses.http),
        xmpp: None,
        media: Some(addresses.media),
        admin: config.admin,
        load: vitals.stress,
        meetings: usize::try_from(stats.conferences).unwrap_or(usize::MAX),
        participants: usize::try_from(stats.endpoints).unwrap_or(usize::MAX),
        started,
    }
}
