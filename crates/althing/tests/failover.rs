//! A shard dies, or gives its meetings away, under guests who chat: their sockets, which the router owns, see nothing.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod guests;

use std::collections::BTreeMap;
use std::sync::Arc;

use guests::world::{shard_config, start_router};
use guests::{Chat, Cutter, Guest, PATIENCE, World};
use journal::Memory;
use router::Upstreams;
use service::metrics::Metrics;

const GUESTS: usize = 6;
const LINES: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_dies_under_a_chat() {
    let mut world = World::of(&["shard-1", "shard-2"]).await;
    let chat = Chat::begin(world.router.addr(), GUESTS, LINES).await;
    let dead = world.owner();
    chat.at(LINES / 3).await;
    world.kill(&dead).await;
    chat.check().await;
    assert_ne!(world.owner(), dead);
    assert_eq!(world.resumes("Resumed"), GUESTS as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_shard_after_the_other_dies_under_a_chat() {
    let mut world = World::of(&["shard-1", "shard-2"]).await;
    let chat = Chat::begin(world.router.addr(), GUESTS, LINES).await;
    for (n, third) in [("shard-3", 1), ("shard-4", 2)] {
        chat.at(third * LINES / 4).await;
        world.add(n).await;
        let dead = world.owner();
        world.kill(&dead).await;
    }
    chat.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_drains_under_a_chat() {
    let world = World::of(&["shard-1", "shard-2"]).await;
    let chat = Chat::begin(world.router.addr(), GUESTS, LINES).await;
    let drained = world.owner();
    chat.at(LINES / 3).await;
    world.shard(&drained).drain();
    chat.check().await;
    assert_ne!(world.owner(), drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_moves_to_and_fro_under_a_chat() {
    let world = World::of(&["shard-1", "shard-2"]).await;
    let chat = Chat::begin(world.router.addr(), GUESTS, LINES).await;
    for quarter in 1..4 {
        chat.at(quarter * LINES / 4).await;
        let from = world.owner();
        let to = if from == "shard-1" { "shard-2" } else { "shard-1" };
        world.shard(&from).move_meeting("standup", Some(to)).await.unwrap();
    }
    chat.check().await;
}

/// The wires between router and shard are cut at any byte: in a frame, a handshake, a login.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wires_are_cut_under_a_chat() {
    for seed in 1..=3 {
        let metrics = Metrics::new();
        let shard = shard::start(shard_config(), Arc::new(Memory::new()), &Metrics::new()).await.unwrap();
        let (cutter, address) = Cutter::before(shard.http_addr(), seed).await;
        let upstreams = Upstreams::Fixed { shard: address, bridges: BTreeMap::new() };
        let router = start_router(upstreams, &metrics).await;
        let chat = Chat::begin(router.addr(), GUESTS, LINES).await;
        cutter.cuts(true);
        chat.at(LINES * 3 / 4).await;
        cutter.cuts(false);
        chat.check().await;
        assert!(cutter.cut() > 2, "{} wires were cut", cutter.cut());
    }
}

/// The router has resumed with what the guest had acknowledged, not with what it was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guests_own_resume_finds_what_it_never_read() {
    let mut world = World::of(&["shard-1", "shard-2"]).await;
    let (mut talker, mut absent) = (world.guest().await, world.guest().await);
    absent.chat("first").await;
    absent.hear_until(">first<").await;
    let before: Vec<String> = (0..30).map(|n| format!("before-{n}")).collect();
    for line in &before {
        talker.chat(line).await;
        talker.hear_until(&format!(">{line}<")).await;
    }
    let dead = world.owner();
    world.kill(&dead).await;
    talker.chat("after").await;
    talker.hear_until(">after<").await;

    // nothing since the first line was read; its socket breaks now
    assert_eq!(absent.lines, ["first"]);
    let (mut absent, taken) = Guest::resume(world.router.addr(), absent).await.unwrap();
    assert_eq!(taken, 2, "the join and the line");
    absent.hear_lines(before.len() + 2).await;
    let expected: Vec<String> =
        ["first".to_owned()].into_iter().chain(before).chain(["after".to_owned()]).collect();
    assert_eq!(absent.lines, expected);
    absent.chat("back").await;
    talker.hear_until(">back<").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_has_lost_the_meeting_loses_the_guest() {
    let mut world = World::of(&["shard-1"]).await;
    let guest = world.guest().await;
    world.add_with("shard-2", Arc::new(Memory::new())).await;
    world.kill("shard-1").await;
    guest.check_dropped().await;
    assert_eq!(world.resumes("Refused"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_waits_for_the_first_shard_that_comes() {
    let mut world = World::of(&["shard-1"]).await;
    let mut guest = world.guest().await;
    guest.chat("before").await;
    world.kill("shard-1").await;
    for n in 0..20 {
        guest.chat(&format!("meanwhile-{n}")).await;
    }
    world.add("shard-2").await;
    guest.hear_lines(21).await;
    assert!(guest.lines[1..].iter().enumerate().all(|(n, line)| *line == format!("meanwhile-{n}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_leaves_while_there_is_no_shard_is_not_waited_for() {
    let mut world = World::of(&["shard-1"]).await;
    let (mut stays, mut leaves) = (world.guest().await, world.guest().await);
    world.kill("shard-1").await;
    leaves.say("<presence type='unavailable' xmlns='jabber:client'/>").await;
    leaves.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
    drop(leaves);
    world.add("shard-2").await;
    // a session that hibernates would keep its place for 90 seconds
    let gone = tokio::time::timeout(PATIENCE / 2, stays.hear_until("type=\"unavailable\"")).await;
    assert!(gone.is_ok(), "its goodbye reaches the next shard");
}
