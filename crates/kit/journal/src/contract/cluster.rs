//! Places and nodes.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::contract;
use crate::{Change, Error, Node, Place, Places, Registry, Role};

contract!([memory, nats]: [
    a_place_is_given_once, one_of_two_wins_each_place, a_place_moves_from_what_was_seen, a_vacated_place_can_be_given,
    only_the_present_place_is_vacated, what_happens_is_heard, places_of_a_shard_come_in_order,
    a_node_is_known_until_it_leaves,
]);

async fn a_place_is_given_once(engine: impl Places) {
    let revision = engine.place("[guild]room", "shard-1", 0).await.unwrap();
    let place = Some(Place { shard: "shard-1".to_owned(), revision });
    assert_eq!(engine.placed("[guild]room").await.unwrap(), place);
    for expected in [0, revision + 1] {
        let error = engine.place("[guild]room", "shard-2", expected).await.unwrap_err();
        assert_eq!(error, Error::Placed { meeting: "[guild]room".to_owned(), place: place.clone() });
    }
    assert_eq!(engine.placed("room").await.unwrap(), None);
}

async fn one_of_two_wins_each_place(engine: impl Places) {
    let engine = Arc::new(engine);
    let routers = ["shard-1", "shard-2"].map(|shard| {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            let mut won = Vec::new();
            for number in 0..50 {
                let room = format!("room{number}");
                if engine.place(&room, shard, 0).await.is_ok() {
                    won.push(room);
                }
            }
            (shard, won)
        })
    });
    let mut all = 0;
    for router in routers {
        let (shard, won) = router.await.unwrap();
        all += won.len();
        for room in won {
            assert_eq!(engine.placed(&room).await.unwrap().unwrap().shard, shard);
        }
    }
    assert_eq!(all, 50);
}

async fn a_place_moves_from_what_was_seen(engine: impl Places) {
    let first = engine.place("room", "shard-1", 0).await.unwrap();
    let second = engine.place("room", "shard-2", first).await.unwrap();
    assert!(second > first);
    engine.place("room", "shard-3", first).await.unwrap_err();
    check(&engine, "room", Some(("shard-2", second))).await;
}

async fn a_vacated_place_can_be_given(engine: impl Places) {
    let first = engine.place("room", "shard-1", 0).await.unwrap();
    engine.vacate("room", first).await.unwrap();
    check(&engine, "room", None).await;
    engine.place("room", "shard-1", first).await.unwrap_err();
    let second = engine.place("room", "shard-2", 0).await.unwrap();
    assert!(second > first, "a revision never comes again");
    check(&engine, "room", Some(("shard-2", second))).await;
}

async fn only_the_present_place_is_vacated(engine: impl Places) {
    engine.vacate("nobody", 7).await.unwrap();
    let first = engine.place("room", "shard-1", 0).await.unwrap();
    let second = engine.place("room", "shard-2", first).await.unwrap();
    engine.vacate("room", first).await.unwrap();
    check(&engine, "room", Some(("shard-2", second))).await;
}

async fn what_happens_is_heard(engine: impl Places) {
    let mut changes = engine.changes();
    let first = engine.place("room", "shard-1", 0).await.unwrap();
    let second = engine.place("room", "shard-2", first).await.unwrap();
    engine.vacate("room", second).await.unwrap();
    heard(&mut changes, Some(("shard-1", first))).await;
    heard(&mut changes, Some(("shard-2", second))).await;
    heard(&mut changes, None).await;
}

async fn places_of_a_shard_come_in_order(engine: impl Places) {
    for (room, shard) in [("c", "shard-1"), ("a", "shard-1"), ("b", "shard-2")] {
        engine.place(room, shard, 0).await.unwrap();
    }
    let rooms: Vec<_> = engine.known_of("shard-1").into_iter().map(|(room, _)| room).collect();
    assert_eq!(rooms, ["a", "c"]);
}

async fn a_node_is_known_until_it_leaves(engine: impl Registry) {
    let mut nodes = engine.nodes();
    for (id, load) in [("shard-1", 0.1), ("bridge-1", 0.0), ("shard-1", 0.5)] {
        engine.announce(node(id, load)).await.unwrap();
    }
    let known = nodes.wait_for(|nodes| nodes.get("shard-1") == Some(&node("shard-1", 0.5))).await.unwrap();
    assert_eq!(known.keys().collect::<Vec<_>>(), ["bridge-1", "shard-1"]);
    drop(known);
    engine.withdraw("bridge-1").await.unwrap();
    nodes.wait_for(|nodes| nodes.len() == 1).await.unwrap();
}

fn node(id: &str, load: f64) -> Node {
    Node { load, ..crate::testing::node(id, Role::Shard) }
}

/// What the engine has, and what this process knows.
async fn check(engine: &impl Places, meeting: &str, expected: Option<(&str, u64)>) {
    let expected = expected.map(|(shard, revision)| Place { shard: shard.to_owned(), revision });
    assert_eq!(engine.placed(meeting).await.unwrap(), expected);
    assert_eq!(engine.known(meeting), expected);
}

async fn heard(changes: &mut broadcast::Receiver<Change>, expected: Option<(&str, u64)>) {
    let place = expected.map(|(shard, revision)| Place { shard: shard.to_owned(), revision });
    assert_eq!(changes.recv().await.unwrap(), Change { meeting: "room".to_owned(), place });
}
