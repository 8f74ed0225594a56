//! Those who mean no good, and those who are merely broken.

use std::net::SocketAddr;
use std::time::Duration;

use sfu::Fact;

use crate::wire::{World, bridge};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn garbage_from_strangers_is_refused_and_counted() {
    let mut world = World::with(&["a", "b"]);
    let before = world.count(Fact::DatagramRefused);
    let stranger = SocketAddr::from(([203, 0, 113, 1], 9));
    for (index, payload) in garbage().iter().enumerate() {
        assert!(!world.throw(stranger, payload), "garbage {index}");
    }
    assert_eq!(world.count(Fact::DatagramRefused) - before, garbage().len());
    check_still_heard(&mut world);
}

#[test]
fn garbage_from_a_clients_own_address_harms_nobody() {
    let mut world = World::with(&["a", "b"]);
    let address = world.clients["a"].address;
    for payload in garbage() {
        world.throw(address, &payload);
    }
    check_still_heard(&mut world);
}

#[test]
fn a_wrong_fingerprint_gets_no_media_and_harms_nobody() {
    let mut world = World::with(&["a", "b"]);
    world.create("evil");
    let mut description = world.client("evil").description();
    let wrong = if description.fingerprints[0].value.starts_with('0') { "1" } else { "0" };
    description.fingerprints[0].value.replace_range(..1, wrong);
    world.connect("evil", description);
    world.client("evil").talks = Some(-10);
    world.run(5 * SECOND);
    assert_eq!(world.count(Fact::DtlsUp), 2);
    assert!(world.count(Fact::IceFailed) >= 1);
    let ssrc = world.clients["evil"].audio_ssrc();
    assert!(world.clients["a"].stream(ssrc).is_empty());
    assert!(world.clients["evil"].heard.is_empty());
    check_still_heard(&mut world);
    world.run(125 * SECOND);
    assert_eq!(world.sfu.stats().endpoints, 2, "it expired");
}

#[test]
fn a_stream_that_begins_backwards_is_harmless() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").number_audio(5);
    world.client("a").talks = Some(-30);
    world.until("b hears a", |w| !w.clients["b"].stream(w.clients["a"].audio_ssrc()).is_empty());
    // before the first one: the extended number runs below zero
    world.client("a").number_audio(u64::MAX - 100);
    world.run(SECOND / 10);
    world.client("b").heard.clear();
    world.run(SECOND);
    assert!(world.clients["b"].stream(world.clients["a"].audio_ssrc()).is_empty());
    world.client("b").talks = Some(-30);
    world.run(SECOND);
    assert!(world.clients["a"].stream(world.clients["b"].audio_ssrc()).len() > 40);
}

#[test]
fn a_forger_keeps_nobody_alive() {
    let mut world = World::with(&["a", "b"]);
    let address = world.clients["a"].address;
    world.clients.remove("a");
    let forged = [[&[0x80, 111][..], &[1; 60]].concat(), [&[0x80, 200, 0, 6][..], &[1; 60]].concat()];
    // a success response to a binding request, without integrity
    let answer = [&[0x01, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    for _ in 0..100 {
        for payload in forged.iter().chain([&answer]) {
            world.throw(address, payload);
        }
        world.run(SECOND / 10);
    }
    let told = world.clients["b"].told("EndpointConnectivityStatusChangeEvent").expect("told");
    assert_eq!((told["endpoint"].as_str(), told["active"].as_str()), (Some("a"), Some("false")));
}

#[test]
fn who_only_listens_is_active() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").camera = None;
    world.run(60 * SECOND);
    assert!(world.clients["b"].told("EndpointConnectivityStatusChangeEvent").is_none());
}

#[test]
fn who_failed_is_inactive_at_once() {
    let mut world = World::with(&["a"]);
    world.create("evil");
    let mut description = world.client("evil").description();
    let wrong = if description.fingerprints[0].value.starts_with('0') { "1" } else { "0" };
    description.fingerprints[0].value.replace_range(..1, wrong);
    world.connect("evil", description);
    world.until("it failed", |w| w.count(Fact::IceFailed) > 0);
    world.run(SECOND / 5);
    let told = world.clients["a"].told("EndpointConnectivityStatusChangeEvent").expect("told");
    assert_eq!((told["endpoint"].as_str(), told["active"].as_str()), (Some("evil"), Some("false")));
    let evil = world.clients["evil"].address;
    assert!(!world.throw(evil, &[0x80; 100]), "nothing is taken any more");
}

#[test]
fn an_endpoint_that_never_connects_expires() {
    let mut world = World::with(&["a"]);
    world.create("b");
    world.clients.remove("b");
    world.run(110 * SECOND);
    assert_eq!(world.sfu.stats().endpoints, 2);
    world.run(15 * SECOND);
    assert_eq!(world.sfu.stats().endpoints, 1);
}

#[test]
fn packets_of_unannounced_ssrcs_reach_nobody() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").talks = Some(-30);
    let sources = world.clients["a"].sources();
    world.announce("a", sources[1..].to_vec());
    world.run(SECOND);
    let ssrc = world.clients["a"].audio_ssrc();
    assert!(world.clients["b"].stream(ssrc).is_empty());
}

#[test]
fn a_retransmission_stream_announced_as_a_source_is_harmless() {
    let mut world = World::with(&["a", "b"]);
    let mut sources = world.clients["a"].sources();
    let rtx = sources[1].groups[1].ssrcs[1];
    sources[1].groups.clear();
    sources[1].ssrcs = vec![rtx];
    world.announce("a", sources);
    world.client("a").lose = 2;
    world.want("b", "a-v0", 720);
    world.run(2 * SECOND);
    check_still_heard(&mut world);
}

#[test]
fn a_nack_for_video_that_cannot_be_repaired_is_harmless() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").camera.as_mut().expect("films").repairs = false;
    // b goes on expecting repair, and asks for it
    let sources = world.clients["a"].sources();
    world.announce("a", sources);
    world.want("b", "a-v0", 180);
    world.run(SECOND);
    for _ in 0..10 {
        world.client("b").miss = 2;
        world.run(SECOND / 4);
    }
    let ssrc = world.clients["a"].camera.as_ref().expect("films").ssrcs[0].0;
    let stream = world.clients["b"].stream(ssrc);
    assert!(stream.len() > 200);
    assert!(stream.windows(2).any(|pair| pair[1].seq > pair[0].seq + 1), "something was lost and asked for");
    check_still_heard(&mut world);
}

fn garbage() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> =
        vec![vec![], vec![0], vec![0; 20], vec![0xff; 1500], vec![0x80; 1501], vec![0; 9000]];
    // first bytes of STUN, DTLS, RTP and RTCP (RFC 7983), in every length up to a header's
    for first in [0_u8, 1, 20, 22, 23, 63, 64, 128, 144, 160, 191, 192, 255] {
        for length in 1..60_usize {
            let mut payload: Vec<u8> = (0..length).map(|i| (i * 37 + usize::from(first)) as u8).collect();
            payload[0] = first;
            all.push(payload);
        }
    }
    // RTCP packet types, and RTP with extensions and CSRCs that are not there
    for second in [200_u8, 201, 202, 203, 205, 206, 207, 100, 111, 96] {
        for first in [0x80_u8, 0x8f, 0x90, 0xbf] {
            all.push([&[first, second, 0xff, 0xff][..], &[0xff; 40]].concat());
        }
    }
    all
}

#[track_caller]
fn check_still_heard(world: &mut World) {
    world.client("a").talks = Some(-30);
    world.run(2 * SECOND);
    let ssrc = world.clients["a"].audio_ssrc();
    assert!(world.clients["b"].stream(ssrc).len() > 90);
    assert!(!world.throw(bridge(), &[]));
}
