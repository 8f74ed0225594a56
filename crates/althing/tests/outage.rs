//! The only engine of a cluster stands still, dies, or comes back empty, under guests who chat: no guest's socket ends,
//! nothing is promised that is not written, and in the end everything is. A real `nats-server`, a router and a shard.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod guests;

use std::sync::Arc;
use std::time::Duration;

use guests::world::{shard_config, start_router};
use guests::{Guest, PATIENCE, ROOM};
use journal::testing::NatsServer;
use journal::{Journal as _, Nats, Registry as _};
use router::Upstreams;
use service::metrics::Metrics;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stands_still_for_5_s() {
    stands_still(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stands_still_for_15_s() {
    stands_still(Duration::from_secs(15)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_dies_and_comes_back() {
    let mut stage = Stage::set().await;
    let mut talk = Talk::begin(&stage).await;
    stage.server.kill();
    talk.goes_on_unprotected(&stage).await;
    stage.server.start().await;
    talk.finds_it_written(stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_dies_and_comes_back_empty() {
    let mut stage = Stage::set().await;
    let mut talk = Talk::begin(&stage).await;
    stage.server.kill();
    talk.goes_on_unprotected(&stage).await;
    stage.server.lose();
    stage.server.start().await;
    talk.finds_it_written(stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_comes_back_empty_while_nobody_talks() {
    let mut stage = Stage::set().await;
    let talk = Talk::begin(&stage).await;
    stage.server.kill();
    stage.server.lose();
    stage.server.start().await;
    talk.finds_it_written(stage).await;
}

async fn stands_still(time: Duration) {
    let stage = Stage::set().await;
    let mut talk = Talk::begin(&stage).await;
    stage.server.freeze();
    let until = Instant::now() + time;
    talk.goes_on_unprotected(&stage).await;
    let mut pace = interval(Duration::from_millis(250));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < until {
        pace.tick().await;
        talk.lines(1).await;
    }
    stage.server.thaw();
    talk.finds_it_written(stage).await;
}

/// An engine, a router and one shard, each with a connection of its own to it.
struct Stage {
    server: NatsServer,
    router: router::Running,
    shard: shard::Running,
    /// of the shard
    metrics: Metrics,
}

impl Stage {
    async fn set() -> Self {
        let server = NatsServer::alone(&[]).await;
        let engine = Arc::new(connect(&server).await);
        let cluster = router::Cluster {
            id: "router-1".to_owned(),
            registry: engine.clone(),
            places: engine.clone(),
            region: None,
            admin: None,
        };
        let metrics = Metrics::new();
        let shard = start_shard(&server, "shard-1", &metrics).await;
        let known = async { engine.nodes().wait_for(|nodes| nodes.contains_key("shard-1")).await.map(drop) };
        timeout(PATIENCE, known).await.unwrap().unwrap();
        let router = start_router(Upstreams::Cluster(cluster), &Metrics::new()).await;
        Self { server, router, shard, metrics }
    }

    /// As the metric and the admin port have it.
    async fn await_unprotected(&self, expected: bool) {
        let line = format!("shard_meetings_unprotected {}", u8::from(expected));
        until("unprotected, or no more", async || {
            let told = self.shard.meetings().await.iter().any(|(_, summary)| summary.unprotected);
            told == expected && self.metrics.exposition().lines().any(|l| l == line)
        })
        .await;
    }
}

/// Two guests, and what they have said.
struct Talk {
    anna: Guest,
    bob: Guest,
    said: Vec<String>,
}

impl Talk {
    async fn begin(stage: &Stage) -> Self {
        let at = stage.router.addr();
        let mut talk = Self { anna: Guest::joined(at).await, bob: Guest::joined(at).await, said: Vec::new() };
        talk.lines(3).await;
        talk
    }

    /// Anna says lines, each when both have heard the one before.
    async fn lines(&mut self, count: usize) {
        for _ in 0..count {
            let line = format!("line-{}", self.said.len());
            self.anna.chat(&line).await;
            self.said.push(line);
            self.anna.hear_lines(self.said.len()).await;
            self.bob.hear_lines(self.said.len()).await;
        }
    }

    /// They hear each other, and are promised nothing.
    async fn goes_on_unprotected(&mut self, stage: &Stage) {
        self.lines(2).await;
        stage.await_unprotected(true).await;
        self.anna.say("<r xmlns='urn:xmpp:sm:3'/>").await;
        self.lines(5).await;
        assert_eq!(self.anna.acknowledged, 0, "of what is not written");
    }

    /// The engine is back: everything is, too, for whoever has the meeting next.
    async fn finds_it_written(mut self, stage: Stage) {
        stage.await_unprotected(false).await;
        self.anna.say("<r xmlns='urn:xmpp:sm:3'/>").await;
        let taken = u32::try_from(self.said.len()).unwrap() + 1;
        while self.anna.acknowledged < taken {
            self.anna.hear().await;
        }
        let eye = connect(&stage.server).await;
        until("the journal has it", async || eye.meetings().await.is_ok_and(|all| all == [ROOM])).await;

        let Stage { server, router, shard, .. } = stage;
        shard.kill().await;
        let heir = start_shard(&server, "shard-2", &Metrics::new()).await;
        self.lines(3).await;
        assert_eq!((&self.anna.lines, &self.bob.lines), (&self.said, &self.said));
        let (participants, heirs) = (heir.meetings().await, heir.meetings().await.len());
        assert_eq!((heirs, participants[0].1.participants.len(), participants[0].1.hibernating), (1, 2, 0));
        drop(router);
    }
}

async fn start_shard(server: &NatsServer, id: &str, metrics: &Metrics) -> shard::Running {
    let engine = Arc::new(connect(server).await);
    let cluster =
        shard::Cluster { registry: engine.clone(), places: engine.clone(), region: None, admin: None };
    let config = shard::Config { name: id.to_owned(), cluster: Some(cluster), ..shard_config() };
    shard::start(config, engine, metrics).await.unwrap()
}

async fn connect(server: &NatsServer) -> Nats {
    Nats::connect(&server.config("test")).await.unwrap()
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let poll = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, poll).await.is_ok(), "{what}");
}
