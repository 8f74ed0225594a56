//! Who is sent which encoding, and that nobody sees the seams.

use std::time::Duration;

use serde_json::json;
use sfu::Fact;
use xmpp::jingle::source::Semantics;

use crate::heard::Heard;
use crate::wire::World;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nothing_before_the_first_constraints_then_thumbnails() {
    let mut world = World::with(&["a", "b"]);
    world.run(SECOND);
    check_encodings(&world, "a", "b", &[]);
    world.client("b").say(json!({"colibriClass": "ReceiverVideoConstraints", "lastN": -1}));
    world.run(SECOND);
    check_encodings(&world, "a", "b", &[0]);
    check_encodings(&world, "b", "a", &[]);
    let told = world.clients["b"].told("ForwardedSources").expect("told");
    assert_eq!(told["forwardedSources"], json!(["a-v0"]));
}

#[test]
fn encodings_follow_the_constraints_without_a_seam() {
    let mut world = World::with(&["a", "b"]);
    for height in [180, 720, 360, 180, 2160] {
        world.want("b", "a-v0", height);
        world.run(SECOND);
    }
    check_encodings(&world, "a", "b", &[0, 2, 1, 0, 2]);
}

#[test]
fn a_pause_leaves_no_seam_either() {
    let mut world = World::with(&["a", "b"]);
    for height in [180, 0, 720] {
        world.want("b", "a-v0", height);
        world.run(SECOND);
    }
    check_encodings(&world, "a", "b", &[0, 2]);
}

#[test]
fn an_encoding_that_stops_is_replaced_by_a_lower_one() {
    let mut world = World::with(&["a", "b"]);
    world.want("b", "a-v0", 720);
    world.run(SECOND);
    world.client("a").camera.as_mut().expect("films").on = 1;
    world.run(4 * SECOND);
    check_encodings(&world, "a", "b", &[2, 0]);
}

#[test]
fn senders_are_told_the_greatest_height_that_anybody_wants() {
    let mut world = World::with(&["a", "b", "c"]);
    world.want("b", "a-v0", 360);
    world.want("c", "a-v0", 720);
    world.run(SECOND);
    check_constraint(&world, "a", 720);
    world.want("c", "a-v0", 0);
    world.run(SECOND);
    check_constraint(&world, "a", 360);
    world.expire("b");
    world.run(SECOND);
    check_constraint(&world, "a", 360);
    // nothing is told only where it lasts
    world.run(5 * SECOND);
    check_constraint(&world, "a", 0);
}

#[test]
fn the_stage_comes_before_last_n() {
    let mut world = World::with(&["a", "b", "c", "d"]);
    world.client("d").say(json!({
        "colibriClass": "ReceiverVideoConstraints", "lastN": 1, "onStageSources": ["c-v0"],
        "defaultConstraints": {"maxHeight": 180}, "constraints": {"c-v0": {"maxHeight": 720}},
    }));
    world.run(SECOND);
    check_encodings(&world, "a", "d", &[]);
    check_encodings(&world, "b", "d", &[]);
    check_encodings(&world, "c", "d", &[2]);
}

#[test]
fn a_muted_or_switched_off_camera_is_not_forwarded() {
    let mut world = World::with(&["a", "b"]);
    world.want("b", "a-v0", 180);
    world.run(SECOND);
    world.mute("a", false, true);
    check_silence(&mut world);
    world.mute("a", false, false);
    world.client("a").say(json!(
        {"colibriClass": "SourceVideoTypeMessage", "sourceName": "a-v0", "videoType": "none"}
    ));
    world.run(SECOND);
    check_silence(&mut world);
    world.client("a").say(json!(
        {"colibriClass": "SourceVideoTypeMessage", "sourceName": "a-v0", "videoType": "camera"}
    ));
    world.run(SECOND);
    assert!(!world.clients["b"].heard.is_empty());
}

#[test]
fn key_frames_are_asked_for_at_most_three_times_in_ten_seconds_by_one_receiver() {
    let mut world = World::with(&["a", "b"]);
    world.want("b", "a-v0", 180);
    world.run(SECOND);
    let ssrc = world.clients["a"].camera.as_ref().expect("films").ssrcs[0].0;
    world.client("a").keyframes_asked.clear();
    for _ in 0..80 {
        world.client("b").ask_keyframe(ssrc);
        world.run(SECOND / 10);
    }
    let asked = &world.clients["a"].keyframes_asked;
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= SECOND / 5));
}

#[test]
fn a_sender_deaf_to_key_frame_requests_is_asked_about_once_a_second() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").camera.as_mut().expect("films").obeys = false;
    world.run(SECOND);
    let before = world.count(Fact::KeyframeAsked);
    world.want("b", "a-v0", 180);
    world.run(10 * SECOND);
    let asked = world.count(Fact::KeyframeAsked) - before;
    assert!((8..=11).contains(&asked), "asked {asked} times");
    check_encodings(&world, "a", "b", &[]);
}

#[test]
fn what_is_lost_on_the_way_in_is_repaired() {
    let mut world = World::with(&["a", "b"]);
    world.want("b", "a-v0", 180);
    world.run(SECOND);
    for _ in 0..10 {
        world.client("a").lose = 2;
        world.run(SECOND / 4);
    }
    world.run(SECOND);
    check_encodings(&world, "a", "b", &[0]);
}

#[test]
fn what_is_lost_on_the_way_out_is_repaired() {
    let mut world = World::with(&["a", "b"]);
    world.want("b", "a-v0", 720);
    world.run(SECOND);
    for _ in 0..10 {
        world.client("b").miss = 2;
        world.run(SECOND / 4);
    }
    world.run(SECOND);
    assert_eq!(world.clients["b"].miss, 0);
    check_encodings(&world, "a", "b", &[2]);
}

#[test]
fn spatial_layers_follow_the_constraints() {
    let mut world = World::with(&["a", "b"]);
    let now = world.now;
    world.client("a").film(now, 1);
    world.client("a").camera.as_mut().expect("films").layered = true;
    let sources = world.clients["a"].sources();
    world.announce("a", sources);
    for (height, highest) in [(180, 0), (720, 2), (360, 1), (180, 0), (-1, 2)] {
        world.want("b", "a-v0", height);
        world.run(2 * SECOND);
        check_layers(&mut world, highest);
    }
}

#[test]
fn a_source_taken_away_and_signalled_again_goes_on() {
    let mut world = World::with(&["a", "b"]);
    world.want("b", "a-v0", 180);
    world.run(SECOND);
    let sources = world.clients["a"].sources();
    world.announce("a", sources[..1].to_vec());
    world.run(SECOND);
    world.announce("a", sources);
    world.run(SECOND);
    check_encodings(&world, "a", "b", &[0]);
    let told = world.clients["b"].told("ForwardedSources").expect("told");
    assert_eq!(told["forwardedSources"], json!(["a-v0"]));
}

#[test]
fn a_source_that_changes_its_encodings_is_sent_with_the_new_ones() {
    let mut world = World::with(&["a", "b"]);
    let whole = world.clients["a"].sources();
    let mut lowest = whole.clone();
    lowest[1].groups.retain(|group| group.semantics == Semantics::Fid);
    lowest[1].groups.truncate(1);
    lowest[1].ssrcs = lowest[1].groups[0].ssrcs.clone();
    world.announce("a", lowest);
    world.want("b", "a-v0", 720);
    world.run(2 * SECOND);
    check_encodings(&world, "a", "b", &[0]);
    world.announce("a", whole);
    world.run(2 * SECOND);
    check_encodings(&world, "a", "b", &[0, 2]);
}

#[test]
fn a_receiver_that_looked_at_many_sees_the_first_again() {
    let ids: Vec<String> = (0..14).map(|n| format!("e{n}")).collect();
    let mut world = World::with(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let look = |world: &mut World, id: &str| {
        let constraints = json!({ format!("{id}-v0"): {"maxHeight": 180} });
        let none = json!({"maxHeight": 0});
        world.client("e0").say(json!({"colibriClass": "ReceiverVideoConstraints",
            "defaultConstraints": none, "constraints": constraints}));
        world.run(SECOND);
    };
    ids[1..].iter().for_each(|id| look(&mut world, id));
    world.run(32 * SECOND);
    for id in &ids[1..] {
        let source = vec![world.clients[id].sources().remove(0)];
        world.announce(id, source);
        world.run(SECOND / 4);
    }
    for id in &ids[1..] {
        let sources = world.clients[id].sources();
        world.announce(id, sources);
        world.run(SECOND / 4);
    }
    world.client("e0").heard.clear();
    for id in &ids[1..] {
        look(&mut world, id);
        check_encodings(&world, id, "e0", &[0]);
        // had the numbers begun anew, most would have been taken for replayed ones
        assert!(world.clients["e0"].heard.len() > 50, "{id}: {}", world.clients["e0"].heard.len());
        world.client("e0").heard.clear();
    }
}

#[test]
fn a_stream_that_was_removed_comes_back_without_repair() {
    let ids: Vec<String> = (0..12).map(|n| format!("e{n}")).collect();
    let mut world = World::with(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let look = |world: &mut World, last_n: i32| {
        let message = json!({"colibriClass": "ReceiverVideoConstraints", "lastN": last_n,
            "selectedSources": ["e1-v0"]});
        world.client("e0").say(message);
        world.run(SECOND);
    };
    look(&mut world, 1);
    let (_, rtx) = world.clients["e1"].camera.as_ref().expect("films").ssrcs[0];
    let lose_some = |world: &mut World| {
        for _ in 0..8 {
            world.client("e0").miss = 5;
            world.run(SECOND / 4);
        }
    };
    lose_some(&mut world);
    let repaired = world.sent("e0", rtx);
    assert!(repaired > 0);
    look(&mut world, -1);
    look(&mut world, 1);
    for id in &ids[1..] {
        let source = vec![world.clients[id].sources().remove(0)];
        world.announce(id, source);
    }
    world.run(SECOND / 4);
    let sources = world.clients["e1"].sources();
    world.announce("e1", sources);
    world.client("e0").heard.clear();
    world.run(SECOND);
    lose_some(&mut world);
    assert!(!world.clients["e0"].heard.is_empty());
    assert_eq!(world.sent("e0", rtx), repaired);
}

#[test]
fn the_same_sources_again_change_nothing() {
    let mut world = World::with(&["a", "b"]);
    world.want("b", "a-v0", 720);
    world.run(SECOND);
    let before = world.count(Fact::KeyframeAsked);
    let sources = world.clients["a"].sources();
    world.announce("a", sources);
    world.run(SECOND);
    assert_eq!(world.count(Fact::KeyframeAsked), before);
    check_encodings(&world, "a", "b", &[2]);
}

/// That `receiver` was sent these encodings of `sender`, one after the other (a lower one may come in between while
/// the wanted one's key frame is awaited), as one stream without a seam.
#[track_caller]
fn check_encodings(world: &World, sender: &str, receiver: &str, expected: &[u8]) {
    let ssrc = world.clients[sender].camera.as_ref().expect("films").ssrcs[0].0;
    let stream = world.clients[receiver].stream(ssrc);
    check_seamless(&stream);
    let mut used: Vec<u8> = stream.iter().map(|h| h.encoding()).collect();
    used.dedup();
    let mut wanted = expected.iter();
    let mut next = wanted.next();
    for encoding in &used {
        if Some(encoding) == next {
            next = wanted.next();
        }
    }
    assert!(next.is_none(), "{used:?} instead of {expected:?}");
    assert_eq!(used.last(), expected.last());
    assert!(used.len() <= expected.len() + 2, "{used:?} instead of {expected:?}");
}

/// That the pictures that b is sent of a from now on go up to this spatial layer, and end with a marker.
#[track_caller]
fn check_layers(world: &mut World, highest: u8) {
    world.client("b").heard.clear();
    world.run(SECOND);
    let ssrc = world.clients["a"].camera.as_ref().expect("films").ssrcs[0].0;
    let stream = world.clients["b"].stream(ssrc);
    assert!(stream.len() > 20);
    for pair in stream.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq + 1, "no hole");
        assert_eq!(pair[0].marker, pair[0].timestamp != pair[1].timestamp);
    }
    assert!(stream.iter().all(|h| h.marker == (h.encoding() == highest) && h.encoding() <= highest));
}

#[track_caller]
fn check_seamless(stream: &[&Heard]) {
    for pair in stream.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        assert_eq!(b.seq, a.seq + 1, "no hole");
        let pictures = b.picture().wrapping_sub(a.picture()) & 0x7fff;
        let levels = b.level_zero().wrapping_sub(a.level_zero());
        assert!(pictures <= 1, "picture {} after {}", b.picture(), a.picture());
        assert_eq!(u16::from(levels), pictures);
        let step = b.timestamp.wrapping_sub(a.timestamp);
        assert_eq!(step == 0, pictures == 0, "one picture, one timestamp");
        assert!(step < 90_000 * 3, "a step of {step}");
    }
}

#[track_caller]
fn check_constraint(world: &World, sender: &str, max_height: i32) {
    let told = world.clients[sender].told("SenderSourceConstraints").expect("told");
    assert_eq!(
        (&told["sourceName"], &told["maxHeight"]),
        (&json!(format!("{sender}-v0")), &json!(max_height))
    );
}

#[track_caller]
fn check_silence(world: &mut World) {
    world.run(SECOND / 10);
    world.client("b").heard.clear();
    world.run(SECOND);
    assert!(world.clients["b"].heard.is_empty());
}
