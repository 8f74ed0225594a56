//! What the shard says of itself in the registry, again and again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use journal::{Node, Role};
use service::clock::Clock;

use super::Cluster;
use crate::Shard;
use crate::limits::{ANNOUNCE_INTERVAL, FAREWELL_TIME};

/// Announces until the shard ends, at once where it begins to drain; takes its leave where that was planned.
pub(crate) async fn announce(shard: Arc<Shard>, cluster: Cluster, http: SocketAddr, xmpp: SocketAddr) {
    let started = Clock.millis();
    let mut draining = shard.draining.subscribe();
    loop {
        let node = node(&shard, &cluster, http, xmpp, started).await;
        if let Err(error) = cluster.registry.announce(node).await {
            tracing::warn!(%error, "this shard could not be announced");
        }
        tokio::select! {
            () = shard.stop.cancelled() => return,
            () = shard.drain.cancelled() => break,
            Ok(()) = draining.changed() => {}
            () = tokio::time::sleep(ANNOUNCE_INTERVAL) => {}
        }
    }
    let farewell = cluster.registry.withdraw(&shard.config.name);
    if !matches!(tokio::time::timeout(FAREWELL_TIME, farewell).await, Ok(Ok(()))) {
        tracing::warn!("this shard could not take its leave; the others will find it gone");
    }
}

async fn node(shard: &Shard, cluster: &Cluster, http: SocketAddr, xmpp: SocketAddr, started: u64) -> Node {
    let summaries = tokio::time::timeout(Duration::from_secs(1), shard.meetings.summaries()).await;
    let summaries = summaries.unwrap_or_default();
    let participants = summaries.iter().map(|(_, summary)| summary.participants.len()).sum();
    let limits = shard.config.limits;
    #[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
    let load = |used: usize, max: usize| used as f64 / max.max(1) as f64;
    Node {
        id: shard.config.name.clone(),
        role: Role::Shard,
        pid: std::process::id(),
        region: cluster.region.clone(),
        draining: shard.is_draining(),
        http: Some(http),
        xmpp: Some(xmpp),
        media: None,
        admin: cluster.admin,
        load: load(summaries.len(), limits.meetings_max).max(load(participants, limits.http_connections_max)),
        meetings: summaries.len(),
        participants,
        started,
    }
}
