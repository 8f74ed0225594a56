//! Everybody hears everybody.

use std::time::Duration;

use serde_json::json;
use sfu::Fact;

use crate::wire::World;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn three_hear_each_other_with_levels_and_whole_sequences() {
    let mut world = World::with(&["a", "b", "c"]);
    world.clients.values_mut().for_each(|c| c.talks = Some(-30));
    world.run(3 * SECOND);
    for sender in ["a", "b", "c"] {
        for receiver in ["a", "b", "c"] {
            check_heard(&mut world, sender, receiver, if sender == receiver { 0 } else { 140 });
        }
    }
    assert_eq!(world.count(Fact::IceUp), 3);
    assert_eq!(world.count(Fact::DtlsUp), 3);
}

#[test]
fn a_late_one_hears_streams_whose_rollover_counter_moved_on() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").talks = Some(-30);
    world.run(2 * SECOND);
    world.join("c");
    world.until("c is connected", |w| w.clients["c"].connected);
    world.run(2 * SECOND);
    check_heard(&mut world, "a", "c", 90);
}

#[test]
fn a_muted_one_is_not_heard_until_unmuted() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").talks = Some(-30);
    world.run(SECOND);
    world.mute("a", true, false);
    world.run(SECOND / 10);
    world.client("b").heard.clear();
    world.run(SECOND);
    check_heard(&mut world, "a", "b", 0);
    world.mute("a", false, false);
    world.run(SECOND);
    check_heard(&mut world, "a", "b", 45);
}

#[test]
fn who_did_not_want_to_hear_for_long_hears_again() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").talks = Some(-30);
    world.run(SECOND);
    let hear = |world: &mut World, all: bool| {
        let (include, exclude): ([&str; 0], [&str; 0]) = ([], []);
        world.client("b").say(json!({"colibriClass": "ReceiverAudioSubscription", "all": all,
            "include": include, "exclude": exclude}));
        world.run(SECOND);
    };
    hear(&mut world, false);
    // eleven minutes and more, in steps that the bridge can follow
    for _ in 0..4 {
        world.client("a").skip_audio(10_000);
        world.run(SECOND);
    }
    world.client("b").heard.clear();
    hear(&mut world, true);
    check_steady(&world, "a", "b", 45);
}

#[test]
fn a_lost_packet_of_a_sender_is_a_hole_and_nothing_else() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").camera = None;
    world.client("a").talks = Some(-30);
    world.run(SECOND);
    world.client("a").lose = 1;
    world.run(SECOND);
    let ssrc = world.clients["a"].audio_ssrc();
    let stream = world.clients["b"].stream(ssrc);
    let span = stream[stream.len() - 1].seq - stream[0].seq + 1;
    assert_eq!(span, stream.len() as u64 + 1);
}

#[test]
fn who_leaves_is_gone_and_may_come_back() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").talks = Some(-30);
    world.run(SECOND);
    world.expire("a");
    world.clients.remove("a");
    assert_eq!(world.sfu.stats().endpoints, 1);
    world.join("a");
    world.until("a is back", |w| w.clients["a"].connected);
    world.client("b").heard.clear();
    world.client("a").talks = Some(-30);
    world.run(SECOND);
    check_heard(&mut world, "a", "b", 40);
    assert_eq!(world.count(Fact::EndpointExpired), 1);
}

#[test]
fn a_client_that_vanishes_is_announced_inactive_and_expires() {
    let mut world = World::with(&["a", "b"]);
    world.clients.remove("a");
    world.run(10 * SECOND);
    let told = world.clients["b"].told("EndpointConnectivityStatusChangeEvent").expect("told");
    assert_eq!((told["endpoint"].as_str(), told["active"].as_str()), (Some("a"), Some("false")));
    assert_eq!(world.sfu.stats().endpoints, 2);
    world.run(55 * SECOND);
    assert_eq!(world.sfu.stats().endpoints, 1);
}

/// The same from any time on, levels and timestamps apart.
#[track_caller]
fn check_steady(world: &World, sender: &str, receiver: &str, least: usize) {
    let stream = world.clients[receiver].stream(world.clients[sender].audio_ssrc());
    assert!(stream.len() >= least, "{receiver} heard only {} packets of {sender}", stream.len());
    assert!(stream.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
}

/// That `receiver` heard at least so many packets of `sender` (none at all for 0), without a hole, with levels.
#[track_caller]
fn check_heard(world: &mut World, sender: &str, receiver: &str, least: usize) {
    let ssrc = world.clients[sender].audio_ssrc();
    let stream = world.clients[receiver].stream(ssrc);
    if least == 0 {
        assert!(stream.is_empty(), "{receiver} heard {} packets of {sender}", stream.len());
        return;
    }
    assert!(stream.len() >= least, "{receiver} heard only {} packets of {sender}", stream.len());
    for pair in stream.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq + 1);
        assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), 960);
    }
    assert!(stream.iter().all(|h| h.level == Some(-30)));
}
