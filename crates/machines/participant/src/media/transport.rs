//! One session's transport: ICE, DTLS, SRTP, SCTP and RTCP on one pair of addresses, made by the media engine.
//!
//! The engine wants to be polled until it is dry after everything that it is given: [`Transport::pump`]. It is the
//! controlled side of ICE, the client of DTLS and of SCTP, as browsers are towards a bridge; where the session says that
//! one's own half offered, it is the controlling side, and the server of DTLS if the answer chose to be the client.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::{DtlsVersion, Fingerprint};
use str0m::format::{Codec as Format, FormatParams};
use str0m::media::{Frequency, KeyframeRequestKind, MediaKind, Mid, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, IceCreds, Input, Output, Rtc, RtcConfig};
use xmpp::jingle::ice::Setup;
use xmpp::jingle::rtp::{Description, HeaderExtension, Kind, PayloadType};

use super::channel;
use super::descriptor::{DEPENDENCY_DESCRIPTOR, Descriptor, Writer};
use super::limits::{
    AFTER_ERROR, CANDIDATES_MAX, ERRORS_MAX, MESSAGE_BYTES_MAX, REPORT_INTERVAL, RTX_AGE, RTX_PACKETS,
    TRANSMITS_MAX,
};
use super::peer::Transmit;
use super::session::{RemoteSource, Session};
use super::settings::Settings;

/// What came out of it, apart from datagrams.
#[derive(Debug)]
pub(super) enum Happening {
    /// media flow from here on
    Connected,
    /// for good
    Failed,
    Rtp(Box<RtpPacket>),
    /// for the own camera
    KeyAsked,
    ChannelOpen,
    Text(String),
}

pub(super) struct Transport {
    rtc: Rtc,
    local: SocketAddr,
    opus: Option<u8>,
    video: Option<u8>,
    channel: Option<ChannelId>,
    pub(super) connected: bool,
    failed: bool,
    timeout: Instant,
    /// of remote sources, by SSRC
    mids: BTreeMap<u32, Mid>,
    named: u32,
}

/// One packet to send.
pub(super) struct Outgoing {
    pub(super) kind: Kind,
    pub(super) ssrc: u32,
    pub(super) seq: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: Vec<u8>,
    /// dBov, and whether it is a voice
    pub(super) level: Option<(i8, bool)>,
    /// the AV1 dependency descriptor
    pub(super) descriptor: Option<Vec<u8>>,
}

impl Transport {
    /// `local` is the address of the session's socket.
    pub(super) fn new(now: Instant, settings: &Settings, session: &Session, local: SocketAddr) -> Self {
        let camera = settings.camera.as_ref().map(|camera| camera.codec.name());
        let opus = session.audio.payload_types.iter().find(|payload| is(payload, "opus"));
        let video =
            session.video.payload_types.iter().find(|payload| camera.is_some_and(|name| is(payload, name)));
        let creds = IceCreds { ufrag: session.ufrag.clone(), pass: session.password.clone() };
        let config = declare(extensions(config(settings), session), session);
        let mut rtc = config.set_local_ice_credentials(creds).build(now);
        describe(&mut rtc, session, local);
        let mut transport = Self {
            opus: opus.map(|payload| payload.id),
            video: video.map(|payload| payload.id),
            rtc,
            local,
            channel: None,
            connected: false,
            failed: false,
            timeout: now,
            mids: BTreeMap::new(),
            named: 0,
        };
        transport.announce(session);
        transport
    }

    /// The own streams, and the channel.
    fn announce(&mut self, session: &Session) {
        let mut api = self.rtc.direct_api();
        if let Some(ssrc) = session.microphone() {
            let mid = Mid::from(format!("a{}", &session.ufrag[..session.ufrag.len().min(6)]).as_str());
            api.declare_media(mid, MediaKind::Audio);
            api.declare_stream_tx(ssrc.into(), None, mid, None);
        }
        let camera = session.camera();
        if !camera.is_empty() {
            let mid = Mid::from(format!("v{}", &session.ufrag[..session.ufrag.len().min(6)]).as_str());
            api.declare_media(mid, MediaKind::Video);
            for (index, (ssrc, rtx)) in camera.into_iter().enumerate() {
                // the engine tells the streams of a media apart by it; it is not sent
                let rid: Rid = index.to_string().as_str().into();
                let stream = api.declare_stream_tx(ssrc.into(), rtx.map(Into::into), mid, Some(rid));
                stream.set_rtx_cache(RTX_PACKETS, RTX_AGE, None);
            }
        }
        if session.sctp {
            api.start_sctp(true);
            api.create_data_channel(ChannelConfig {
                label: channel::LABEL.to_owned(),
                ordered: true,
                reliability: Reliability::Reliable,
                negotiated: None,
                protocol: channel::PROTOCOL.to_owned(),
            });
        }
    }

    /// `false`: the offer names no such codec.
    pub(super) fn sends(&self, kind: Kind) -> bool {
        self.payload_type(kind).is_some()
    }

    fn payload_type(&self, kind: Kind) -> Option<u8> {
        match kind {
            Kind::Audio => self.opus,
            Kind::Video => self.video,
        }
    }

    /// Expects a source: a media of its own.
    pub(super) fn expect(&mut self, source: &RemoteSource) {
        if self.mids.contains_key(&source.ssrc) {
            return;
        }
        self.named += 1;
        let mid = Mid::from(format!("r{}", self.named).as_str());
        let kind = match source.kind {
            Kind::Audio => MediaKind::Audio,
            Kind::Video => MediaKind::Video,
        };
        let mut api = self.rtc.direct_api();
        api.declare_media(mid, kind);
        api.expect_stream_rx(source.ssrc.into(), source.rtx.map(Into::into), mid, None);
        self.mids.insert(source.ssrc, mid);
    }

    pub(super) fn forget(&mut self, ssrc: u32) {
        if let Some(mid) = self.mids.remove(&ssrc) {
            self.rtc.direct_api().remove_media(mid);
        }
    }

    /// The picture of a remote source is wanted whole (RFC 4585 6.3.1).
    pub(super) fn request_key(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc.into()) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Queues a packet; it leaves with the next [`wake`](Self::wake).
    pub(super) fn write(&mut self, now: Instant, packet: Outgoing) {
        let Some(pt) = self.payload_type(packet.kind).filter(|_| self.connected && !self.failed) else {
            return;
        };
        let mut values = ExtensionValues {
            audio_level: packet.level.map(|(level, _)| level),
            voice_activity: packet.level.map(|(_, voice)| voice),
            ..ExtensionValues::default()
        };
        if let Some(descriptor) = packet.descriptor {
            values.user_values.set(Descriptor(descriptor));
        }
        let write = RtpWrite::new(pt.into(), packet.seq.into(), packet.timestamp, now, packet.payload)
            .marker(packet.marker)
            .nackable(packet.kind == Kind::Video)
            .ext_vals(values);
        if let Some(stream) = self.rtc.direct_api().stream_tx(&packet.ssrc.into()) {
            stream.write_rtp(write);
        }
    }

    /// Says something on the channel, if it is open.
    pub(super) fn say(&mut self, text: &str) {
        let channel = self.channel.filter(|_| !self.failed);
        if let Some(mut channel) = channel.and_then(|id| self.rtc.channel(id)) {
            let _ = channel.write(false, text.as_bytes());
        }
    }

    /// Takes a datagram. What is none of ours is passed over.
    pub(super) fn receive(&mut self, now: Instant, from: SocketAddr, payload: &[u8]) {
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, payload)
            && !self.failed
        {
            // an error closes the engine, and the pump that follows tells
            let _ = self.rtc.handle_input(Input::Receive(now, receive));
        }
    }

    /// When the engine wants to be woken; one that has failed never does.
    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.timeout).filter(|_| !self.failed)
    }

    pub(super) fn wake(&mut self, now: Instant) {
        if !self.failed {
            let _ = self.rtc.handle_input(Input::Timeout(now));
        }
    }

    /// Polls the engine dry.
    pub(super) fn pump(
        &mut self,
        now: Instant,
        out: &mut VecDeque<Transmit>,
        happenings: &mut Vec<Happening>,
    ) {
        let mut errors = 0;
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.timeout = at;
                    break;
                }
                Ok(Output::Transmit(transmit)) if out.len() < TRANSMITS_MAX => out.push_back(Transmit {
                    destination: transmit.destination,
                    payload: transmit.contents.into(),
                }),
                Ok(Output::Transmit(_)) => {}
                Ok(Output::Event(event)) => happenings.extend(self.happening(event)),
                Err(_) => {
                    errors += 1;
                    if errors == ERRORS_MAX {
                        self.timeout = now + AFTER_ERROR;
                        break;
                    }
                }
            }
        }
        if !self.rtc.is_alive() && !std::mem::replace(&mut self.failed, true) {
            happenings.push(Happening::Failed);
        }
    }

    fn happening(&mut self, event: Event) -> Option<Happening> {
        match event {
            Event::Connected => {
                self.connected = true;
                Some(Happening::Connected)
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                let first = !std::mem::replace(&mut self.failed, true);
                first.then_some(Happening::Failed)
            }
            Event::RtpPacket(packet) => Some(Happening::Rtp(Box::new(packet))),
            Event::KeyframeRequest(_) => Some(Happening::KeyAsked),
            Event::ChannelOpen(id, _) => {
                self.channel = Some(id);
                Some(Happening::ChannelOpen)
            }
            Event::ChannelData(data) => String::from_utf8(data.data).ok().map(Happening::Text),
            _ => None,
        }
    }
}

fn is(payload: &PayloadType, name: &str) -> bool {
    payload.name.eq_ignore_ascii_case(name)
}

fn config(settings: &Settings) -> RtcConfig {
    Rtc::builder()
        .set_rtp_mode(true)
        .set_crypto_provider(Arc::clone(&settings.identity.crypto))
        .set_dtls_cert(settings.identity.certificate.clone())
        .set_dtls_version(DtlsVersion::Dtls12)
        .set_rtcp_report_interval_audio(REPORT_INTERVAL)
        .set_rtcp_report_interval_video(REPORT_INTERVAL)
        .set_sctp_max_message_size(MESSAGE_BYTES_MAX)
        .clear_codecs()
        .clear_extension_map()
}

/// All codecs that were offered and that the engine knows: others may send what this one does not.
fn declare(mut config: RtcConfig, session: &Session) -> RtcConfig {
    let Description { payload_types, .. } = &session.audio;
    let codecs = config.codec_config();
    for payload in payload_types.iter().filter(|payload| is(payload, "opus")) {
        let (clock, format) = (Frequency::FORTY_EIGHT_KHZ, FormatParams::default());
        codecs.add_config(payload.id.into(), None, Format::Opus, clock, Some(2), format);
    }
    for payload in &session.video.payload_types {
        let formats =
            [("vp8", Format::Vp8), ("vp9", Format::Vp9), ("av1", Format::Av1), ("h264", Format::H264)];
        let Some((_, format)) = formats.into_iter().find(|(name, _)| is(payload, name)) else { continue };
        let rtx = retransmission(&session.video.payload_types, payload.id).map(Into::into);
        let (clock, parameters) = (Frequency::NINETY_KHZ, FormatParams::default());
        codecs.add_config(payload.id.into(), rtx, format, clock, None, parameters);
    }
    config
}

/// RFC 4588 8.1
fn retransmission(payloads: &[PayloadType], of: u8) -> Option<u8> {
    let names_it = |payload: &PayloadType| {
        payload.parameters.iter().any(|(key, value)| key == "apt" && value.parse() == Ok(of))
    };
    payloads.iter().find(|payload| is(payload, "rtx") && names_it(payload)).map(|payload| payload.id)
}

fn extensions(mut config: RtcConfig, session: &Session) -> RtcConfig {
    let offered = session.audio.extensions.iter().chain(&session.video.extensions);
    for HeaderExtension { id, uri } in offered.filter(|extension| (1..=14).contains(&extension.id)) {
        let known = match uri.as_str() {
            "urn:ietf:params:rtp-hdrext:ssrc-audio-level" => Extension::AudioLevel,
            "urn:ietf:params:rtp-hdrext:sdes:mid" => Extension::RtpMid,
            DEPENDENCY_DESCRIPTOR => Extension::with_serializer(DEPENDENCY_DESCRIPTOR, Writer),
            "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time" => Extension::AbsoluteSendTime,
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" => {
                Extension::TransportSequenceNumber
            }
            _ => continue,
        };
        config = config.set_extension(*id, known);
    }
    config
}

/// The bridge, as it described itself.
fn describe(rtc: &mut Rtc, session: &Session, local: SocketAddr) {
    let ice = &session.ice;
    if let Ok(candidate) = Candidate::host(local, Protocol::Udp) {
        rtc.add_local_candidate(candidate);
    }
    let udp = ice.candidates.iter().filter(|candidate| candidate.protocol == "udp").take(CANDIDATES_MAX);
    for address in udp.map(|candidate| SocketAddr::new(candidate.ip, candidate.port)) {
        if let Ok(candidate) = Candidate::host(address, Protocol::Udp)
            && address.is_ipv4() == local.is_ipv4()
        {
            rtc.add_remote_candidate(candidate);
        }
    }
    let mut api = rtc.direct_api();
    api.set_ice_controlling(session.controlling);
    api.enable_twcc_feedback();
    if let (Some(ufrag), Some(pass)) = (&ice.ufrag, &ice.pwd) {
        api.set_remote_ice_credentials(IceCreds { ufrag: ufrag.clone(), pass: pass.clone() });
    }
    if let Some((setup, bytes)) = ice.sha256() {
        api.set_remote_fingerprint(Fingerprint { hash_func: "sha-256".to_owned(), bytes });
        // an error shows as a transport that never connects
        let _ = api.start_dtls(setup != Setup::Active);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_is_found_by_what_it_repairs() {
        let payload = |id, name: &str, apt: &str| PayloadType {
            id,
            name: name.to_owned(),
            clockrate: 90_000,
            channels: 1,
            parameters: vec![("apt".to_owned(), apt.to_owned())],
            feedback: Vec::new(),
        };
        let payloads = [payload(100, "VP8", ""), payload(96, "rtx", "100"), payload(97, "rtx", "x")];
        assert_eq!((retransmission(&payloads, 100), retransmission(&payloads, 101)), (Some(96), None));
    }
}
