//! Two peers back to back, without any bridge: one offered, the other answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use participant::media::{Identity, Peer, RemoteSource, Session, Settings, Voice, Way};
use participant::{Author, Time};
use xmpp::jingle::ice::{Candidate, CandidateKind, Fingerprint, IceUdp, Setup};
use xmpp::jingle::rtp::{Description, Kind, PayloadType};
use xmpp::jingle::source::{MediaSources, Source};

/// One way.
const LATENCY: Duration = Duration::from_millis(5);
const SSRC: u32 = 77;
/// Attributes of a check (RFC 8445 section 16.1).
const CONTROLLED: u16 = 0x8029;
const CONTROLLING: u16 = 0x802a;

struct End {
    address: SocketAddr,
    ufrag: &'static str,
    password: &'static str,
    controlling: bool,
    /// in what it says of itself
    setup: Setup,
}

fn ends(controlling: [bool; 2]) -> [End; 2] {
    let end = |number: u8, ufrag, password, setup| End {
        address: SocketAddr::from(([10, 0, 0, number], 40_000)),
        ufrag,
        password,
        controlling: controlling[usize::from(number - 1)],
        setup,
    };
    [
        end(1, "offers", "0123456789abcdef01234567", Setup::ActPass),
        end(2, "answers", "76543210fedcba9876543210", Setup::Active),
    ]
}

fn ice(end: &End, settings: &Settings) -> IceUdp {
    let value = settings.identity.fingerprint().to_owned();
    let candidate = Candidate {
        id: "1".to_owned(),
        foundation: "1".to_owned(),
        component: 1,
        generation: 0,
        network: 0,
        protocol: "udp".to_owned(),
        priority: 1,
        ip: end.address.ip(),
        port: end.address.port(),
        kind: CandidateKind::Host,
        related: None,
    };
    IceUdp {
        ufrag: Some(end.ufrag.to_owned()),
        pwd: Some(end.password.to_owned()),
        candidates: vec![candidate],
        fingerprints: vec![Fingerprint { hash: "sha-256".to_owned(), setup: end.setup, value }],
        ..IceUdp::default()
    }
}

/// The first one talks, the second one listens.
fn session(me: &End, other: &End, talks: bool, settings: &Settings) -> Box<Session> {
    let opus = PayloadType {
        id: 111,
        name: "opus".to_owned(),
        clockrate: 48_000,
        channels: 2,
        parameters: Vec::new(),
        feedback: Vec::new(),
    };
    let source = Source { ssrc: SSRC, name: None, msid: None, video_type: None };
    let own = MediaSources { kind: Kind::Audio, sources: vec![source], groups: Vec::new() };
    let (name, owner) = ("a-a0".to_owned(), "a".to_owned());
    let remote = RemoteSource { kind: Kind::Audio, name, owner, ssrc: SSRC, rtx: None };
    Box::new(Session {
        endpoint: me.ufrag.to_owned(),
        ice: ice(other, settings),
        ufrag: me.ufrag.to_owned(),
        password: me.password.to_owned(),
        audio: Description { payload_types: vec![opus], ..Description::default() },
        own: if talks { vec![own] } else { Vec::new() },
        remote: if talks { Vec::new() } else { vec![remote] },
        controlling: me.controlling,
        ..Session::default()
    })
}

fn settings() -> Arc<Settings> {
    #[expect(clippy::disallowed_methods, reason = "virtual time needs an instant to start from")]
    let epoch = Instant::now();
    Arc::new(Settings {
        identity: Identity::new(epoch),
        epoch,
        run: 7,
        camera: None,
        voice: Some(Voice::Silent),
        height_max: 0,
        channel: Way::default(),
    })
}

/// What the second one received after three seconds, and whether both connected.
fn call(controlling: [bool; 2]) -> (u64, bool) {
    let settings = settings();
    let [one, other] = ends(controlling);
    let mut peers = [&one, &other].map(|end| {
        let author = Author { participant: u32::from(end.ufrag == "answers"), attendance: 0 };
        (end.address, Peer::new(Arc::clone(&settings), author, 7))
    });
    peers[0].1.begin(Time::ZERO, session(&one, &other, true, &settings), one.address);
    peers[1].1.begin(Time::ZERO, session(&other, &one, false, &settings), other.address);
    let end = Time::from_secs(3);
    run(&mut peers, end);
    let records = peers.map(|(_, peer)| peer.record(end));
    let received = records[1].streams.iter().map(|stream| stream.received.packets - stream.foreign).sum();
    (received, records.iter().all(|record| record.connects.len() == 1))
}

fn run(peers: &mut [(SocketAddr, Peer); 2], end: Time) {
    let mut wire: Vec<(Time, SocketAddr, SocketAddr, Vec<u8>)> = Vec::new();
    let mut now = Time::ZERO;
    while now < end {
        for (local, peer) in peers.iter_mut() {
            while let Some(transmit) = peer.poll_transmit() {
                wire.push((now + LATENCY, *local, transmit.destination, transmit.payload));
            }
        }
        let timeouts = peers.iter().filter_map(|(_, peer)| peer.poll_timeout());
        let next = timeouts.chain(wire.iter().map(|(due, ..)| *due)).min().unwrap_or(end);
        now = next.max(now + Time::from_micros(1));
        let due: Vec<_> = wire.extract_if(.., |(due, ..)| *due <= now).collect();
        for (_, from, to, payload) in due {
            let reached = peers.iter_mut().filter(|(local, _)| *local == to);
            reached.for_each(|(_, peer)| peer.handle_datagram(now, from, &payload));
        }
        for (_, peer) in peers.iter_mut() {
            if peer.poll_timeout().is_some_and(|at| at <= now) {
                peer.handle_timeout(now);
            }
        }
    }
}

#[test]
fn whoever_offers_controls_and_serves_the_handshake_of_an_active_answer() {
    let (received, connected) = call([true, false]);
    assert!(connected);
    assert!(received > 100, "{received}");
}

/// What the first datagram of a session says of its role, as RFC 8445 section 7.1 has it.
fn role(controlling: bool) -> u16 {
    let settings = settings();
    let [one, other] = ends([controlling, !controlling]);
    let mut peer = Peer::new(Arc::clone(&settings), Author::default(), 7);
    peer.begin(Time::ZERO, session(&one, &other, true, &settings), one.address);
    let check = (1..100).find_map(|ms| {
        peer.handle_timeout(Time::from_millis(ms));
        peer.poll_transmit()
    });
    let check = check.expect("a session begins with a check");
    let mut types = attributes(&check.payload).into_iter();
    types.find(|name| [CONTROLLED, CONTROLLING].contains(name)).expect("a check names the role")
}

/// Types of a STUN message's attributes (RFC 8489 section 14).
fn attributes(message: &[u8]) -> Vec<u16> {
    let mut rest = &message[20..];
    let mut types = Vec::new();
    while let [a, b, c, d, ..] = rest {
        types.push(u16::from_be_bytes([*a, *b]));
        let length = usize::from(u16::from_be_bytes([*c, *d])).next_multiple_of(4);
        rest = rest.get(4 + length..).unwrap_or_default();
    }
    types
}

#[test]
fn whoever_offers_says_that_it_controls() {
    assert_eq!((role(true), role(false)), (CONTROLLING, CONTROLLED));
}
