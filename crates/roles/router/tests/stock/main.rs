//! A router in front of stock shards: real Prosodies, a real engine, a name server, and web servers that misbehave.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod dns;
mod fronts;
mod guest;
mod kept;
mod prosody;
#[path = "../support/mod.rs"]
mod support;
mod web;

use std::sync::Arc;
use std::time::Duration;

use journal::Places as _;
use journal::testing::NatsServer;
use router::{Running, StockState};
use tokio::time::timeout;

use fronts::{alone, engine, settings, shard_of, shared};
use guest::Guest;
use prosody::Prosody;
use support::{SOON, get};

#[tokio::test]
async fn guests_of_two_routers_meet_and_meet_again_when_their_shard_is_killed() {
    let server = NatsServer::alone(&[]).await;
    let mut shards = [Prosody::start("a").await, Prosody::start("b").await, Prosody::start("c").await];
    let settings = settings(shards.iter().map(|shard| shard.as_shard(false)).collect());
    let engine = engine(&server).await;
    let one = shared("router-1", settings.clone(), Arc::clone(&engine)).await;
    let two = shared("router-2", settings, engine).await;

    let mut ada = Guest::enter(&one, "standup", "ada").await;
    let mut bob = Guest::enter(&two, "Standup", "bob").await;
    ada.sees("bob").await;
    bob.sees("ada").await;
    let dead = room(&one, "standup");
    assert_eq!(room(&two, "standup"), dead);

    shards.iter_mut().find(|shard| shard.id == dead).unwrap().kill();
    ada.loses_its_socket().await;
    bob.loses_its_socket().await;
    let (mut ada, mut bob) =
        tokio::join!(Guest::enter(&one, "standup", "ada"), Guest::enter(&two, "standup", "bob"));
    ada.sees("bob").await;
    bob.sees("ada").await;
    assert_ne!(room(&one, "standup"), dead);
    assert_eq!(room(&one, "standup"), room(&two, "standup"));
}

#[tokio::test]
async fn a_drained_shard_keeps_its_room_on_every_router_and_is_used_again() {
    let server = NatsServer::alone(&[]).await;
    let shards = [Prosody::start("a").await, Prosody::start("b").await];
    let settings = settings(shards.iter().map(|shard| shard.as_shard(false)).collect());
    let engine = engine(&server).await;
    let one = shared("router-1", settings.clone(), Arc::clone(&engine)).await;
    let two = shared("router-2", settings.clone(), Arc::clone(&engine)).await;
    let mut ada = Guest::enter(&one, "standup", "ada").await;
    let drained = room(&one, "standup");

    assert!(one.stock().unwrap().drain(&drained).await.unwrap());
    assert!(!one.stock().unwrap().drain("nobody").await.unwrap());
    until("the other router knows", || state(&two, &drained) == StockState::Draining).await;
    let three = shared("router-3", settings, engine).await;
    for router in [&one, &two, &three] {
        until("one that starts later, too", || state(router, &drained) == StockState::Draining).await;
        for n in 0..8 {
            assert_ne!(shard_of(router, &format!("new-{n}")).await, drained);
        }
    }
    let mut bob = Guest::enter(&two, "standup", "bob").await;
    bob.sees("ada").await;
    ada.sees("bob").await;

    assert!(two.stock().unwrap().undrain(&drained).await.unwrap());
    until("it is used again", || state(&one, &drained) == StockState::Ready).await;
}

#[tokio::test]
async fn without_an_engine_the_hash_lets_routers_agree_and_a_backup_waits_for_its_turn() {
    let mut shards = [Prosody::start("a").await, Prosody::start("b").await, Prosody::start("z").await];
    let all = [shards[0].as_shard(false), shards[1].as_shard(false), shards[2].as_shard(true)];
    let routers = [alone(settings(all.to_vec())).await, alone(settings(all.to_vec())).await];
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..12 {
        let name = format!("room-{n}");
        let shard = shard_of(&routers[0], &name).await;
        assert_eq!(shard_of(&routers[1], &name).await, shard);
        seen.insert(shard);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["a", "b"]);

    let ada = Guest::enter(&routers[0], "standup", "ada").await;
    shards[0].kill();
    shards[1].kill();
    let mut ada_again = if room(&routers[0], "standup") == "z" {
        ada
    } else {
        ada.loses_its_socket().await;
        Guest::enter(&routers[0], "standup", "ada").await
    };
    assert_eq!(room(&routers[0], "standup"), "z");
    shards[0].revive().await;
    until("the primary is back", || state(&routers[0], "a") == StockState::Ready).await;
    let mut bob = Guest::enter(&routers[0], "standup", "bob").await;
    bob.sees("ada").await;
    ada_again.sees("bob").await;
    assert_eq!(room(&routers[0], "standup"), "z", "rooms do not flap back");
    assert_eq!(shard_of(&routers[0], "new").await, "a");
}

#[tokio::test]
async fn while_the_engine_is_away_routers_go_on_and_later_agree() {
    let mut server = NatsServer::alone(&[]).await;
    let shards = [Prosody::start("a").await, Prosody::start("b").await];
    let settings = settings(shards.iter().map(|shard| shard.as_shard(false)).collect());
    let engine = engine(&server).await;
    let one = shared("router-1", settings.clone(), Arc::clone(&engine)).await;
    let two = shared("router-2", settings, Arc::clone(&engine)).await;
    let before = shard_of(&one, "standup").await;
    server.kill();
    assert_eq!(shard_of(&one, "standup").await, before);
    for n in 0..6 {
        let name = format!("room-{n}");
        assert_eq!(shard_of(&one, &name).await, shard_of(&two, &name).await);
    }
    server.start().await;
    until("what was decided is written", || {
        ["a", "b"].iter().map(|id| engine.known_of(id).len()).sum::<usize>() == 7
    })
    .await;
    assert_eq!(shard_of(&two, "standup").await, before);
}

#[tokio::test]
async fn bosh_passes_and_what_nobody_can_answer_is_refused_in_time() {
    let mut shard = Prosody::start("a").await;
    let router = alone(settings(vec![shard.as_shard(false)])).await;
    let open = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='meet.internal' wait='60' hold='1' \
                content='text/xml' ver='1.6' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>";
    let answer = support::request(&router, "POST", "/http-bind?room=standup", "", open).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("sid=") && answer.body.contains("ANONYMOUS"), "{answer:?}");
    assert_eq!(answer.header("x-jitsi-shard"), Some("a"));
    assert_eq!(get(&router, "/http-bind?room=%FF").await.status, 400);

    shard.kill();
    until("it is seen", || state(&router, "a") == StockState::Down).await;
    let answer = get(&router, "/http-bind?room=standup").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
}

/// The shard of a room, as the router's table has it.
fn room(router: &Running, name: &str) -> String {
    let rooms = router.stock().unwrap().rooms();
    rooms.into_iter().find(|(room, ..)| room == name).unwrap_or_else(|| panic!("no {name}")).1
}

fn state(router: &Running, id: &str) -> StockState {
    let shards = router.stock().unwrap().shards();
    shards.into_iter().find(|shard| shard.id == id).map_or(StockState::Down, |shard| shard.state)
}

/// Nobody tells an outsider what a router has come to know.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, waited).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}
