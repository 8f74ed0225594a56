//! Streams that outlive their shard, and the limits of that. What real shards make of it is tested where roles meet.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use journal::{Memory, Registry as _};
use router::{Cluster, Running, Upstreams};
use support::streams::Streams;
use support::{SOON, Socket, config, open, start, with_shard};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_shard_that_is_started_again_is_resumed_at() {
    let shard = Streams::start("shard").await;
    let router = start(config(with_shard(shard.address).await)).await;
    let mut client = enabled(&router).await;
    check_echoes(&mut client, "before").await;
    let address = shard.address;
    shard.die().await;
    say(&mut client, "meanwhile").await;
    let again = Streams::start_at("shard", address).await;
    // it has nothing, and is told everything; what the client has heard before it does not hear again
    check_hears(&mut client, "meanwhile").await;
    check_echoes(&mut client, "after").await;
    let said: Vec<String> =
        [again.said().await, again.said().await, again.said().await, again.said().await].into();
    assert!(said[0].starts_with("<open") && said[1].starts_with("<auth") && said[2].starts_with("<open"));
    assert_eq!(said[3], "<resume xmlns=\"urn:xmpp:sm:3\" h=\"0\" previd=\"T\" told=\"1\"/>");
}

#[tokio::test]
async fn a_shard_that_hangs_is_left_and_its_late_words_with_it() {
    let mut world = World::of(&["shard-1"]).await;
    let router = world.router(100).await;
    let mut client = enabled(&router).await;
    world.add("shard-2").await;
    let zombie = &world.shards[0];
    zombie.hang(true);
    say(&mut client, "asked").await;
    check_hears(&mut client, "asked").await;
    zombie.hang(false);
    for n in 0..20 {
        check_echoes(&mut client, &format!("{n}")).await;
    }
}

#[tokio::test]
async fn a_shard_that_is_too_busy_for_heartbeats_is_not_left() {
    let mut world = World::of(&["shard-1"]).await;
    let router = world.router(100).await;
    let mut client = enabled(&router).await;
    world.add("shard-2").await;
    let busy = &world.shards[0];
    busy.be_deaf();
    while busy.unanswered() < 4 {
        check_echoes(&mut client, "still at it").await;
        // at a pace at which little is unacknowledged in the end
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.shards[1].resuming_most(), 0);
    // but without a word it is
    check_resumed(&world.shards[1]).await;
}

#[tokio::test]
async fn a_shard_is_not_buried_under_resumes() {
    const CLIENTS: usize = 150;
    const AT_ONCE: usize = 64;
    let mut world = World::of(&["shard-1"]).await;
    let router = world.router(2 * CLIENTS).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(enabled(&router).await);
    }
    world.add("shard-2").await;
    world.shards[1].hold(true);
    world.shards.remove(0);
    let heir = &world.shards[0];
    let full = async {
        while heir.resuming() < AT_ONCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, full).await.unwrap();
    heir.hold(false);
    for (n, client) in clients.iter_mut().enumerate() {
        check_echoes(client, &format!("{n}")).await;
    }
    assert_eq!(heir.resuming_most(), AT_ONCE);
}

#[tokio::test]
async fn a_client_that_reads_nothing_costs_little_and_holds_up_nobody() {
    const FRAMES: usize = 1_000;
    let world = World::of(&["shard-1"]).await;
    let router = world.router(100).await;
    let mut client = enabled(&router).await;
    say(&mut client, &format!("flood {FRAMES}")).await;
    let shard = &world.shards[0];
    // until nothing more is taken: what is under way is in the buffers of two sockets
    let mut before = 0;
    let stalled = async {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            match shard.flooded() {
                now if now > 0 && now == before => return now,
                now => before = now,
            }
        }
    };
    let taken = timeout(SOON, stalled).await.unwrap();
    assert!(taken < FRAMES * 2 / 3, "{taken} frames of 64 KiB were taken");
    // the other direction is open
    say(&mut client, "still here").await;
    let heard = async { while !shard.said().await.contains("still here") {} };
    timeout(SOON, heard).await.unwrap();
    // and who reads again misses nothing
    for n in 0..FRAMES {
        let text = hear(&mut client).await;
        assert!(text.starts_with(&format!("<message xmlns='jabber:client' id='{n}'>")), "{}", &text[..60]);
    }
}

#[tokio::test]
async fn a_client_whose_shard_dies_before_it_can_resume_is_dropped() {
    let world = World::of(&["shard-1", "shard-2"]).await;
    let router = world.router(100).await;
    let mut client = logged_in(&router).await;
    say(&mut client, "die").await;
    let end = timeout(SOON, client.next()).await.unwrap();
    assert!(matches!(end, None | Some(Err(_))), "never a close frame: {end:?}");
}

struct World {
    engine: Memory,
    shards: Vec<Streams>,
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
        let shard = Streams::start(id).await;
        self.engine.announce(shard.node()).await.unwrap();
        self.shards.push(shard);
    }

    async fn router(&self, connections: usize) -> Running {
        let mut config = config(Upstreams::Cluster(Cluster {
            id: "router-1".to_owned(),
            registry: Arc::new(self.engine.clone()),
            places: Arc::new(self.engine.clone()),
            region: None,
            admin: None,
        }));
        config.limits.connections = connections;
        start(config).await
    }
}

async fn logged_in(router: &Running) -> Socket {
    let mut client = open(router, "/xmpp-websocket?room=standup").await.unwrap();
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>";
    for (text, answers) in [(open, 2), ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", 1), (open, 2)] {
        client.send(Message::text(text)).await.unwrap();
        for _ in 0..answers {
            hear(&mut client).await;
        }
    }
    client
}

async fn enabled(router: &Running) -> Socket {
    let mut client = logged_in(router).await;
    client.send(Message::text("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")).await.unwrap();
    assert!(hear(&mut client).await.starts_with("<enabled"));
    client
}

async fn say(client: &mut Socket, text: &str) {
    client.send(Message::text(stanza(text))).await.unwrap();
}

async fn check_echoes(client: &mut Socket, text: &str) {
    say(client, text).await;
    check_hears(client, text).await;
}

async fn check_hears(client: &mut Socket, text: &str) {
    assert_eq!(hear(client).await, stanza(text));
}

/// A stream comes to this shard.
async fn check_resumed(shard: &Streams) {
    let resumed = async { while !shard.said().await.starts_with("<resume") {} };
    timeout(SOON, resumed).await.unwrap();
}

async fn hear(client: &mut Socket) -> String {
    match timeout(SOON, client.next()).await.expect("something in time") {
        Some(Ok(Message::Text(text))) => text.to_string(),
        other => panic!("a frame was to come, not {other:?}"),
    }
}

fn stanza(text: &str) -> String {
    format!("<message xmlns='jabber:client'>{text}</message>")
}
