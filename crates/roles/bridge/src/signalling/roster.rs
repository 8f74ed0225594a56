//! Which shards there are, and one task for each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use journal::{Nodes, Registry, Role};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::shard::{self, Target};
use crate::bridge::Bridge;
use crate::config::Shards;
use crate::limits::SHARDS_MAX;

/// Logs in to every shard until the bridge ends.
pub(crate) async fn run(bridge: Arc<Bridge>) {
    let mut roster = Roster { bridge: bridge.clone(), wanted: BTreeMap::new(), tasks: JoinSet::new() };
    match &bridge.config().shards {
        Shards::Fixed(addresses) => {
            roster.set(&fixed(addresses));
            bridge.stop().cancelled().await;
        }
        Shards::Registry(registry) => roster.follow(registry.as_ref()).await,
    }
    while roster.tasks.join_next().await.is_some() {}
}

type Targets = BTreeMap<String, Target>;

struct Roster {
    bridge: Arc<Bridge>,
    /// by the shards' names
    wanted: BTreeMap<String, watch::Sender<Option<Target>>>,
    /// each gives the name of its shard when it ends
    tasks: JoinSet<String>,
}

impl Roster {
    async fn follow(&mut self, registry: &dyn Registry) {
        let mut nodes = registry.nodes();
        loop {
            let targets = known(&nodes.borrow_and_update());
            self.set(&targets);
            tokio::select! {
                () = self.bridge.stop().cancelled() => return,
                changed = nodes.changed() => if changed.is_err() {
                    // the registry is gone: what was known stays known
                    return self.bridge.stop().cancelled().await;
                },
                Some(ended) = self.tasks.join_next() => if let Ok(name) = ended {
                    self.wanted.remove(&name);
                },
            }
        }
    }

    /// Tells every task where its shard is, and begins with those that are new.
    fn set(&mut self, targets: &Targets) {
        for (name, wanted) in &self.wanted {
            let target = targets.get(name).copied();
            wanted.send_if_modified(|known| std::mem::replace(known, target) != target);
        }
        for (name, target) in targets {
            if self.wanted.contains_key(name) {
                continue;
            }
            if self.wanted.len() >= SHARDS_MAX {
                tracing::error!(shard = name, "more shards than a bridge logs in to: {SHARDS_MAX}");
                continue;
            }
            let (wanted, receiver) = watch::channel(Some(*target));
            self.wanted.insert(name.clone(), wanted);
            let (bridge, name) = (self.bridge.clone(), name.clone());
            self.tasks.spawn(async move {
                shard::keep(bridge, name.clone(), receiver).await;
                name
            });
        }
    }
}

fn fixed(addresses: &[SocketAddr]) -> Targets {
    addresses.iter().map(|address| (address.to_string(), Target { address: *address, started: 0 })).collect()
}

/// The shards in the registry, draining ones too: their meetings go on until they are handed over.
fn known(nodes: &Nodes) -> Targets {
    let shards = nodes.values().filter(|node| node.role == Role::Shard);
    shards
        .filter_map(|node| Some((node.id.clone(), Target { address: node.xmpp?, started: node.started })))
        .collect()
}
