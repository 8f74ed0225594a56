//! A WebRTC client over a real socket: ICE, DTLS, a data channel, one Opus stream out and what comes in.

use std::net::SocketAddr;

use colibri::{ConferenceModify, Endpoint, Media, MediaSource, Sctp, Transport};
use service::clock::Clock;
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::config::Fingerprint as Hash;
use str0m::media::{MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use xmpp::jingle::ice::{Fingerprint, IceUdp, Setup};
use xmpp::jingle::rtp::{Description, Kind, PayloadType};

use crate::shard::{Link, within};
use crate::{modified, modify};

/// As in browsers' offers.
const OPUS: u8 = 111;

pub(crate) struct Client {
    pub(crate) socket: UdpSocket,
    bridge: SocketAddr,
    rtc: Rtc,
    ssrc: u32,
    audio: Mid,
    seq: u64,
    channel: Option<ChannelId>,
    /// texts that came over the channel
    pub(crate) texts: Vec<String>,
    /// payloads that came with the SSRC that was expected
    pub(crate) heard: Vec<Vec<u8>>,
}

impl Client {
    /// Creates the endpoint (and the conference, for its first one) and connects until its channel is open.
    pub(crate) async fn join(link: &mut Link, meeting_id: &str, id: &str, ssrc: u32, first: bool) -> Self {
        let create =
            ConferenceModify { create: first, endpoints: vec![new_endpoint(id)], ..modify(meeting_id) };
        let answer = modified(&link.ask("set", create.to_element()).await);
        let ice = answer.endpoints[0].transport.clone().and_then(|t| t.ice).expect("a transport");
        let mut client = Self::new(&ice, ssrc).await;
        let mut request = modify(meeting_id);
        request.endpoints = vec![Endpoint {
            id: id.to_owned(),
            transport: Some(Transport { ice: Some(client.description()), ..Default::default() }),
            sources: Some(vec![source(id, ssrc)]),
            ..Default::default()
        }];
        let done = link.ask("set", request.to_element()).await;
        assert_eq!(done.attr("type"), Some("result"), "{done:?}");
        within("an open channel", async {
            while client.channel.is_none() {
                client.turn().await;
            }
        })
        .await;
        client
    }

    async fn new(ice: &IceUdp, ssrc: u32) -> Self {
        let now = Clock.now();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let bridge = SocketAddr::new(ice.candidates[0].ip, ice.candidates[0].port);
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), Protocol::Udp).unwrap());
        rtc.add_remote_candidate(Candidate::host(bridge, Protocol::Udp).unwrap());
        let mut api = rtc.direct_api();
        let (ufrag, pass) = (ice.ufrag.clone().unwrap(), ice.pwd.clone().unwrap());
        api.set_remote_ice_credentials(IceCreds { ufrag, pass });
        let bytes =
            ice.fingerprints[0].value.split(':').map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
        api.set_remote_fingerprint(Hash { hash_func: "sha-256".to_owned(), bytes });
        api.set_ice_controlling(false);
        api.start_dtls(true).unwrap();
        api.start_sctp(true);
        api.create_data_channel(ChannelConfig { label: "JVB data channel".to_owned(), ..Default::default() });
        let audio = Mid::from("a0");
        api.declare_media(audio, MediaKind::Audio);
        api.declare_stream_tx(ssrc.into(), None, audio, None);
        let (texts, heard) = (Vec::new(), Vec::new());
        Self { socket, bridge, rtc, ssrc, audio, seq: 1, channel: None, texts, heard }
    }

    fn description(&mut self) -> IceUdp {
        let api = self.rtc.direct_api();
        let creds = api.local_ice_credentials();
        let value: Vec<_> = api.local_dtls_fingerprint().bytes.iter().map(|b| format!("{b:02X}")).collect();
        let fingerprint =
            Fingerprint { hash: "sha-256".to_owned(), setup: Setup::Active, value: value.join(":") };
        IceUdp {
            ufrag: Some(creds.ufrag),
            pwd: Some(creds.pass),
            rtcp_mux: true,
            fingerprints: vec![fingerprint],
            ..Default::default()
        }
    }

    /// Expects the stream of somebody else.
    pub(crate) fn listen_to(&mut self, ssrc: u32) {
        self.rtc.direct_api().expect_stream_rx(ssrc.into(), None, self.audio, None);
    }

    pub(crate) fn say(&mut self, text: &str) {
        let id = self.channel.expect("an open channel");
        assert!(self.rtc.channel(id).unwrap().write(false, text.as_bytes()).unwrap());
    }

    /// Sends one packet.
    pub(crate) fn talk(&mut self, payload: &[u8]) {
        self.seq += 1;
        let time = (self.seq * 960) as u32;
        let write = RtpWrite::new(OPUS.into(), self.seq.into(), time, Clock.now(), payload.to_vec());
        self.rtc.direct_api().stream_tx(&self.ssrc.into()).unwrap().write_rtp(write);
        self.rtc.handle_input(Input::Timeout(Clock.now())).unwrap();
    }

    /// Sends what waits, then takes one datagram or the next timer.
    pub(crate) async fn turn(&mut self) {
        let at = loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => break at,
                Output::Transmit(t) => drop(self.socket.send_to(&t.contents, t.destination).await.unwrap()),
                Output::Event(event) => self.event(event),
            }
        };
        let mut buffer = [0; 2000];
        let wait = at.saturating_duration_since(Clock.now());
        let local = self.socket.local_addr().unwrap();
        let input = match timeout(wait, self.socket.recv_from(&mut buffer)).await {
            Ok(received) => {
                let (n, from) = received.unwrap();
                assert_eq!(from, self.bridge, "the answer comes from where it was sent to");
                Input::Receive(Clock.now(), Receive::new(Protocol::Udp, from, local, &buffer[..n]).unwrap())
            }
            Err(_) => Input::Timeout(Clock.now()),
        };
        self.rtc.handle_input(input).unwrap();
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::ChannelOpen(id, _) => self.channel = Some(id),
            Event::ChannelData(data) => self.texts.push(String::from_utf8(data.data).unwrap()),
            Event::RtpPacket(packet) => self.heard.push(packet.payload.to_vec()),
            _ => {}
        }
    }
}

fn new_endpoint(id: &str) -> Endpoint {
    let opus = PayloadType {
        id: OPUS,
        name: "opus".to_owned(),
        clockrate: 48_000,
        channels: 2,
        parameters: vec![],
        feedback: vec![],
    };
    let description = Description { payload_types: vec![opus], ..Default::default() };
    Endpoint {
        id: id.to_owned(),
        create: true,
        capabilities: vec!["source-names".to_owned()],
        media: vec![Media { kind: Kind::Audio, description }],
        transport: Some(Transport {
            ice_controlling: true,
            sctp: Some(Sctp::default()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn source(id: &str, ssrc: u32) -> MediaSource {
    MediaSource {
        kind: Kind::Audio,
        id: format!("{id}-a0"),
        video_type: None,
        ssrcs: vec![ssrc],
        groups: vec![],
    }
}
