//! Anything at any time: requests, messages and garbage in random order. Nothing may panic, the tables must agree,
//! and whoever is left must still hear each other.

use std::time::Duration;

use colibri::{Endpoint, MediaSource, Transport};
use serde_json::json;
use sfu::SocketId;

use crate::wire::World;

const IDS: [&str; 4] = ["a", "b", "c", "d"];
const SEEDS: u64 = 4;
const STEPS: usize = 120;

#[test]
fn disorder_breaks_nothing() {
    for seed in 1..=SEEDS {
        check(seed);
    }
}

/// A linear congruential generator: enough to mix, and the seed is all there is to a failure.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn id(&mut self) -> &'static str {
        IDS[self.below(IDS.len())]
    }
}

fn check(seed: u64) {
    let mut dice = Dice(seed);
    let mut world = World::with(&["x", "y"]);
    world.client("x").talks = Some(-30);
    for _ in 0..STEPS {
        disturb(&mut world, &mut dice);
        world.run(Duration::from_millis(5 * dice.below(20) as u64));
    }
    for id in IDS {
        world.expire(id);
        world.clients.remove(id);
    }
    world.client("y").heard.clear();
    world.run(Duration::from_secs(1));
    let ssrc = world.clients["x"].audio_ssrc();
    assert!(world.clients["y"].stream(ssrc).len() > 45, "seed {seed}");
    assert_eq!(world.sfu.stats().endpoints, 2, "seed {seed}");
}

fn disturb(world: &mut World, dice: &mut Dice) {
    let id = dice.id();
    let here = world.clients.contains_key(id);
    match dice.below(12) {
        0..=2 if !here => world.join(id),
        0 => {
            world.expire(id);
            world.clients.remove(id);
        }
        1 if here => {
            let sources = some_of(world.clients[id].sources(), dice);
            let _ =
                world.modify(Endpoint { id: id.to_owned(), sources: Some(sources), ..Default::default() });
        }
        2 => {
            let mute = (dice.below(2) == 0, dice.below(2) == 0);
            world.mute(id, mute.0, mute.1);
        }
        3 => {
            let transport = Some(Transport { ice_restart: true, ..Default::default() });
            let _ = world.modify(Endpoint { id: id.to_owned(), transport, ..Default::default() });
        }
        4 => {
            let address = world.clients["x"].address;
            let payload: Vec<u8> = (0..dice.below(1600)).map(|_| dice.below(256) as u8).collect();
            world.throw(address, &payload);
        }
        5 => {
            let (socket, now) = (SocketId(dice.below(3) as u64), world.now);
            world.sfu.handle_websocket_message(
                now,
                socket,
                r#"{"colibriClass":"LastNChangedEvent","lastN":1}"#,
            );
            world.sfu.handle_websocket_closed(socket);
        }
        6 | 7 if here => {
            let client = world.client(id);
            client.talks = [None, Some(-20), Some(-127)][dice.below(3)];
            client.lose = dice.below(5);
            client.miss = dice.below(5);
        }
        _ => speak(world, dice),
    }
}

fn speak(world: &mut World, dice: &mut Dice) {
    let ids: Vec<String> = world.clients.keys().cloned().collect();
    let id = &ids[dice.below(ids.len())];
    if !world.clients[id].has_channel() {
        return;
    }
    let about = format!("{}-v0", ids[dice.below(ids.len())]);
    let height = [-1, 0, 180, 360, 720][dice.below(5)];
    let video_type = ["camera", "none", "desktop"][dice.below(3)];
    let message = match dice.below(5) {
        0 => json!({"colibriClass": "ReceiverVideoConstraints", "lastN": dice.below(4) as i64 - 1,
            "constraints": {about: {"maxHeight": height}}}),
        1 => json!({"colibriClass": "SourceVideoTypeMessage", "sourceName": about,
            "videoType": video_type}),
        2 => json!({"colibriClass": "ReceiverAudioSubscription", "all": dice.below(2) == 0,
            "include": ["x-a0"], "exclude": []}),
        3 => json!({"colibriClass": "EndpointMessage", "to": "", "msgPayload": {}}),
        _ => {
            json!({"colibriClass": "ReceiverVideoConstraints", "selectedSources": [about, "?"], "lastN": 99})
        }
    };
    let stays = id == "y" && message["colibriClass"] == "ReceiverAudioSubscription";
    if !stays {
        world.client(id).say(message);
    }
}

/// A random part of the sources, in a random state of disrepair.
fn some_of(mut sources: Vec<MediaSource>, dice: &mut Dice) -> Vec<MediaSource> {
    sources.truncate(dice.below(3));
    for source in &mut sources {
        match dice.below(5) {
            0 => source.groups.clear(),
            1 => source.ssrcs.reverse(),
            2 => source.id.push('!'),
            _ => {}
        }
    }
    sources
}
