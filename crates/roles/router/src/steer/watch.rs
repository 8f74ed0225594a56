//! What happens in the cluster, told to the machine.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use journal::{Change, Nodes, Role};
use placement::steering::Announced;
use service::clock::Clock;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::pilot::{Pilot, place};
use crate::Cluster;

/// Nothing is due: it is looked again after this.
const IDLE: Duration = Duration::from_secs(3_600);

/// Between two looks at what is counted.
pub(crate) const COUNTED_EVERY: Duration = Duration::from_secs(2);

pub(super) fn start(pilot: &Arc<Pilot>) {
    tokio::spawn(registry(Arc::clone(pilot)));
    tokio::spawn(places(Arc::clone(pilot)));
    tokio::spawn(time(Arc::clone(pilot)));
    tokio::spawn(count(Arc::downgrade(pilot)));
}

async fn registry(pilot: Arc<Pilot>) {
    let mut nodes = pilot.cluster.registry.nodes();
    let mut known = BTreeSet::new();
    loop {
        let now = nodes.borrow_and_update().clone();
        let shards = announced(&now);
        let ids: BTreeSet<String> = shards.iter().map(|shard| shard.id.clone()).collect();
        let new: Vec<_> = ids.difference(&known).cloned().collect();
        pilot.step(|steering, now| steering.handle_nodes(shards, now));
        pilot.keeps.retain(|id, address| now.get(id).is_some_and(|node| node.http == Some(*address)));
        hear_again(&pilot, &new);
        known = ids;
        let changed = tokio::select! {
            changed = nodes.changed() => changed,
            () = pilot.ended.cancelled() => return,
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn places(pilot: Arc<Pilot>) {
    let hears = |change| match change {
        Some(Change { meeting, place: Some(known) }) => {
            pilot.step(|steering, now| steering.handle_place(&meeting, place(known), now));
        }
        Some(Change { meeting, place: None }) => {
            pilot.step(|steering, now| steering.handle_vacated(&meeting, now));
        }
        None => {
            let shards: Vec<_> = announced(&pilot.cluster.registry.nodes().borrow().clone())
                .into_iter()
                .map(|shard| shard.id)
                .collect();
            hear_again(&pilot, &shards);
        }
    };
    follow(&pilot.cluster, &pilot.ended, hears).await;
}

/// Tells what happens to places until `ended`; `None`: more than could be followed.
pub(crate) async fn follow(cluster: &Cluster, ended: &CancellationToken, hears: impl Fn(Option<Change>)) {
    let mut changes = cluster.places.changes();
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = ended.cancelled() => return,
        };
        match change {
            Ok(change) => hears(Some(change)),
            Err(RecvError::Lagged(_)) => hears(None),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn time(pilot: Arc<Pilot>) {
    let wake = || pilot.step(|steering, now| steering.handle_timeout(now));
    keep_time(&pilot.ended, &pilot.told, || pilot.timeout(), wake).await;
}

/// Wakes a machine when it wants that, until `ended`; `told` says that this may be another time now.
pub(crate) async fn keep_time(
    ended: &CancellationToken,
    told: &Notify,
    due: impl Fn() -> Option<Instant>,
    wake: impl Fn(),
) {
    while !ended.is_cancelled() {
        let told = told.notified();
        let due = due().unwrap_or_else(|| Clock.now() + IDLE).into();
        tokio::select! {
            () = sleep_until(due) => wake(),
            () = told => {}
            () = ended.cancelled() => {}
        }
    }
}

async fn count(pilot: Weak<Pilot>) {
    loop {
        tokio::time::sleep(COUNTED_EVERY).await;
        match pilot.upgrade() {
            Some(pilot) if !pilot.ended.is_cancelled() => pilot.count(),
            _ => return,
        }
    }
}

/// Every place on these shards that this process has heard of.
fn hear_again(pilot: &Arc<Pilot>, shards: &[String]) {
    for shard in shards {
        let places = pilot.cluster.places.known_of(shard);
        pilot.step(|steering, now| {
            for (meeting, known) in places {
                steering.handle_place(&meeting, place(known), now);
            }
        });
    }
}

fn announced(nodes: &Nodes) -> Vec<Announced> {
    let shards = nodes.values().filter(|node| node.role == Role::Shard && node.http.is_some());
    shards
        .map(|node| Announced {
            id: node.id.clone(),
            region: node.region.clone(),
            draining: node.draining,
            load: node.load,
            started: node.started,
        })
        .collect()
}
