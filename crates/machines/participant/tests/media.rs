//! Participants with media in a whole deployment: the real meeting and real bridges, in virtual time.

mod support;

use std::sync::Arc;
use std::time::Duration;

use participant::media::{self, Camera, Codec, Record, Stream};
use participant::{Fact, Settings};
use support::World;
use support::bridges::LATENCY;
use xmpp::jingle::rtp::Kind;

/// So many participants after so many seconds, with two bridges of which the first is used.
fn meeting(count: u32, seconds: f64, alter: impl Fn(u32, &mut media::Settings)) -> World {
    let mut world = World::new();
    world.bridges.open("bridge-1");
    world.bridges.open("bridge-2");
    let common = world.bridges.settings();
    for number in 0..count {
        let mut own = common.clone();
        alter(number, &mut own);
        world.join(number, &Settings { media: Some(Arc::new(own)), ..support::settings() });
    }
    world.run(seconds);
    world
}

fn records(world: &mut World, count: u32) -> Vec<Record> {
    let now = world.now;
    (0..count).map(|number| world.bridges.record(now, number)).collect()
}

fn streams(records: &[Record]) -> impl Iterator<Item = &Stream> {
    records.iter().flat_map(|record| &record.streams)
}

#[test]
fn everybody_receives_everybody_whole() {
    let mut world = meeting(3, 6.0, |_, _| {});
    let records = records(&mut world, 3);
    for record in &records {
        assert_eq!((record.sessions, record.failures, record.connects.len()), (1, 0, 1));
        assert_eq!(record.streams.len(), 4, "{:?}", record.streams);
    }
    for stream in streams(&records) {
        assert_eq!((stream.lost, stream.late, stream.doubled, stream.foreign), (0, 0, 0, 0), "{stream:?}");
        assert!(stream.wait().unwrap() < Duration::from_secs(2), "{stream:?}");
        assert!(stream.longest.length() < Duration::from_millis(60), "{stream:?}");
        assert!(stream.received.packets > 100, "{stream:?}");
    }
    let pictures: Vec<&Stream> = streams(&records).filter(|stream| stream.kind == Kind::Video).collect();
    assert_eq!(pictures.len(), 6);
    assert!(pictures.iter().all(|stream| stream.heights.keys().eq(&[360]) && stream.key_frames > 0));
}

#[test]
fn a_packet_takes_as_long_as_the_wire() {
    let mut world = meeting(2, 3.0, |_, _| {});
    assert!(world.bridges.delays.len() > 200);
    let delays = world.bridges.delays.drain(..).map(|delay| delay.time);
    assert!(
        delays
            .into_iter()
            .all(|delay| delay >= 2 * LATENCY && delay < 2 * LATENCY + Duration::from_millis(2))
    );
}

#[test]
fn a_lost_packet_of_video_comes_again_and_one_of_sound_does_not() {
    let mut world = meeting(2, 1.5, |_, _| {});
    world.bridges.lose_every = 37;
    world.run(5.0);
    world.bridges.lose_every = 0;
    world.run(1.0);
    let records = records(&mut world, 2);
    for stream in streams(&records) {
        match stream.kind {
            Kind::Video => assert!(stream.late > 0 && stream.lost == 0, "{stream:?}"),
            Kind::Audio => assert!(stream.late == 0 && stream.lost > 0, "{stream:?}"),
        }
    }
}

#[test]
fn a_key_frame_is_sent_to_whoever_asks() {
    let mut world = meeting(2, 3.0, |_, _| {});
    let before = records(&mut world, 2);
    let now = world.now;
    world.bridges.peer(0).request_keys(now);
    world.run(1.0);
    let after = records(&mut world, 2);
    assert_eq!(after[1].keys_asked, before[1].keys_asked + 1);
    assert_eq!(after[1].keys_sent, before[1].keys_sent + 1);
    let frames = |records: &[Record]| records[0].streams.iter().map(|stream| stream.key_frames).sum::<u64>();
    assert_eq!(frames(&after), frames(&before) + 1);
}

#[test]
fn whoever_wants_less_is_sent_less_of_streams_beside_each_other() {
    check_layers(Codec::Vp8);
    check_layers(Codec::H264);
}

#[test]
fn whoever_wants_less_is_sent_less_of_layers_of_one_stream() {
    check_layers(Codec::Vp9);
    check_layers(Codec::Av1);
}

fn check_layers(codec: Codec) {
    let mut world = meeting(3, 5.0, |number, settings| {
        settings.camera = Some(Camera { codec, heights: vec![180, 360, 720], bitrate_bps: None });
        settings.height_max = [180, 720, 0][number as usize];
    });
    let records = records(&mut world, 3);
    let heights = |number: usize| {
        let videos = records[number].streams.iter().filter(|stream| stream.kind == Kind::Video);
        videos.map(|stream| stream.heights.clone()).collect::<Vec<_>>()
    };
    assert!(heights(0).iter().all(|heights| heights.keys().eq(&[180])), "{codec:?} {:?}", heights(0));
    let mostly_high = |heights: &std::collections::BTreeMap<u16, u64>| heights[&720] > 300;
    assert!(heights(1).iter().all(mostly_high), "{codec:?} {:?}", heights(1));
    assert!(heights(2).iter().all(|heights| heights.is_empty()), "{:?}", heights(2));
    for stream in streams(&records) {
        assert_eq!((stream.lost, stream.late, stream.doubled), (0, 0, 0), "{codec:?} {stream:?}");
    }
}

#[test]
fn nobody_wants_the_picture_so_it_rests() {
    let mut world = meeting(2, 12.0, |_, settings| settings.height_max = 0);
    let sent =
        |world: &mut World| records(world, 2).iter().map(|record| record.sent.packets).collect::<Vec<_>>();
    let before = sent(&mut world);
    world.run(1.0);
    let after = sent(&mut world);
    // fifty of sound
    assert!(before.iter().zip(&after).all(|(before, after)| (49..=51).contains(&(after - before))));
}

#[test]
fn whoever_only_watches_announces_nothing() {
    let mut world = meeting(2, 3.0, |number, settings| {
        if number == 1 {
            (settings.camera, settings.voice) = (None, None);
        }
    });
    let records = records(&mut world, 2);
    assert_eq!((records[0].streams.len(), records[1].streams.len()), (0, 2));
    assert_eq!(records[1].sent.packets, 0);
}

#[test]
fn a_bridge_that_dies_interrupts_every_stream_once() {
    let mut world = meeting(3, 4.0, |_, _| {});
    world.kill_bridge("bridge-1", 1.2);
    world.run(4.0);
    let records = records(&mut world, 3);
    assert!(records.iter().all(|record| record.sessions == 2 && record.connects.len() == 2));
    for stream in streams(&records) {
        let [gap] = &stream.interruptions[..] else { panic!("{stream:?}") };
        assert_eq!(*gap, stream.longest);
        assert!((1.2..2.5).contains(&gap.length().as_secs_f64()), "{stream:?}");
        assert!(stream.lost > 0, "what was sent to the dead bridge: {stream:?}");
    }
}

#[test]
fn whoever_loses_the_connection_asks_for_another_one() {
    let mut world = meeting(2, 4.0, |_, settings| settings.camera = None);
    world.bridges.cut(0);
    world.run(60.0);
    let facts = world.seat(0).facts.iter().filter(|(_, fact)| *fact == Fact::MediaRestart);
    assert_eq!(facts.count(), 1);
    let records = records(&mut world, 2);
    assert_eq!((records[0].sessions, records[0].failures, records[0].connects.len()), (2, 1, 2));
    assert_eq!(records[1].failures, 0);
    for stream in streams(&records) {
        let [gap] = &stream.interruptions[..] else { panic!("{stream:?}") };
        assert!((3.0..45.0).contains(&gap.length().as_secs_f64()), "{stream:?}");
    }
}

#[test]
fn whoever_left_is_not_missed() {
    let mut world = meeting(3, 3.0, |_, _| {});
    world.with(2, |participant, now| participant.leave(now));
    world.settle();
    world.run(3.0);
    let records = records(&mut world, 3);
    assert!(streams(&records[..2]).all(|stream| stream.interruptions.is_empty() && !stream.is_missing));
    assert!(records[..2].iter().all(|record| record.streams.len() == 4));
}
