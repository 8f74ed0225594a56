//! Shards that share an engine, and a router before them: roles as they are, in one process.

use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, Memory, Places as _, Registry as _};
use router::Upstreams;
use service::config::{Limits, Tls, Web};
use service::metrics::Metrics;

use super::{DOMAIN, Guest, PATIENCE, ROOM};

pub(crate) struct World {
    pub(crate) engine: Memory,
    pub(crate) router: router::Running,
    pub(crate) metrics: Metrics,
    shards: Vec<(String, shard::Running)>,
}

impl World {
    pub(crate) async fn of(shards: &[&str]) -> Self {
        let (engine, metrics) = (Memory::new(), Metrics::new());
        let cluster = router::Cluster {
            id: "router-1".to_owned(),
            registry: Arc::new(engine.clone()),
            places: Arc::new(engine.clone()),
            region: None,
            admin: None,
        };
        let router = start_router(Upstreams::Cluster(cluster), &metrics).await;
        let mut world = Self { engine, router, metrics, shards: Vec::new() };
        for id in shards {
            world.add(id).await;
        }
        world
    }

    pub(crate) async fn add(&mut self, id: &str) {
        self.add_with(id, Arc::new(self.engine.clone())).await;
    }

    /// A shard with a journal of its own has lost everything.
    pub(crate) async fn add_with(&mut self, id: &str, journal: Arc<dyn Journal>) {
        let cluster = shard::Cluster {
            registry: Arc::new(self.engine.clone()),
            places: Arc::new(self.engine.clone()),
            region: None,
            admin: None,
        };
        let config = shard::Config { name: id.to_owned(), cluster: Some(cluster), ..shard_config() };
        let running = shard::start(config, journal, &Metrics::new()).await.unwrap();
        self.shards.push((id.to_owned(), running));
        let known = async { self.engine.nodes().wait_for(|nodes| nodes.contains_key(id)).await.map(drop) };
        tokio::time::timeout(PATIENCE, known).await.unwrap().unwrap();
    }

    /// The shard that has the meeting.
    pub(crate) fn owner(&self) -> String {
        self.engine.known(ROOM).unwrap().shard
    }

    pub(crate) fn shard(&self, id: &str) -> &shard::Running {
        self.shards.iter().find(|(name, _)| name == id).map(|(_, shard)| shard).unwrap()
    }

    /// As kill -9 does it, as far as that can be within a process.
    pub(crate) async fn kill(&mut self, id: &str) {
        let at = self.shards.iter().position(|(name, _)| name == id).unwrap();
        self.shards.remove(at).1.kill().await;
    }

    /// How many streams the router has counted with this result.
    pub(crate) fn resumes(&self, result: &str) -> u64 {
        let text = self.metrics.exposition();
        let start = format!("router_resumes_total{{result=\"{result}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// A guest in the room.
    pub(crate) async fn guest(&self) -> Guest {
        Guest::joined(self.router.addr()).await
    }
}

/// A router before whoever does the work.
pub(crate) async fn start_router(upstreams: Upstreams, metrics: &Metrics) -> router::Running {
    router::start(config(upstreams), metrics).await.unwrap()
}

/// A shard that reads its clients as fast as they speak.
pub(crate) fn shard_config() -> shard::Config {
    let much = 1 << 30;
    let ingress = shard::Ingress {
        bytes_per_second: much,
        bytes_burst: much,
        stanzas_per_second: much,
        stanzas_burst: much,
    };
    let limits = shard::Limits { ingress, ..shard::Limits::default() };
    shard::Config { limits, ..shard::Config::for_domain(DOMAIN) }
}

fn config(upstreams: Upstreams) -> router::Config {
    router::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: Tls::Off,
        data: "unused".into(),
        site: router::Site {
            public_url: None,
            domain: DOMAIN.to_owned(),
            muc_domain: format!("conference.{DOMAIN}"),
            focus_domain: format!("focus.{DOMAIN}"),
            auth_domain: format!("auth.{DOMAIN}"),
            shard_name: None,
            region: None,
            web: Web {
                p2p: true,
                p2p_stun_servers: Vec::new(),
                start_audio_muted: None,
                start_video_muted: None,
            },
        },
        upstreams,
        limits: Limits {
            occupants: 500,
            connections: 1_000,
            half_open: 500,
            header_time: Duration::from_secs(30),
            header_size: 8 << 10,
            body_size: 4 << 10,
        },
    }
}
