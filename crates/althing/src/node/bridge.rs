//! A bridge as a process of its own. It finds the shards in the registry, and says there itself that it is there.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use ::bridge::Shards;
use service::admin::{Answer, Door, MeetingDetail, Node, NodeState, Ready, Refused, routes};
use service::config::Config;
use service::metrics::Metrics;

use super::own::{Alone, Own};
use super::{Ends, emptied, end, engine, say};
use crate::presence::Presence;
use crate::{parts, report};

pub(super) async fn run(config: Config, ends: Ends) -> anyhow::Result<()> {
    let shared = config.as_bridge()?;
    let engine = engine::connect(&config.bridge.id, &config, &shared).await?;
    let metrics = Metrics::of_this_process();
    let door = Door::open(config.bridge.admin).await?;
    let mut told = parts::bridge(&config, &shared.password, Shards::Registry(engine.registry))?;
    told.http = config.bridge.http;
    told.admin = Some(door.addr());
    let bridge = Arc::new(::bridge::start(told, &metrics).await?);

    let own = Arc::new(This {
        id: config.bridge.id.clone(),
        region: config.region.clone(),
        media: bridge.media_addr(),
        admin: door.addr(),
        bridge: Arc::downgrade(&bridge),
    });
    say(&Presence {
        id: own.id.clone(),
        pid: std::process::id(),
        address: own.media,
        admin: Some(own.admin),
    })?;
    let ready = Arc::clone(&own).ready();
    let admin = door.serve(routes(metrics, ready, Some(Arc::new(Alone(own)))), ends.orphaned.clone());

    ends.wait().await;
    ends.give_time(hand_over(&bridge)).await;
    // Otherwise the admin port is answering about it, and whoever is last lets go of it.
    if let Some(bridge) = Arc::into_inner(bridge) {
        end(bridge.shutdown()).await;
    }
    drop(admin);
    Ok(())
}

/// The shards move its participants to other bridges. Where none of them hears of it there is nothing to wait for.
async fn hand_over(bridge: &::bridge::Running) {
    bridge.drain(true);
    let is_empty = || {
        let stats = bridge.stats();
        stats.media.conferences == 0 || stats.shards_entered == 0
    };
    if !emptied(async || is_empty()).await {
        let left = bridge.stats().media.endpoints;
        tracing::warn!(left, "not everybody was moved to another bridge in time");
    }
}

/// The bridge as others ask about it: they must not keep it when the process ends.
struct This {
    id: String,
    region: Option<String>,
    media: SocketAddr,
    admin: SocketAddr,
    bridge: Weak<::bridge::Running>,
}

impl This {
    fn ready(self: Arc<Self>) -> Ready {
        Arc::new(move || match self.bridge.upgrade() {
            Some(bridge) => report::bridge_ready(&bridge.stats()),
            None => Err("the process is ending".to_owned()),
        })
    }

    fn told(&self) -> Node {
        let stats = self.bridge.upgrade().map(|bridge| bridge.stats());
        let count = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        Node {
            id: self.id.clone(),
            role: "bridge".to_owned(),
            pid: std::process::id(),
            address: self.media,
            state: stats.as_ref().map_or(NodeState::Down, report::bridge_state),
            load: stats.as_ref().map_or(0.0, |stats| stats.stress),
            meetings: count(stats.as_ref().map(|stats| stats.media.conferences)),
            participants: count(stats.as_ref().map(|stats| stats.media.endpoints)),
            bridges: None,
            unseen_by: stats.map(|stats| stats.unseen_by).unwrap_or_default(),
            region: self.region.clone(),
            admin: Some(self.admin),
        }
    }
}

impl Own for This {
    fn id(&self) -> &str {
        &self.id
    }

    fn node(&self) -> Answer<'_, Node> {
        Box::pin(async { self.told() })
    }

    fn meetings(&self) -> Answer<'_, Vec<MeetingDetail>> {
        Box::pin(async { Vec::new() })
    }

    fn drain(&self) -> Result<(), Refused> {
        if let Some(bridge) = self.bridge.upgrade() {
            bridge.drain(true);
        }
        Ok(())
    }

    fn move_meeting(&self, _: &str, _: Option<&str>) -> Answer<'_, Result<(), Refused>> {
        Box::pin(async { Err(Refused::Conflict("a bridge has no meetings to move; ask a shard".to_owned())) })
    }
}
