//! The bridge channel over a WebSocket, with a real bridge at the other end, in virtual time.

mod support;

use std::sync::Arc;

use participant::media::{Camera, Codec, Way};
use participant::{Fact, Settings};
use support::World;
use xmpp::jingle::rtp::Kind;

/// Participants who ask for these heights, five seconds later.
fn meeting(way: Way, heights: &[i32]) -> World {
    let mut world = World::new();
    world.bridges.open("bridge-1");
    world.bridges.open("bridge-2");
    let common = world.bridges.settings();
    for (number, height) in (0..).zip(heights) {
        let mut own = common.clone();
        (own.channel, own.height_max) = (way, *height);
        own.camera = Some(Camera { codec: Codec::Vp8, heights: vec![180, 360, 720], bitrate_bps: None });
        world.join(number, &Settings { media: Some(Arc::new(own)), ..support::settings() });
    }
    world.run(5.0);
    world
}

/// How often its channel was opened, and lost.
fn channels(world: &mut World, number: u32) -> (usize, usize) {
    let facts = &world.seat(number).facts;
    let count = |is: fn(&Fact) -> bool| facts.iter().filter(|(_, fact)| is(fact)).count();
    (count(|fact| *fact == Fact::ChannelOpened), count(|fact| matches!(fact, Fact::ChannelLost(_))))
}

fn sent(world: &mut World, number: u32) -> u64 {
    let now = world.now;
    world.bridges.record(now, number).sent.packets
}

#[test]
fn what_is_asked_for_there_is_what_is_seen() {
    let mut world = meeting(Way::WebSocket, &[180, 720, 0]);
    let now = world.now;
    let mut heights = |number: u32| {
        let record = world.bridges.record(now, number);
        let videos = record.streams.into_iter().filter(|stream| stream.kind == Kind::Video);
        videos.map(|stream| stream.heights).collect::<Vec<_>>()
    };
    assert!(heights(0).iter().all(|heights| heights.keys().eq(&[180])), "{:?}", heights(0));
    assert!(heights(1).iter().all(|heights| heights[&720] > 300), "{:?}", heights(1));
    assert!(heights(2).iter().all(|heights| heights.is_empty()), "{:?}", heights(2));
    assert_eq!((0..3).map(|number| channels(&mut world, number)).collect::<Vec<_>>(), [(1, 0); 3]);
}

#[test]
fn what_the_bridge_says_there_reaches_the_camera() {
    let mut world = meeting(Way::WebSocket, &[0, 0]);
    world.run(7.0);
    let before = sent(&mut world, 0);
    world.run(1.0);
    // fifty of sound, and no picture
    let after = sent(&mut world, 0);
    assert!((49..=51).contains(&(after - before)), "{}", after - before);
}

#[test]
fn a_channel_that_breaks_is_opened_again_and_says_the_same() {
    let mut world = meeting(Way::WebSocket, &[180, 180]);
    world.cut_channel(0);
    world.run(0.9);
    assert_eq!(channels(&mut world, 0), (1, 1));
    world.run(0.2);
    assert_eq!(channels(&mut world, 0), (2, 1));
    // the next one is looked for as soon as the first
    world.cut_channel(0);
    world.run(1.1);
    assert_eq!((channels(&mut world, 0), channels(&mut world, 1)), ((3, 2), (1, 0)));
    let record = world.bridges.record(world.now, 0);
    assert_eq!((record.sessions, record.failures), (1, 0));
}

#[test]
fn a_channel_goes_with_its_session_and_another_comes_with_the_next() {
    let mut world = meeting(Way::WebSocket, &[180, 180]);
    world.kill_bridge("bridge-1", 1.2);
    world.run(4.0);
    assert_eq!(world.bridges.record(world.now, 0).sessions, 2);
    assert_eq!(channels(&mut world, 0), (2, 0));
    world.with(0, |participant, now| participant.leave(now));
    world.settle();
    assert!(!world.bridges.close_channel(0), "whoever leaves closes it");
}

#[test]
fn a_lost_stream_leaves_the_channel_alone() {
    let mut world = meeting(Way::WebSocket, &[180, 180]);
    world.cut(0);
    world.cut_channel(0);
    world.run(1.1);
    assert_eq!(channels(&mut world, 0), (2, 1), "before the stream is taken up");
    world.run(5.0);
    assert!(world.is_joined(0));
}

#[test]
fn where_both_are_offered_the_client_takes_the_data_channel() {
    let mut world = meeting(Way::DataChannel, &[180, 720]);
    assert_eq!(channels(&mut world, 0), (0, 0));
    assert!(!world.bridges.close_channel(0));
}
