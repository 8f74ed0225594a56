//! A client as a browser would be one, over the same media engine: ICE controlled, DTLS active, SCTP client.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use colibri::{ConferenceModified, MediaSource};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::Fingerprint;
use str0m::format::{Codec, FormatParams};
use str0m::media::{Frequency, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc};
use xmpp::jingle::ice::{Fingerprint as Signalled, IceUdp, Setup};
use xmpp::jingle::rtp::Kind;
use xmpp::jingle::source::{Semantics, SsrcGroup};

use crate::encoder::Encoder;
use crate::heard::Heard;

pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 100;
pub(crate) const VP8_RTX: u8 = 96;
pub(crate) const VP9: u8 = 101;
pub(crate) const VP9_RTX: u8 = 97;
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const VIDEO_INTERVAL: Duration = Duration::from_millis(40);

pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    rtc: Rtc,
    /// when the engine wants to be woken
    pub(crate) timeout: Instant,
    pub(crate) connected: bool,
    channel: Option<ChannelId>,
    pub(crate) messages: Vec<serde_json::Value>,
    pub(crate) heard: Vec<Heard>,
    pub(crate) keyframes_asked: Vec<Instant>,
    /// level of RFC 6464 while it talks
    pub(crate) talks: Option<i8>,
    audio: AudioSender,
    pub(crate) camera: Option<Camera>,
    /// datagrams of media that the wire loses from now on, of those it sends
    pub(crate) lose: usize,
    /// the same of those it is sent
    pub(crate) miss: usize,
    /// what the bridge says on its channel does not arrive
    pub(crate) deaf: bool,
}

struct AudioSender {
    ssrc: u32,
    seq: u64,
    next: Instant,
}

/// A simulcast sender: a picture every 40 ms on each encoding that is on.
pub(crate) struct Camera {
    pub(crate) ssrcs: Vec<(u32, u32)>,
    encodings: Vec<Encoder>,
    next: Instant,
    key: bool,
    /// encodings below this are sent
    pub(crate) on: usize,
    /// answers key frame requests
    pub(crate) obeys: bool,
    /// VP9 with three spatial layers in each encoding instead of VP8
    pub(crate) layered: bool,
    /// announces its retransmission SSRCs
    pub(crate) repairs: bool,
}

impl Client {
    /// Takes the bridge's answer to its creation.
    pub(crate) fn new(now: Instant, id: &str, number: u8, answer: &ConferenceModified) -> Self {
        let address = SocketAddr::from(([10, 0, 0, number], 40_000 + u16::from(number)));
        let transport = answer.endpoints[0].transport.as_ref().expect("created with a transport");
        let ice = transport.ice.as_ref().expect("described");
        let mut rtc = build(now);
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).expect("a good address"));
        for candidate in &ice.candidates {
            let address = SocketAddr::new(candidate.ip, candidate.port);
            rtc.add_remote_candidate(Candidate::host(address, Protocol::Udp).expect("a good address"));
        }
        let mut api = rtc.direct_api();
        api.set_ice_controlling(false);
        api.set_remote_ice_credentials(IceCreds {
            ufrag: ice.ufrag.clone().expect("a ufrag"),
            pass: ice.pwd.clone().expect("a password"),
        });
        api.set_remote_fingerprint(Fingerprint {
            hash_func: "sha-256".to_owned(),
            bytes: bytes(&ice.fingerprints[0].value),
        });
        api.start_dtls(true).expect("starts");
        api.declare_media(mid("a"), MediaKind::Audio);
        api.declare_media(mid("v"), MediaKind::Video);
        let ssrc = 1000 * u32::from(number) + 1;
        api.declare_stream_tx(ssrc.into(), None, mid("a"), None);
        if transport.sctp.is_some() {
            api.start_sctp(true);
            api.create_data_channel(ChannelConfig {
                label: "JVB data channel".to_owned(),
                ordered: true,
                reliability: Reliability::Reliable,
                negotiated: None,
                protocol: "http://jitsi.org/protocols/colibri".to_owned(),
            });
        }
        Self {
            id: id.to_owned(),
            address,
            rtc,
            timeout: now,
            connected: false,
            channel: None,
            messages: vec![],
            heard: vec![],
            keyframes_asked: vec![],
            talks: None,
            audio: AudioSender { ssrc, seq: 65_500, next: now },
            camera: None,
            lose: 0,
            miss: 0,
            deaf: false,
        }
    }

    pub(crate) fn description(&mut self) -> IceUdp {
        let api = self.rtc.direct_api();
        let creds = api.local_ice_credentials();
        let digest = &api.local_dtls_fingerprint().bytes;
        let value = digest.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":");
        IceUdp {
            ufrag: Some(creds.ufrag),
            pwd: Some(creds.pass),
            fingerprints: vec![Signalled { hash: "sha-256".to_owned(), setup: Setup::Active, value }],
            ..Default::default()
        }
    }

    /// Leaves out so many audio packets, as if they had been sent to somebody else.
    pub(crate) fn skip_audio(&mut self, packets: u64) {
        self.audio.seq += packets;
    }

    /// Goes on with this audio packet, whatever went before.
    pub(crate) fn number_audio(&mut self, seq: u64) {
        self.audio.seq = seq;
    }

    pub(crate) fn audio_ssrc(&self) -> u32 {
        self.audio.ssrc
    }

    pub(crate) fn video_name(&self) -> String {
        format!("{}-v0", self.id)
    }

    /// Switches the camera on with so many encodings.
    pub(crate) fn film(&mut self, now: Instant, encodings: u32) {
        let base = self.audio.ssrc + 100;
        let ssrcs: Vec<_> = (0..encodings).map(|i| (base + i, base + 50 + i)).collect();
        let mut api = self.rtc.direct_api();
        for (index, (ssrc, rtx)) in ssrcs.iter().enumerate() {
            let rid = index.to_string();
            api.declare_stream_tx((*ssrc).into(), Some((*rtx).into()), mid("v"), Some(rid.as_str().into()));
        }
        let encoder = |i: u32| Encoder {
            seq: u64::from(100 + 20_000 * i),
            timestamp: 90_000 * (1 + 7 * i),
            picture: (100 * i + 32_760) as u16 & 0x7fff,
            level_zero: (50 * i) as u8,
        };
        self.camera = Some(Camera {
            ssrcs,
            encodings: (0..encodings).map(encoder).collect(),
            next: now,
            key: true,
            on: encodings as usize,
            obeys: true,
            layered: false,
            repairs: true,
        });
    }

    /// What it announces as its sources.
    pub(crate) fn sources(&self) -> Vec<MediaSource> {
        let audio = MediaSource {
            kind: Kind::Audio,
            id: format!("{}-a0", self.id),
            video_type: None,
            ssrcs: vec![self.audio.ssrc],
            groups: vec![],
        };
        let video = self.camera.as_ref().map(|camera| {
            let group = |semantics, ssrcs: &[u32]| SsrcGroup { semantics, ssrcs: ssrcs.to_vec() };
            let primaries: Vec<u32> = camera.ssrcs.iter().map(|(ssrc, _)| *ssrc).collect();
            let mut groups = vec![group(Semantics::Sim, &primaries)];
            let mut ssrcs = primaries;
            if camera.repairs {
                groups.extend(camera.ssrcs.iter().map(|(ssrc, rtx)| group(Semantics::Fid, &[*ssrc, *rtx])));
                ssrcs.extend(camera.ssrcs.iter().map(|(_, rtx)| *rtx));
            }
            MediaSource { kind: Kind::Video, id: self.video_name(), video_type: None, ssrcs, groups }
        });
        [Some(audio), video].into_iter().flatten().collect()
    }

    /// Expects what `other` announced: its audio, and one stream of its video.
    pub(crate) fn expect(&mut self, other: &[MediaSource]) {
        let mut api = self.rtc.direct_api();
        for source in other {
            let media = mid(&source.id.replace('-', ""));
            match source.kind {
                Kind::Audio => {
                    api.declare_media(media, MediaKind::Audio);
                    api.expect_stream_rx(source.ssrcs[0].into(), None, media, None);
                }
                Kind::Video => {
                    api.declare_media(media, MediaKind::Video);
                    let rtx = source.groups[1].ssrcs[1];
                    api.expect_stream_rx(source.ssrcs[0].into(), Some(rtx.into()), media, None);
                }
            }
        }
    }

    pub(crate) fn ask_keyframe(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc.into()) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    pub(crate) fn say(&mut self, message: serde_json::Value) {
        let id = self.channel.expect("the channel is open");
        let mut channel = self.rtc.channel(id).expect("the channel is open");
        assert!(channel.write(false, message.to_string().as_bytes()).expect("written"));
    }

    pub(crate) fn has_channel(&self) -> bool {
        self.channel.is_some()
    }

    /// The last message of a class.
    pub(crate) fn told(&self, class: &str) -> Option<&serde_json::Value> {
        self.messages.iter().rev().find(|m| m["colibriClass"] == class)
    }

    /// What arrived with an SSRC, in order of sequence numbers.
    pub(crate) fn stream(&self, ssrc: u32) -> Vec<&Heard> {
        let ordered: BTreeMap<u64, &Heard> =
            self.heard.iter().filter(|h| h.ssrc == ssrc).map(|h| (h.seq, h)).collect();
        ordered.into_values().collect()
    }

    pub(crate) fn receive(&mut self, now: Instant, from: SocketAddr, payload: &[u8]) -> Vec<Vec<u8>> {
        // RFC 7983: DTLS
        if self.deaf && (20..=63).contains(&payload[0]) {
            return vec![];
        }
        if is_media(payload) && self.miss > 0 {
            self.miss -= 1;
            return vec![];
        }
        let receive =
            Receive::new(Protocol::Udp, from, self.address, payload).expect("the bridge speaks well");
        self.rtc.handle_input(Input::Receive(now, receive)).expect("the bridge speaks well");
        self.pump(now)
    }

    /// Produces what is due and lets the engine see the time.
    pub(crate) fn advance(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.produce(now);
        let _ = self.rtc.handle_input(Input::Timeout(now));
        self.pump(now)
    }

    fn pump(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut datagrams = vec![];
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.timeout = at;
                    return datagrams;
                }
                Ok(Output::Transmit(transmit)) => {
                    let datagram: Vec<u8> = transmit.contents.into();
                    if is_media(&datagram) && self.lose > 0 {
                        self.lose -= 1;
                    } else {
                        datagrams.push(datagram);
                    }
                }
                Ok(Output::Event(event)) => self.happen(now, event),
                Err(_) => {}
            }
        }
    }

    fn happen(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::ChannelOpen(id, _) => self.channel = Some(id),
            Event::ChannelData(data) => {
                self.messages.push(serde_json::from_slice(&data.data).expect("the bridge writes JSON"));
            }
            Event::RtpPacket(packet) => self.heard.push(Heard::from(&packet)),
            Event::KeyframeRequest(_) => {
                self.keyframes_asked.push(now);
                if let Some(camera) = self.camera.as_mut().filter(|c| c.obeys) {
                    camera.key = true;
                }
            }
            _ => {}
        }
    }

    fn produce(&mut self, now: Instant) {
        if !self.connected {
            self.audio.next = now;
            return;
        }
        while let Some(level) = self.talks.filter(|_| self.audio.next <= now) {
            let values = ExtensionValues {
                audio_level: Some(level),
                voice_activity: Some(true),
                ..Default::default()
            };
            let AudioSender { ssrc, seq, .. } = self.audio;
            let write =
                RtpWrite::new(OPUS.into(), seq.into(), seq.wrapping_mul(960) as u32, now, vec![0xaa; 80]);
            let mut api = self.rtc.direct_api();
            api.stream_tx(&ssrc.into()).expect("declared").write_rtp(write.ext_vals(values));
            self.audio.seq = self.audio.seq.wrapping_add(1);
            self.audio.next += AUDIO_INTERVAL;
        }
        let Some(camera) = &mut self.camera else { return };
        while camera.next <= now {
            camera.next += VIDEO_INTERVAL;
            let key = std::mem::take(&mut camera.key);
            for index in 0..camera.encodings.len() {
                let ssrc = camera.ssrcs[index].0;
                let sent = index < camera.on;
                let encoder = &mut camera.encodings[index];
                let (pt, packets) = match camera.layered {
                    true => (VP9, encoder.layered_picture(key)),
                    false => (VP8, encoder.picture(index as u8, key)),
                };
                let stream = self.rtc.direct_api();
                if sent {
                    write(stream, ssrc, pt, now, packets);
                }
            }
        }
    }
}

impl Camera {
    /// The next picture is a key frame unless it is starved of them: then only if asked.
    pub(crate) fn starve(&mut self, starved: bool) {
        self.key = !starved;
    }
}

fn write(
    mut api: str0m::change::DirectApi,
    ssrc: u32,
    pt: u8,
    now: Instant,
    packets: Vec<(u64, u32, bool, Vec<u8>)>,
) {
    let stream = api.stream_tx(&ssrc.into()).expect("declared");
    for (seq, timestamp, marker, payload) in packets {
        stream.write_rtp(
            RtpWrite::new(pt.into(), seq.into(), timestamp, now, payload).marker(marker).nackable(true),
        );
    }
}

fn build(now: Instant) -> Rtc {
    let mut config = Rtc::builder()
        .set_rtp_mode(true)
        .clear_codecs()
        .clear_extension_map()
        .set_extension(1, Extension::AudioLevel)
        .set_extension(5, Extension::TransportSequenceNumber);
    let codecs = config.codec_config();
    let format = FormatParams::default();
    codecs.add_config(OPUS.into(), None, Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2), format);
    codecs.add_config(VP9.into(), Some(VP9_RTX.into()), Codec::Vp9, Frequency::NINETY_KHZ, None, format);
    codecs.add_config(VP8.into(), Some(VP8_RTX.into()), Codec::Vp8, Frequency::NINETY_KHZ, None, format);
    let mut rtc = config.build(now);
    rtc.direct_api().enable_twcc_feedback();
    rtc
}

/// RTP and not RTCP (RFC 5761 4).
pub(crate) fn is_media(datagram: &[u8]) -> bool {
    datagram[0] >= 128 && !(192..=223).contains(&datagram[1])
}

fn mid(name: &str) -> Mid {
    name.into()
}

fn bytes(text: &str) -> Vec<u8> {
    text.split(':').map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}
