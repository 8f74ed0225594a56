//! A router in front of stock shards, as a process of its own. Its admin port tells of the shards, which tell nothing
//! of themselves, and of the other routers where an engine knows them.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use ::router::{Running, StockState, Upstreams};
use service::admin::{
    Answer, Door, Fleet, Meeting, MeetingDetail, Meetings, Node, NodeState, Ready, Refused,
};
use service::config::{Config, Stock};
use service::metrics::Metrics;

use super::cluster::Cluster;
use super::router::{Served, serve};
use super::{Ends, engine};
use crate::report;

pub(super) async fn run(config: Config, shards: Stock, ends: Ends) -> anyhow::Result<()> {
    let engine = match config.as_stock_router()? {
        Some(shared) => Some(engine::connect_beside(&config.router.id, &shared).await?),
        None => None,
    };
    let door = Door::open(config.admin).await?;
    let node = |engine: &engine::Engine| ::router::Cluster {
        id: config.router.id.clone(),
        registry: engine.registry.clone(),
        places: engine.places.clone(),
        region: config.region.clone(),
        admin: Some(door.addr()),
    };
    let upstreams = Upstreams::Stock { shards: Box::new(shards), cluster: engine.as_ref().map(node) };
    let metrics = Metrics::of_this_process();
    let router = ::router::start(crate::parts::router(&config, upstreams), &metrics).await?;
    let (address, operators) = (router.addr(), door.addr());
    serve(router, Served { id: config.router.id.clone(), door, metrics, ends }, |router| {
        let cluster = engine.map(|engine| Cluster {
            id: config.router.id.clone(),
            router: router.clone(),
            journal: engine.journal,
            registry: engine.registry,
            places: engine.places,
        });
        let front = Arc::new(Front { id: config.router.id.clone(), router, cluster, address, operators });
        (front.clone().ready(), front)
    })
    .await
}

/// The router and what is behind it.
struct Front {
    id: String,
    /// itself; it must not be kept when the process ends
    router: Weak<Running>,
    cluster: Option<Cluster>,
    address: SocketAddr,
    operators: SocketAddr,
}

impl Front {
    fn stock(&self) -> Option<::router::Stock> {
        self.router.upgrade()?.stock()
    }

    fn shards(&self) -> Vec<::router::StockShard> {
        self.stock().map(|stock| stock.shards()).unwrap_or_default()
    }

    /// Whether the router can do its work: one shard is enough.
    fn ready(self: Arc<Self>) -> Ready {
        Arc::new(move || match self.router.upgrade() {
            None => Err("the process is ending".to_owned()),
            Some(router) if router.is_draining() => Err(format!("{} is draining", self.id)),
            Some(_) if self.shards().iter().all(|shard| shard.state == StockState::Down) => {
                Err("no shard passes its checks".to_owned())
            }
            Some(_) => Ok(()),
        })
    }

    /// Where nobody else tells of it.
    fn itself(&self, participants: usize) -> Node {
        let is_draining = self.router.upgrade().is_none_or(|router| router.is_draining());
        let state = if is_draining { NodeState::Draining } else { NodeState::Ready };
        let node = node(self.id.clone(), "router", Some(self.address), state);
        Node { pid: std::process::id(), participants, admin: Some(self.operators), ..node }
    }

    async fn all_nodes(&self) -> Vec<Node> {
        let shards = self.shards();
        let here = shards.iter().map(|shard| shard.clients).sum();
        let mut nodes = match &self.cluster {
            Some(cluster) => cluster.nodes().await,
            None => vec![self.itself(here)],
        };
        nodes.extend(shards.into_iter().map(shard));
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        nodes
    }

    fn all_meetings(&self) -> Vec<MeetingDetail> {
        let rooms = self.stock().map(|stock| stock.rooms()).unwrap_or_default();
        let detail = |(room, shard, participants)| MeetingDetail {
            meeting: Meeting {
                room,
                shard,
                bridges: Vec::new(),
                participants,
                since: None,
                // nothing of a stock shard is written down
                unprotected: true,
            },
            occupants: Vec::new(),
        };
        rooms.into_iter().map(detail).collect()
    }

    async fn set_drained(&self, id: &str, is_drained: bool) -> Result<(), Refused> {
        let stock = self.stock().ok_or_else(|| Refused::Conflict(format!("{} is ending", self.id)))?;
        let done = if is_drained { stock.drain(id).await } else { stock.undrain(id).await };
        match done {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refused::Unknown(format!("there is no shard {id:?}"))),
            Err(error) => Err(Refused::Unanswered(format!("the other routers cannot be told: {error}"))),
        }
    }
}

impl Fleet for Front {
    fn nodes(&self) -> Answer<'_, Vec<Node>> {
        Box::pin(self.all_nodes())
    }

    fn meetings(&self) -> Answer<'_, Meetings> {
        Box::pin(async { Meetings { meetings: self.all_meetings(), unanswered: Vec::new() } })
    }

    fn meeting(&self, room: &str) -> Answer<'_, Result<MeetingDetail, Refused>> {
        let found = report::one(room, self.all_meetings());
        Box::pin(async { found })
    }

    fn aside(&self) -> Answer<'_, Result<Vec<String>, Refused>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn drain(&self, id: &str) -> Answer<'_, Result<(), Refused>> {
        if let (true, Some(router)) = (id == self.id, self.router.upgrade()) {
            router.drain();
            return Box::pin(async { Ok(()) });
        }
        let id = id.to_owned();
        Box::pin(async move {
            match &self.cluster {
                Some(cluster) if self.shards().iter().all(|shard| shard.id != id) => cluster.drain(&id).await,
                _ => self.set_drained(&id, true).await,
            }
        })
    }

    fn undrain(&self, id: &str) -> Answer<'_, Result<(), Refused>> {
        let id = id.to_owned();
        Box::pin(async move { self.set_drained(&id, false).await })
    }

    fn move_meeting(&self, _: &str, _: Option<&str>) -> Answer<'_, Result<(), Refused>> {
        let why = "stock shards hand nothing over: drain the shard, and its rooms leave it as they end";
        Box::pin(async { Err(Refused::Conflict(why.to_owned())) })
    }
}

fn shard(shard: ::router::StockShard) -> Node {
    let state = match shard.state {
        StockState::Ready => NodeState::Ready,
        StockState::Draining => NodeState::Draining,
        StockState::Down => NodeState::Down,
    };
    let role = if shard.is_backup { report::STOCK_BACKUP } else { report::STOCK };
    Node { meetings: shard.rooms, participants: shard.clients, ..node(shard.id, role, shard.address, state) }
}

fn node(id: String, role: &str, address: Option<SocketAddr>, state: NodeState) -> Node {
    Node {
        id,
        role: role.to_owned(),
        // nobody knows it of a stock shard
        pid: 0,
        address: address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
        state,
        load: 0.0,
        meetings: 0,
        participants: 0,
        bridges: None,
        unseen_by: Vec::new(),
        region: None,
        admin: None,
    }
}
