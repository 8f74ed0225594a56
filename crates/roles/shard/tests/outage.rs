//! The engine stalls: meetings go on unprotected, promise nothing, and are written down afterwards.

mod support;

use std::sync::Arc;

use journal::{Journal as _, Memory};
use meeting::ledger::SNAPSHOT_ENTRIES;
use shard::Running;
use support::engine::{Faulty, Gate};
use support::{End, Guest, config, start_with, until};

#[tokio::test]
async fn people_go_on_talking_and_nothing_is_promised() {
    let (shard, memory, gate) = start().await;
    let (mut anna, _) = Guest::joined(&shard, "demo").await;
    let (mut bob, _) = Guest::joined(&shard, "demo").await;
    let before = heard_by(&memory).await;
    gate.shut();
    for n in 0..3 {
        anna.say(&chat(&format!("line {n}."))).await;
        bob.hear_until(&format!("line {n}.")).await;
    }
    anna.say(REQUEST).await;
    anna.say(&chat("the last")).await;
    until_heard_without_ack(&mut anna, "the last").await;
    assert!(unprotected(&shard).await);
    assert_eq!(heard_by(&memory).await, before, "nothing was written");

    gate.open();
    let ack = anna.hear_until("<a ").await;
    assert!(ack.contains("h=\"4\""), "the join and three lines when it was asked: {ack}");
    until(async || (!unprotected(&shard).await).then_some(())).await;
    let written = heard_by(&memory).await;
    let places = ["line 0.", "line 1.", "line 2.", "the last"].map(|line| written.find(line));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "in order: {places:?}");
}

#[tokio::test]
async fn a_stream_is_taken_up_when_the_engine_is_back() {
    let (shard, _, gate) = start().await;
    let (anna, token) = Guest::joined(&shard, "demo").await;
    let (mut bob, _) = Guest::joined(&shard, "demo").await;
    gate.shut();
    bob.say(&chat("unprotected")).await;
    bob.hear_until("unprotected").await;
    drop(anna);

    let mut anna = Guest::connect(&shard, &format!("room=demo&previd={token}")).await;
    anna.log_in().await;
    let resumed = tokio::spawn(async move { (anna.resume(&token, 0).await, anna) });
    bob.say(&chat("she waits")).await;
    bob.hear_until("she waits").await;
    assert!(!resumed.is_finished());
    gate.open();
    let (taken, mut anna) = resumed.await.expect("it ends");
    assert_eq!(taken, Ok(1));
    anna.hear_until("she waits").await;
}

#[tokio::test]
async fn who_was_relieved_meanwhile_lets_go_and_says_nothing_more() {
    let (shard, memory, gate) = start().await;
    let (mut anna, token) = Guest::joined(&shard, "demo").await;
    gate.shut();
    anna.say(&chat("never written")).await;
    anna.hear_until("never written").await;
    anna.say(REQUEST).await;
    let heir = start_with(config(), Arc::new(memory.clone())).await;
    gate.open();
    let (heard, end) = anna.end().await;
    assert_eq!(end, End::Dropped);
    assert!(!heard.iter().any(|frame| frame.starts_with("<a ")), "{heard:?}");

    let mut anna = Guest::connect(&heir, &format!("room=demo&previd={token}")).await;
    anna.log_in().await;
    assert_eq!(anna.resume(&token, 0).await, Ok(1), "the line was not taken: she says it again");
}

/// Only what is written behind it waits.
#[tokio::test]
async fn a_snapshot_that_takes_long_holds_nobody_up() {
    let (memory, gate) = (Memory::new(), Gate::default());
    let engine = Faulty { stalls_at_snapshots: gate.subscribe(), ..Faulty::new(&memory) };
    let shard = start_with(config(), Arc::new(engine)).await;
    let (mut anna, _) = Guest::joined(&shard, "demo").await;
    let (mut bob, _) = Guest::joined(&shard, "demo").await;
    gate.shut();
    for n in 0..SNAPSHOT_ENTRIES + 1 {
        anna.say(&chat(&format!("line {n}."))).await;
        bob.hear_until(&format!("line {n}.")).await;
    }
    assert!(unprotected(&shard).await);
    gate.open();
    until(async || (!unprotected(&shard).await).then_some(())).await;
    assert!(memory.replay("demo").await.expect("it is there").snapshot.is_some());
    let last = format!("line {SNAPSHOT_ENTRIES}.");
    assert!(heard_by(&memory).await.contains(&last));
}

#[tokio::test]
async fn a_meeting_that_has_not_begun_waits_for_the_engine() {
    let (shard, memory, gate) = start().await;
    gate.shut();
    let joins = tokio::spawn(async move { (Guest::joined(&shard, "new").await, shard) });
    // another meeting of the same engine gets as far as it does
    let other = start_with(config(), Arc::new(memory.clone())).await;
    let _guest = Guest::joined(&other, "other").await;
    assert!(!joins.is_finished());
    gate.open();
    let ((_anna, _), shard) = joins.await.expect("it ends");
    assert!(!unprotected(&shard).await);
}

#[tokio::test]
async fn a_shard_that_is_told_to_end_writes_everything_down_first() {
    let (shard, memory, gate) = start().await;
    let (mut anna, _) = Guest::joined(&shard, "demo").await;
    gate.shut();
    anna.say(&chat("late")).await;
    anna.hear_until("late").await;
    let ending = tokio::spawn(shard.shutdown());
    // her socket is let go of, the meeting waits for the engine
    anna.end().await;
    assert!(!ending.is_finished());
    gate.open();
    ending.await.expect("it ends");
    assert!(heard_by(&memory).await.contains("late"));
}

const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

/// A shard on an engine that can be made to stall for it alone.
async fn start() -> (Running, Memory, Gate) {
    let (memory, gate) = (Memory::new(), Gate::default());
    let engine = Faulty { stalls: gate.subscribe(), ..Faulty::new(&memory) };
    (start_with(config(), Arc::new(engine)).await, memory, gate)
}

/// Everything that the engine has of the meeting, as text.
async fn heard_by(memory: &Memory) -> String {
    let replay = memory.replay("demo").await.expect("it is there");
    let snapshot = replay.snapshot.map(|(_, bytes)| bytes).unwrap_or_default();
    let all = [snapshot, replay.records.concat()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

async fn unprotected(shard: &Running) -> bool {
    shard.meetings().await.iter().any(|(_, summary)| summary.unprotected)
}

async fn until_heard_without_ack(guest: &mut Guest, part: &str) {
    loop {
        let frame = guest.hear().await;
        assert!(!frame.starts_with("<a "), "an acknowledgement of what is not durable: {frame}");
        if frame.contains(part) {
            return;
        }
    }
}

fn chat(text: &str) -> String {
    format!(
        "<message type='groupchat' to='demo@conference.meet.example' xmlns='jabber:client'><body>{text}</body></message>"
    )
}
