//! The machine, its clients and the wire between them, in virtual time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use colibri::{
    ConferenceModified, ConferenceModify, Endpoint, ForceMute, Media, MediaSource, Refusal, Sctp, Transport,
};
use serde_json::json;
use sfu::{Config, Event, Fact, Sfu, SocketId};
use xmpp::jingle::rtp::{Description, HeaderExtension, Kind, PayloadType};

use crate::client::{Client, OPUS, VP8, VP8_RTX, VP9, VP9_RTX, is_media};

pub(crate) const MEETING: &str = "meeting-1";
/// one way
const LATENCY: Duration = Duration::from_millis(5);
/// the step of time while media flows
const STEP: Duration = Duration::from_millis(5);

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) sfu: Sfu,
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) texts: Vec<(SocketId, serde_json::Value)>,
    pub(crate) closed: Vec<(SocketId, u16)>,
    /// numbers of the media that the bridge sent, by receiver and SSRC
    numbers: BTreeMap<(SocketAddr, u32), BTreeSet<u16>>,
    wire: VecDeque<Datagram>,
    created: u8,
}

struct Datagram {
    due: Instant,
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

impl World {
    pub(crate) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs an instant to start from")]
        let start = Instant::now();
        let config = Config {
            worker: 3,
            candidates: vec![bridge()],
            websocket_base: Some("wss://meet.example/colibri-ws/bridge-1".to_owned()),
            seed: [42; 32],
        };
        Self {
            now: start,

            sfu: Sfu::new(config),
            clients: BTreeMap::new(),
            facts: vec![],
            texts: vec![],
            closed: vec![],
            numbers: BTreeMap::new(),
            wire: VecDeque::new(),
            created: 0,
        }
    }

    /// A world in which these clients are connected, talk, and film with three encodings.
    pub(crate) fn with(ids: &[&str]) -> Self {
        let mut world = Self::new();
        for id in ids {
            world.join(id);
        }
        world.until("everybody is connected", |w| w.clients.values().all(|c| c.connected && c.has_channel()));
        world
    }

    pub(crate) fn request(&mut self, request: &ConferenceModify) -> Result<ConferenceModified, Refusal> {
        let answer = self.sfu.handle_request(self.now, request);
        self.drain();
        answer
    }

    pub(crate) fn modify(&mut self, endpoint: Endpoint) -> Result<ConferenceModified, Refusal> {
        let request = ConferenceModify {
            meeting_id: MEETING.to_owned(),
            endpoints: vec![endpoint],
            ..Default::default()
        };
        self.request(&request)
    }

    /// Creates the endpoint (and the conference with the first), connects the client and announces its sources.
    pub(crate) fn join(&mut self, id: &str) {
        self.create(id);
        let description = self.client(id).description();
        self.connect(id, description);
    }

    pub(crate) fn create(&mut self, id: &str) -> ConferenceModified {
        self.created += 1;
        let request = ConferenceModify {
            meeting_id: MEETING.to_owned(),
            create: self.created == 1,
            endpoints: vec![creation(id)],
            ..Default::default()
        };
        let answer = self.request(&request).expect("created");
        let mut client = Client::new(self.now, id, self.created, &answer);
        client.film(self.now, 3);
        self.clients.insert(id.to_owned(), client);
        answer
    }

    pub(crate) fn connect(&mut self, id: &str, description: xmpp::jingle::ice::IceUdp) {
        let transport = Transport { ice: Some(description), ..Default::default() };
        self.modify(Endpoint { id: id.to_owned(), transport: Some(transport), ..Default::default() })
            .expect("known");
        let sources = self.clients[id].sources();
        self.announce(id, sources.clone());
        for other in self.clients.keys().filter(|other| *other != id).cloned().collect::<Vec<_>>() {
            let theirs = self.clients[&other].sources();
            self.client(&other).expect(&sources);
            self.client(id).expect(&theirs);
        }
    }

    pub(crate) fn announce(&mut self, id: &str, sources: Vec<MediaSource>) {
        self.modify(Endpoint { id: id.to_owned(), sources: Some(sources), ..Default::default() })
            .expect("known");
    }

    pub(crate) fn mute(&mut self, id: &str, audio: bool, video: bool) {
        let force_mute = Some(ForceMute { audio, video });
        self.modify(Endpoint { id: id.to_owned(), force_mute, ..Default::default() }).expect("known");
    }

    pub(crate) fn expire(&mut self, id: &str) {
        self.modify(Endpoint { id: id.to_owned(), expire: true, ..Default::default() }).expect("echoed");
    }

    pub(crate) fn client(&mut self, id: &str) -> &mut Client {
        self.clients.get_mut(id).expect("joined")
    }

    /// Asks for one source at this height, and for thumbnails of everything else.
    pub(crate) fn want(&mut self, id: &str, source: &str, max_height: i32) {
        self.client(id).say(json!({
            "colibriClass": "ReceiverVideoConstraints",
            "constraints": { source: { "maxHeight": max_height } },
        }));
    }

    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.step();
        }
    }

    /// Runs until `done`; virtual time is cheap, so a minute is the limit.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !done(self) {
            assert!(self.now < end, "within a minute: {what}");
            self.step();
        }
    }

    /// How many packets the bridge sent to a client with this SSRC.
    pub(crate) fn sent(&self, id: &str, ssrc: u32) -> usize {
        self.numbers.get(&(self.clients[id].address, ssrc)).map_or(0, BTreeSet::len)
    }

    /// No scenario is so long that numbers wrap; so with one key none goes out twice.
    fn note_number(&mut self, to: SocketAddr, payload: &[u8]) {
        if !is_media(payload) {
            return;
        }
        let seq = u16::from_be_bytes([payload[2], payload[3]]);
        let ssrc = u32::from_be_bytes([payload[8], payload[9], payload[10], payload[11]]);
        let new = self.numbers.entry((to, ssrc)).or_default().insert(seq);
        assert!(new, "number {seq} of {ssrc} went to {to} twice");
    }

    pub(crate) fn count(&self, fact: Fact) -> usize {
        self.facts.iter().filter(|f| **f == fact).count()
    }

    /// Feeds the machine a datagram of nobody's.
    pub(crate) fn throw(&mut self, from: SocketAddr, payload: &[u8]) -> bool {
        let taken = self.sfu.handle_datagram(self.now, from, bridge(), payload);
        self.drain();
        taken
    }

    fn step(&mut self) {
        self.now += STEP;
        while self.wire.front().is_some_and(|d| d.due <= self.now) {
            let datagram = self.wire.pop_front().expect("there is a first");
            self.deliver(&datagram);
        }
        let now = self.now;
        let mut sent = vec![];
        for client in self.clients.values_mut() {
            sent.extend(client.advance(now).into_iter().map(|payload| (client.address, payload)));
        }
        sent.into_iter().for_each(|(from, payload)| self.send(from, bridge(), payload));
        if self.sfu.poll_timeout().is_some_and(|at| at <= now) {
            self.sfu.handle_timeout(now);
        }
        self.drain();
    }

    fn deliver(&mut self, datagram: &Datagram) {
        let Datagram { from, to, payload, .. } = datagram;
        if *to == bridge() {
            self.sfu.handle_datagram(self.now, *from, *to, payload);
            return;
        }
        let now = self.now;
        let Some(client) = self.clients.values_mut().find(|c| c.address == *to) else { return };
        let (address, sent) = (client.address, client.receive(now, *from, payload));
        sent.into_iter().for_each(|payload| self.send(address, bridge(), payload));
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        self.wire.push_back(Datagram { due: self.now + LATENCY, from, to, payload });
    }

    fn drain(&mut self) {
        while let Some(event) = self.sfu.poll_event() {
            match event {
                Event::Fact(fact) => self.facts.push(fact),
                Event::WebSocketSend { socket, text } => {
                    self.texts.push((socket, serde_json::from_str(&text).expect("the bridge writes JSON")));
                }
                Event::WebSocketClose { socket, code, .. } => self.closed.push((socket, code)),
            }
        }
        while let Some(transmit) = self.sfu.poll_transmit() {
            self.note_number(transmit.destination, &transmit.payload);
            self.send(transmit.source, transmit.destination, transmit.payload);
        }
        assert!(self.sfu.poll_event().is_none(), "a drained machine stays dry");
        self.sfu.check_invariants();
    }
}

pub(crate) fn bridge() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 10], 10_000))
}

/// A request for a new endpoint, as Jicofo writes it.
pub(crate) fn creation(id: &str) -> Endpoint {
    let payload = |id, name: &str, clockrate, channels, apt: Option<&str>| PayloadType {
        id,
        name: name.to_owned(),
        clockrate,
        channels,
        parameters: apt.map(|apt| ("apt".to_owned(), apt.to_owned())).into_iter().collect(),
        feedback: vec![],
    };
    let extension = |id, uri: &str| HeaderExtension { id, uri: uri.to_owned() };
    let twcc = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    let audio = Description {
        payload_types: vec![payload(OPUS, "opus", 48_000, 2, None)],
        extensions: vec![extension(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"), extension(5, twcc)],
        extmap_allow_mixed: true,
    };
    let video = Description {
        payload_types: vec![
            payload(VP8, "VP8", 90_000, 1, None),
            payload(VP8_RTX, "rtx", 90_000, 1, Some("100")),
            payload(VP9, "VP9", 90_000, 1, None),
            payload(VP9_RTX, "rtx", 90_000, 1, Some("101")),
        ],
        extensions: vec![extension(10, "urn:ietf:params:rtp-hdrext:sdes:mid"), extension(5, twcc)],
        extmap_allow_mixed: true,
    };
    Endpoint {
        id: id.to_owned(),
        create: true,
        capabilities: vec!["source-names".to_owned()],
        media: vec![
            Media { kind: Kind::Audio, description: audio },
            Media { kind: Kind::Video, description: video },
        ],
        transport: Some(Transport {
            ice_controlling: true,
            sctp: Some(Sctp::default()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
