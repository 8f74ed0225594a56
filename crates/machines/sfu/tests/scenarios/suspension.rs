//! Two who talk to each other directly for a while, and come back when a third one joins.
//!
//! COMPAT: browser clients suspend what they send to the bridge meanwhile, and ask it for nothing; the SSRCs stay, and
//! timestamps and sequence numbers go on.

use std::time::Duration;

use serde_json::json;

use crate::wire::World;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn who_comes_back_to_the_bridge_is_seen_by_all() {
    check(20 * SECOND, Manner::Whole, true);
}

#[test]
fn who_comes_back_after_long_is_seen_by_all() {
    check(90 * SECOND, Manner::Whole, true);
}

#[test]
fn who_comes_back_with_one_encoding_first_is_seen_by_all() {
    check(20 * SECOND, Manner::LowestFirst, true);
}

#[test]
fn who_comes_back_without_a_key_frame_of_his_own_is_asked_for_one() {
    check(20 * SECOND, Manner::Waiting, true);
}

#[test]
fn two_who_come_back_alone_see_each_other() {
    check(20 * SECOND, Manner::Whole, false);
}

#[test]
fn who_stops_though_wanted_is_seen_again() {
    for manner in [Manner::Whole, Manner::LowestFirst, Manner::Early] {
        check_wanted_all_the_time(manner, 20 * SECOND);
        check_wanted_all_the_time(manner, 90 * SECOND);
    }
}

#[test]
fn who_begins_before_anybody_asks_is_seen_by_all() {
    check(20 * SECOND, Manner::Early, true);
}

#[test]
fn asking_in_vain_does_not_delay_the_key_frame_of_who_comes_back() {
    let mut world = World::with(&["a", "b"]);
    ask(&mut world, &["a", "b"]);
    world.run(3 * SECOND);
    let ssrc = world.clients["a"].camera.as_ref().expect("films").ssrcs[0].0;
    world.client("a").camera.as_mut().expect("films").on = 0;
    world.run(2 * SECOND);
    for _ in 0..26 {
        world.client("b").ask_keyframe(ssrc);
        world.run(SECOND / 2);
    }
    resume(&mut world, "a", Manner::Waiting);
    world.run(SECOND / 2);
    world.client("b").heard.clear();
    world.client("b").ask_keyframe(ssrc);
    world.run(SECOND / 2);
    assert!(world.clients["b"].stream(ssrc).iter().any(|h| h.is_key()));
}

/// How a client takes up sending.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// all encodings at once, with key frames
    Whole,
    /// the lowest encoding alone, as a browser that does not know the bandwidth yet
    LowestFirst,
    /// all encodings, key frames only when asked
    Waiting,
    /// the same, before the bridge says that anybody wants it
    Early,
}

#[track_caller]
fn check(pause: Duration, manner: Manner, third: bool) {
    let mut world = World::with(&["a", "b"]);
    ask(&mut world, &["a", "b"]);
    world.run(3 * SECOND);
    check_all_see_all(&mut world, &["a", "b"], SECOND, "before");
    for id in ["a", "b"] {
        world.client(id).say(json!({"colibriClass": "ReceiverVideoConstraints", "lastN": 0,
            "defaultConstraints": {"maxHeight": 0}, "constraints": {}}));
        world.client(id).camera.as_mut().expect("films").on = 0;
        world.client(id).talks = None;
    }
    world.run(pause);
    for id in ["a", "b"] {
        assert_eq!(wanted(&world, id), Some(0), "{id} is told that nobody wants it");
    }
    let ids: &[&str] = if third { &["a", "b", "c"] } else { &["a", "b"] };
    if third {
        world.join("c");
        world.until("c is connected", |w| w.clients["c"].connected && w.clients["c"].has_channel());
    }
    if manner == Manner::Early {
        ["a", "b"].iter().for_each(|id| resume(&mut world, id, manner));
        world.run(SECOND / 2);
    }
    ask(&mut world, ids);
    world.clients.values_mut().for_each(|c| c.heard.clear());
    for _ in 0..100 {
        world.run(SECOND / 50);
        for id in ["a", "b"] {
            let off = world.clients[id].camera.as_ref().expect("films").on == 0;
            if off && wanted(&world, id).is_some_and(|height| height != 0) {
                resume(&mut world, id, manner);
            }
        }
    }
    check_decodable(&world, ids);
    check_all_see_all(&mut world, ids, SECOND, "after");
}

/// That everybody has been sent pictures of everybody else since the last time that was cleared, from a key frame on
/// and without a hole.
#[track_caller]
fn check_decodable(world: &World, ids: &[&str]) {
    for receiver in ids {
        for sender in ids.iter().filter(|sender| *sender != receiver) {
            let ssrc = world.clients[*sender].camera.as_ref().expect("films").ssrcs[0].0;
            let stream = world.clients[*receiver].stream(ssrc);
            let first = stream.first().expect("something within two seconds");
            assert!(first.is_key(), "{receiver} sees {sender} from a key frame on");
            assert!(stream.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1), "without a hole");
        }
    }
}

/// The same where nobody takes back what he asked for: clients that only stop sending.
#[track_caller]
fn check_wanted_all_the_time(manner: Manner, pause: Duration) {
    let mut world = World::with(&["a", "b"]);
    ask(&mut world, &["a", "b"]);
    world.run(3 * SECOND);
    for id in ["a", "b"] {
        world.client(id).camera.as_mut().expect("films").on = 0;
    }
    world.run(pause);
    world.join("c");
    world.until("c is connected", |w| w.clients["c"].connected && w.clients["c"].has_channel());
    ask(&mut world, &["a", "b", "c"]);
    ["a", "b"].iter().for_each(|id| resume(&mut world, id, manner));
    world.run(2 * SECOND);
    check_all_see_all(&mut world, &["a", "b", "c"], SECOND, "after");
}

/// Everybody wants the first other one large, and the rest small.
fn ask(world: &mut World, ids: &[&str]) {
    for id in ids {
        let stage = ids.iter().find(|other| *other != id).expect("not alone");
        world.client(id).say(json!({"colibriClass": "ReceiverVideoConstraints", "lastN": -1,
            "defaultConstraints": {"maxHeight": 180},
            "constraints": { format!("{stage}-v0"): {"maxHeight": 720} }}));
    }
}

fn resume(world: &mut World, id: &str, manner: Manner) {
    let camera = world.client(id).camera.as_mut().expect("films");
    camera.on = if manner == Manner::LowestFirst { 1 } else { 3 };
    camera.starve(manner == Manner::Waiting || manner == Manner::Early);
}

/// The last height that this sender was told of.
fn wanted(world: &World, id: &str) -> Option<i64> {
    world.clients[id].told("SenderSourceConstraints")?["maxHeight"].as_i64()
}

/// That within this time every one of them is sent at least half the pictures of every other.
#[track_caller]
fn check_all_see_all(world: &mut World, ids: &[&str], within: Duration, when: &str) {
    let from = ids.iter().map(|id| (*id, world.clients[*id].heard.len())).collect::<Vec<_>>();
    world.run(within);
    for (receiver, heard) in from {
        for sender in ids.iter().filter(|sender| **sender != receiver) {
            let ssrc = world.clients[*sender].camera.as_ref().expect("films").ssrcs[0].0;
            let seen = world.clients[receiver].heard[heard..].iter().filter(|h| h.ssrc == ssrc);
            let seen = seen.count();
            assert!(
                seen as u128 >= within.as_millis() / 40 * 3 / 2,
                "{when}: {receiver} sees {seen} packets of {sender}"
            );
        }
    }
}
