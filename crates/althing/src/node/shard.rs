//! A shard as a process of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use service::admin::{Answer, Door, MeetingDetail, Node, NodeState, Ready, Refused, routes};
use service::config::Config;
use service::metrics::Metrics;

use super::own::{Alone, Own};
use super::{Ends, emptied, end, engine, say};
use crate::presence::Presence;
use crate::{parts, report};

pub(super) async fn run(config: Config, ends: Ends) -> anyhow::Result<()> {
    let shared = config.as_shard()?;
    let engine = engine::connect(&config.shard.id, &config, &shared).await?;
    let metrics = Metrics::of_this_process();
    let door = Door::open(config.shard.admin).await?;
    let mut told = parts::shard(&config, &shared.password);
    told.http = config.shard.http;
    told.cluster = Some(::shard::Cluster {
        registry: engine.registry,
        places: engine.places,
        region: config.region.clone(),
        admin: Some(door.addr()),
    });
    let shard = Arc::new(::shard::start(told, engine.journal, &metrics).await?);

    let own = Arc::new(This {
        id: config.shard.id.clone(),
        region: config.region.clone(),
        http: shard.http_addr(),
        admin: door.addr(),
        connections_max: config.limits.connections,
        shard: Arc::downgrade(&shard),
    });
    say(&Presence {
        id: own.id.clone(),
        pid: std::process::id(),
        address: own.http,
        admin: Some(own.admin),
    })?;
    let ready = Arc::clone(&own).ready();
    let admin = door.serve(routes(metrics, ready, Some(Arc::new(Alone(own)))), ends.orphaned.clone());

    ends.wait().await;
    ends.give_time(hand_over(&shard)).await;
    // Otherwise the admin port is answering about it, and whoever is last lets go of it.
    drop(admin);
    if let Some(shard) = Arc::into_inner(shard) {
        end(shard.shutdown()).await;
    }
    Ok(())
}

/// The others take its meetings; what they do not take stays in the journal, for whoever comes.
async fn hand_over(shard: &::shard::Running) {
    shard.drain();
    if !emptied(async || shard.meetings().await.is_empty()).await {
        let left = shard.meetings().await.len();
        tracing::warn!(left, "not every meeting was handed over in time; the journal has them");
    }
}

/// The shard as others ask about it: they must not keep it when the process ends.
struct This {
    id: String,
    region: Option<String>,
    http: SocketAddr,
    admin: SocketAddr,
    connections_max: usize,
    shard: Weak<::shard::Running>,
}

impl This {
    fn running(&self) -> Result<Arc<::shard::Running>, Refused> {
        self.shard.upgrade().ok_or_else(|| Refused::Conflict(format!("{} is ending", self.id)))
    }

    /// No engine is asked: an outage of it is not one of the shard.
    fn ready(self: Arc<Self>) -> Ready {
        Arc::new(move || match self.running() {
            Ok(shard) if shard.is_draining() => Err(format!("{} is draining", self.id)),
            Ok(_) => Ok(()),
            Err(refused) => Err(refused.sentence().to_owned()),
        })
    }

    async fn told(&self) -> Node {
        let meetings = Own::meetings(self).await;
        let participants: usize = meetings.iter().map(|detail| detail.meeting.participants).sum();
        #[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
        let load = participants as f64 / self.connections_max as f64;
        let state = match self.running() {
            Ok(shard) if shard.is_draining() => NodeState::Draining,
            Ok(_) => NodeState::Ready,
            Err(_) => NodeState::Down,
        };
        Node {
            id: self.id.clone(),
            role: "shard".to_owned(),
            pid: std::process::id(),
            address: self.http,
            state,
            load,
            meetings: meetings.len(),
            participants,
            bridges: self.running().ok().map(|shard| report::bridges(&shard)),
            unseen_by: Vec::new(),
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
        Box::pin(self.told())
    }

    fn meetings(&self) -> Answer<'_, Vec<MeetingDetail>> {
        Box::pin(async {
            match self.shard.upgrade() {
                Some(shard) => report::details(&self.id, shard.meetings().await),
                None => Vec::new(),
            }
        })
    }

    fn drain(&self) -> Result<(), Refused> {
        self.running()?.drain();
        Ok(())
    }

    fn move_meeting(&self, room: &str, to: Option<&str>) -> Answer<'_, Result<(), Refused>> {
        let (room, to) = (room.to_owned(), to.map(str::to_owned));
        Box::pin(async move {
            let moved = self.running()?.move_meeting(&room, to.as_deref()).await;
            moved.map(drop).map_err(|error| Refused::Conflict(error.to_string()))
        })
    }
}
