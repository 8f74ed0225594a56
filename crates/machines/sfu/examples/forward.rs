//! What it costs to forward: one client films and talks, ten watch, all in this process and in virtual time.
//!
//! `cargo run --release -p sfu --example forward`. Only the machine's own work is timed: what it is given, what it
//! is asked, and every datagram it yields. The number is nanoseconds of that per datagram sent by it, so the
//! receiving leg, RTCP and housekeeping are counted in. On a busy machine the best second is the one to read.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]
#![allow(dead_code, reason = "shared with the scenarios, which use more of it")]

#[path = "../tests/scenarios/client.rs"]
mod client;
#[path = "../tests/scenarios/encoder.rs"]
mod encoder;
#[path = "../tests/scenarios/heard.rs"]
mod heard;
#[path = "../tests/scenarios/wire.rs"]
mod wire;

use std::time::{Duration, Instant};

use wire::World;

const WATCHERS: usize = 10;
const SECONDS: u64 = 20;

fn main() {
    let ids: Vec<String> = (0..=WATCHERS).map(|n| format!("e{n}")).collect();
    let mut world = World::with(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    for id in &ids[1..] {
        world.client(id).camera = None;
        world.want(id, "e0-v0", 720);
    }
    world.client("e0").talks = Some(-30);
    world.run(Duration::from_secs(2));
    let mut each: Vec<u128> = (0..SECONDS).map(|_| second(&mut world)).collect();
    each.sort_unstable();
    let (least, median) = (each[0], each[each.len() / 2]);
    println!(
        "one to {WATCHERS}: {least} ns per datagram sent in the best second of {SECONDS}, {median} in the median one"
    );
}

/// A second of virtual time. Returns the machine's nanoseconds per datagram it sent.
fn second(world: &mut World) -> u128 {
    let before = world.sfu.stats().packets_sent;
    let spent: Duration = (0..200).map(|_| step(world)).sum();
    let sent = world.sfu.stats().packets_sent - before;
    spent.as_nanos() / u128::from(sent.max(1))
}

/// Five milliseconds of virtual time. Returns the real time that the machine took.
fn step(world: &mut World) -> Duration {
    world.now += Duration::from_millis(5);
    let now = world.now;
    let mut inputs = vec![];
    for client in world.clients.values_mut() {
        inputs.extend(client.advance(now).into_iter().map(|payload| (client.address, payload)));
        client.heard.clear();
    }
    let begun = Instant::now();
    for (from, payload) in &inputs {
        world.sfu.handle_datagram(now, *from, wire::bridge(), payload);
    }
    if world.sfu.poll_timeout().is_some_and(|at| at <= now) {
        world.sfu.handle_timeout(now);
    }
    let mut outputs = vec![];
    while let Some(transmit) = world.sfu.poll_transmit() {
        outputs.push(transmit);
    }
    while world.sfu.poll_event().is_some() {}
    let spent = begun.elapsed();
    for transmit in outputs {
        let client = world.clients.values_mut().find(|c| c.address == transmit.destination);
        for payload in client.into_iter().flat_map(|c| c.receive(now, wire::bridge(), &transmit.payload)) {
            world.sfu.handle_datagram(now, transmit.destination, wire::bridge(), &payload);
        }
    }
    spent
}
