//! A router of a cluster: shards that die, move and come back, another router, and an engine that is away.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use journal::testing::Deaf;
use journal::{Memory, Node, Places, Registry as _, Role};
use router::{Cluster, Running, Upstreams};
use support::scripted::Shard;
use support::{SOON, config, open, request, start};
use tokio::time::timeout;

#[tokio::test]
async fn a_meeting_is_placed_once_and_two_routers_agree() {
    let world = World::of(&["shard-1", "shard-2"]).await;
    let routers = [world.router("router-1").await, world.router("router-2").await];
    let first = ask(&routers[0], "standup").await;
    for router in &routers {
        assert_eq!(ask(router, "Standup").await, first);
        assert_eq!(ask(router, "standup").await, first);
    }
    assert_eq!(world.engine.known("standup").unwrap().shard, first);

    let both = tokio::join!(ask(&routers[0], "new"), ask(&routers[1], "new"));
    assert_eq!(both.0, both.1);
}

#[tokio::test]
async fn the_tenant_is_part_of_the_key() {
    let world = World::of(&["shard-1"]).await;
    let router = world.router("router-1").await;
    let answer = request(&router, "POST", "/Guild/conference-request/v1?room=B%25C3%25BCro", "", "{}").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(world.engine.known("[guild]b%c3%bcro").is_some());
}

#[tokio::test]
async fn when_a_shard_dies_its_sockets_are_cut_and_its_meetings_adopted() {
    let mut world = World::of(&["shard-1", "shard-2"]).await;
    let router = world.router("router-1").await;
    let dead = ask(&router, "standup").await;
    let other = if dead == "shard-1" { "shard-2" } else { "shard-1" };
    world.engine.place("quiet", &dead, 0).await.unwrap();
    let mut socket = open(&router, "/xmpp-websocket?room=standup").await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().to_string(), dead);

    world.kill(&dead);
    let end = timeout(SOON, socket.next()).await.unwrap();
    assert!(matches!(end, None | Some(Err(_))), "never a close frame: {end:?}");
    assert_eq!(ask(&router, "standup").await, other);
    let mut adopted = [world.adopted(other).await, world.adopted(other).await];
    adopted.sort();
    assert_eq!(adopted, ["quiet", "standup"]);
    assert_eq!(world.engine.known("quiet").unwrap().shard, other);
}

#[tokio::test]
async fn a_shard_that_hangs_is_down_too() {
    let world = World::of(&["shard-1", "shard-2"]).await;
    let router = world.router("router-1").await;
    let hung = ask(&router, "standup").await;
    world.shard(&hung).hang();
    assert_ne!(ask(&router, "standup").await, hung);
}

#[tokio::test]
async fn a_misdirected_request_follows_the_place() {
    let world = World::of(&["shard-1", "shard-2"]).await;
    let router = world.router_with("router-1", Arc::new(Deaf::to(&world.engine))).await;
    let here = ask(&router, "standup").await;
    let there = if here == "shard-1" { "shard-2" } else { "shard-1" };
    world.shard(&here).gives_away("standup");
    let revision = world.engine.known("standup").unwrap().revision;
    world.engine.place("standup", there, revision).await.unwrap();
    assert_eq!(ask(&router, "standup").await, there);
}

#[tokio::test]
async fn a_meeting_that_moves_takes_its_sockets_along() {
    let world = World::of(&["shard-1", "shard-2"]).await;
    let router = world.router("router-1").await;
    let here = ask(&router, "standup").await;
    let there = if here == "shard-1" { "shard-2" } else { "shard-1" };
    let mut socket = open(&router, "/xmpp-websocket?room=standup").await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().to_string(), here);
    let revision = world.engine.known("standup").unwrap().revision;
    world.engine.place("standup", there, revision).await.unwrap();
    let end = timeout(SOON, socket.next()).await.unwrap();
    assert!(matches!(end, None | Some(Err(_))), "{end:?}");
    assert_eq!(ask(&router, "standup").await, there);
}

#[tokio::test]
async fn an_engine_that_is_away_is_waited_for() {
    let world = World::of(&["shard-1"]).await;
    let router = Arc::new(world.router("router-1").await);
    assert_eq!(ask(&router, "old").await, "shard-1");
    world.engine.be_away(true);
    assert_eq!(ask(&router, "old").await, "shard-1");
    let waiting = tokio::spawn({
        let router = router.clone();
        async move { ask(&router, "new").await }
    });
    assert_eq!(ask(&router, "old").await, "shard-1");
    assert!(!waiting.is_finished());
    world.engine.be_away(false);
    assert_eq!(timeout(SOON, waiting).await.unwrap().unwrap(), "shard-1");
}

#[tokio::test]
async fn who_comes_before_any_shard_waits_for_the_first() {
    let mut world = World::of(&[]).await;
    let router = Arc::new(world.router("router-1").await);
    let waiting = tokio::spawn({
        let router = router.clone();
        async move { ask(&router, "standup").await }
    });
    world.add("shard-7").await;
    assert_eq!(timeout(SOON, waiting).await.unwrap().unwrap(), "shard-7");
}

#[tokio::test]
async fn a_draining_shard_gets_no_new_meeting() {
    let world = World::of(&["shard-1", "shard-2"]).await;
    let draining = Node { draining: true, ..world.shard("shard-1").node() };
    world.engine.announce(draining).await.unwrap();
    let router = world.router("router-1").await;
    for room in ["a", "b", "c"] {
        assert_eq!(ask(&router, room).await, "shard-2");
    }
}

#[tokio::test]
async fn the_router_is_in_the_registry_while_it_is_there() {
    let world = World::of(&["shard-1"]).await;
    let router = world.router("router-1").await;
    let mut nodes = world.engine.nodes();
    let is = |draining| move |node: &Node| node.role == Role::Router && node.draining == draining;
    let seen =
        |wanted: bool| move |nodes: &Arc<journal::Nodes>| nodes.get("router-1").is_some_and(is(wanted));
    timeout(SOON, nodes.wait_for(seen(false))).await.unwrap().unwrap();
    let mut socket = open(&router, "/xmpp-websocket?room=standup").await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().to_string(), "shard-1");

    router.drain();
    assert!(router.is_draining());
    timeout(SOON, nodes.wait_for(seen(true))).await.unwrap().unwrap();
    assert_eq!(ask(&router, "standup").await, "shard-1", "who comes all the same is served");
    drop(socket);
    router.drained(SOON).await;
    router.shutdown().await;
    timeout(SOON, nodes.wait_for(|nodes| !nodes.contains_key("router-1"))).await.unwrap().unwrap();
}

struct World {
    engine: Memory,
    shards: Vec<Shard>,
}

impl World {
    async fn of(ids: &[&str]) -> Self {
        let mut world = Self { engine: Memory::new(), shards: Vec::new() };
        for id in ids {
            world.add(id).await;
        }
        world
    }

    async fn add(&mut self, id: &str) {
        let shard = Shard::start(id).await;
        self.engine.announce(shard.node()).await.unwrap();
        self.shards.push(shard);
    }

    async fn router(&self, id: &str) -> Running {
        self.router_with(id, Arc::new(self.engine.clone())).await
    }

    async fn router_with(&self, id: &str, places: Arc<dyn Places>) -> Running {
        start(config(Upstreams::Cluster(Cluster {
            id: id.to_owned(),
            registry: Arc::new(self.engine.clone()),
            places,
            region: None,
            admin: None,
        })))
        .await
    }

    fn shard(&self, id: &str) -> &Shard {
        self.shards.iter().find(|shard| shard.id() == id).unwrap()
    }

    fn kill(&mut self, id: &str) {
        self.shards.retain(|shard| shard.id() != id);
    }

    async fn adopted(&self, id: &str) -> String {
        timeout(SOON, self.shard(id).adopted()).await.unwrap()
    }
}

/// The shard that answers a conference request for `room`.
async fn ask(router: &Running, room: &str) -> String {
    let path = format!("/conference-request/v1?room={room}");
    let answer = timeout(Duration::from_secs(30), request(router, "POST", &path, "", "{}")).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}
