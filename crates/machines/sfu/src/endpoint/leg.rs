//! The transport of one endpoint: ICE, DTLS, SRTP, SCTP and RTCP on one 5-tuple, made by the media engine.
//!
//! The engine wants to be polled until it is dry after everything it is given; [`Leg::pump`] does that, and
//! everything that changes a leg without pumping it says so in its documentation. There is no SDP: streams are
//! declared one by one. No pacer and no bandwidth estimate towards the client run in this version.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use colibri::Media;
use str0m::channel::ChannelId;
use str0m::config::{DtlsCert, DtlsVersion, Fingerprint};
use str0m::crypto::CryptoProvider;
use str0m::ice::StunMessage;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event as EngineEvent, IceConnectionState, IceCreds, Input, Output, Rtc, RtcConfig};
use xmpp::jingle::ice::{IceUdp, Setup};
use xmpp::jingle::rtp::{HeaderExtension, Kind};

use super::extensions;
use crate::codec::{self, Payload};
use crate::outbox::Outbox;
use crate::{Transmit, limits};

/// JVB reports to senders in this rhythm, and so do we
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
/// when an engine that reported an error is looked after again
const AFTER_ERROR: Duration = Duration::from_millis(100);
/// errors of one pump after which it gives up
const ERRORS_MAX: usize = 4;

/// What all legs share: the certificate and the cryptography.
pub(crate) struct Identity {
    pub(crate) crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

/// What a new leg needs to know.
pub(crate) struct Plan<'a> {
    pub(crate) ufrag: String,
    pub(crate) password: String,
    pub(crate) candidates: &'a [SocketAddr],
    pub(crate) media: &'a [Media],
    pub(crate) ice_controlling: bool,
    pub(crate) sctp: bool,
}

/// What came out of a leg, apart from datagrams.
#[derive(Debug)]
pub(crate) enum Happening {
    Rtp(Box<RtpPacket>),
    /// the receiver lost the picture of this outgoing media
    KeyframeAsked(Mid),
    IceUp,
    IceDown,
    DtlsUp,
    ChannelOpen(ChannelId),
    ChannelText(ChannelId, String),
    ChannelClosed(ChannelId),
    /// for good: a wrong fingerprint, or the engine gave up
    Failed,
}

pub(crate) struct Leg {
    rtc: Rtc,
    crypto: Arc<CryptoProvider>,
    ufrag: String,
    password: String,
    payloads: Vec<Payload>,
    mixed_forms: bool,
    remote: Remote,
    mids: Mids,
    /// when the engine wants to be woken
    timeout: Instant,
    /// kept for [`crate::outbox::Timers`]
    pub(crate) timer: Option<Instant>,
    /// something was written since the last pump
    dirty: bool,
}

/// How far the other side is.
#[derive(Debug, Default)]
struct Remote {
    credentials: Option<(String, String)>,
    candidates: usize,
    fingerprint: bool,
    dtls_started: bool,
    /// ICE was up once: later descriptions are ignored
    established: bool,
    media_up: bool,
    failed: bool,
}

/// Names of medias, used again so that nothing grows with their coming and going.
#[derive(Debug, Default)]
struct Mids {
    free: BTreeSet<u16>,
    next: u16,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let crypto = str0m::crypto::from_feature_flags();
        let certificate = crypto.dtls_provider.generate_certificate();
        Self {
            certificate: certificate.expect("the built-in provider makes certificates"),
            crypto: Arc::new(crypto),
        }
    }
}

impl Leg {
    pub(crate) fn new(now: Instant, identity: &Identity, plan: Plan) -> Self {
        let payloads: Vec<_> =
            plan.media.iter().flat_map(|m| codec::payloads(m.kind, &m.description.payload_types)).collect();
        let list: Vec<HeaderExtension> =
            plan.media.iter().flat_map(|m| m.description.extensions.iter().cloned()).collect();
        let mut config = extensions::map(base_config(identity).clear_codecs(), &list);
        for payload in &payloads {
            payload.declare(config.codec_config());
        }
        let creds = IceCreds { ufrag: plan.ufrag.clone(), pass: plan.password.clone() };
        let mut rtc = config.set_local_ice_credentials(creds).build(now);
        for candidate in plan.candidates.iter().filter_map(|a| Candidate::host(*a, Protocol::Udp).ok()) {
            rtc.add_local_candidate(candidate);
        }
        let mut api = rtc.direct_api();
        api.set_ice_controlling(plan.ice_controlling);
        api.enable_twcc_feedback();
        if plan.sctp {
            api.start_sctp(false);
        }
        Self {
            rtc,
            crypto: identity.crypto.clone(),
            ufrag: plan.ufrag,
            password: plan.password,
            payloads,
            mixed_forms: plan.media.iter().any(|m| m.description.extmap_allow_mixed),
            remote: Remote::default(),
            mids: Mids::default(),
            timeout: now,
            timer: None,
            dirty: true,
        }
    }

    pub(crate) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// The sha-256 of our certificate: colon-separated hexadecimal.
    pub(crate) fn fingerprint(&mut self) -> String {
        let bytes = self.rtc.direct_api().local_dtls_fingerprint().bytes.clone();
        bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
    }

    pub(crate) fn payloads(&self) -> &[Payload] {
        &self.payloads
    }

    /// Whether the client took part in extmap-allow-mixed.
    pub(crate) fn takes_mixed_forms(&self) -> bool {
        self.mixed_forms
    }

    pub(crate) fn timeout(&self) -> Instant {
        self.timeout
    }

    pub(crate) fn is_media_up(&self) -> bool {
        self.remote.media_up && !self.remote.failed
    }

    /// For good.
    pub(crate) fn is_failed(&self) -> bool {
        self.remote.failed
    }

    pub(crate) fn was_established(&self) -> bool {
        self.remote.established
    }

    /// Takes the client's description. Once ICE is up it is ignored, as stock bridges do: a description sent again
    /// must not disturb the media. Needs a pump.
    pub(crate) fn set_remote(&mut self, ice: &IceUdp) {
        if self.remote.established || self.remote.failed {
            return;
        }
        self.set_fingerprint(ice);
        if let (Some(ufrag), Some(password)) = (&ice.ufrag, &ice.pwd) {
            let credentials = (ufrag.clone(), password.clone());
            if self.remote.credentials.as_ref() != Some(&credentials) {
                let creds = IceCreds { ufrag: ufrag.clone(), pass: password.clone() };
                self.rtc.direct_api().set_remote_ice_credentials(creds);
                self.remote.credentials = Some(credentials);
            }
        }
        let usable = ice.candidates.iter().filter(|c| c.generation == 0 && c.component == 1);
        for candidate in usable.filter(|c| c.protocol.eq_ignore_ascii_case("udp")) {
            let parsed = Candidate::host(SocketAddr::new(candidate.ip, candidate.port), Protocol::Udp);
            if let (Ok(parsed), true) = (parsed, self.remote.candidates < limits::REMOTE_CANDIDATES_MAX) {
                self.remote.candidates += 1;
                self.rtc.add_remote_candidate(parsed);
            }
        }
    }

    fn set_fingerprint(&mut self, ice: &IceUdp) {
        // the engine compares one fingerprint
        let Some((setup, bytes)) = ice.sha256() else { return };
        let mut api = self.rtc.direct_api();
        api.set_remote_fingerprint(Fingerprint { hash_func: "sha-256".to_owned(), bytes });
        self.remote.fingerprint = true;
        // RFC 5763 5: the active side sends the ClientHello; our own description says actpass
        let we_begin = match setup {
            Setup::Active => false,
            Setup::Passive => true,
            Setup::ActPass => return,
        };
        if !self.remote.dtls_started {
            self.remote.dtls_started = api.start_dtls(we_begin).is_ok();
        }
    }

    /// Takes one datagram. Needs a pump at once. `false`: the leg is dead, or cannot make anything of it.
    pub(crate) fn receive(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> bool {
        let Ok(receive) = Receive::new(Protocol::Udp, from, to, payload) else { return false };
        !self.remote.failed && self.rtc.handle_input(Input::Receive(now, receive)).is_ok()
    }

    /// Whether only the client can have sent this: a check, or the answer to one of ours, with its password
    /// (RFC 7675 calls that consent). Media prove themselves when they come out of the engine.
    pub(crate) fn is_consent(&self, payload: &[u8]) -> bool {
        let Some(0..=3) = payload.first() else { return false };
        let Ok(message) = StunMessage::parse(payload) else { return false };
        // whose request it is was found out by verifying it, see `demux`
        if message.is_binding_request() {
            return true;
        }
        let hmac = |key: &[u8], parts: &[&[u8]]| self.crypto.sha1_hmac_provider.sha1_hmac(key, parts);
        let credentials = self.remote.credentials.as_ref();
        credentials.is_some_and(|(_, password)| message.verify(password.as_bytes(), hmac))
    }

    /// Lets the engine see that time has passed. Needs a pump.
    pub(crate) fn wake(&mut self, now: Instant) {
        if !self.remote.failed {
            // an error closes the engine, and the pump that follows reports it
            let _ = self.rtc.handle_input(Input::Timeout(now));
        }
    }

    /// Polls the engine dry.
    pub(crate) fn pump(&mut self, now: Instant, out: &mut Outbox, happenings: &mut Vec<Happening>) {
        self.dirty = false;
        let mut errors = 0;
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.timeout = at;
                    break;
                }
                Ok(Output::Transmit(transmit)) => out.transmit(Transmit {
                    source: transmit.source,
                    destination: transmit.destination,
                    payload: transmit.contents.into(),
                }),
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
        if !self.rtc.is_alive() && !self.remote.failed {
            self.remote.failed = true;
            happenings.push(Happening::Failed);
        }
    }

    fn happening(&mut self, event: EngineEvent) -> Option<Happening> {
        match event {
            EngineEvent::RtpPacket(packet) => Some(Happening::Rtp(Box::new(packet))),
            EngineEvent::KeyframeRequest(request) => Some(Happening::KeyframeAsked(request.mid)),
            EngineEvent::IceConnectionStateChange(state) => self.ice_changed(state),
            EngineEvent::Connected => {
                self.remote.media_up = true;
                Some(Happening::DtlsUp)
            }
            EngineEvent::ChannelOpen(id, _) => Some(Happening::ChannelOpen(id)),
            EngineEvent::ChannelData(data) => {
                let text = String::from_utf8(data.data).ok()?;
                Some(Happening::ChannelText(data.id, text))
            }
            EngineEvent::ChannelClose(id) => Some(Happening::ChannelClosed(id)),
            _ => None,
        }
    }

    fn ice_changed(&mut self, state: IceConnectionState) -> Option<Happening> {
        if state.is_connected() {
            let first = !std::mem::replace(&mut self.remote.established, true);
            return first.then_some(Happening::IceUp);
        }
        state.is_disconnected().then_some(Happening::IceDown)
    }

    /// Says that something was written; `true` the first time since the last pump.
    pub(crate) fn touch(&mut self) -> bool {
        !std::mem::replace(&mut self.dirty, true)
    }

    /// Expects the encodings of a source, each with its retransmission SSRC. Needs a pump.
    pub(crate) fn expect(&mut self, kind: Kind, encodings: impl Iterator<Item = (u32, Option<u32>)>) -> Mid {
        let mid = self.mids.take();
        let mut api = self.rtc.direct_api();
        api.declare_media(mid, media_kind(kind));
        for (index, (ssrc, rtx)) in encodings.enumerate() {
            // the engine tells the streams of a media apart by rid; nobody outside sees it
            let rid: Rid = index.to_string().as_str().into();
            api.expect_stream_rx(ssrc.into(), rtx.map(Into::into), mid, Some(rid));
        }
        mid
    }

    /// Declares an outgoing stream in a media of its own. Needs a pump.
    pub(crate) fn declare(&mut self, kind: Kind, ssrc: u32, rtx: Option<u32>) -> Mid {
        let mid = self.mids.take();
        let mut api = self.rtc.direct_api();
        api.declare_media(mid, media_kind(kind));
        let stream = api.declare_stream_tx(ssrc.into(), rtx.map(Into::into), mid, None);
        if kind == Kind::Video {
            let cap = Some(limits::RTX_RATIO_MAX);
            stream.set_rtx_cache(limits::RTX_CACHE_PACKETS, limits::RTX_CACHE_AGE, cap);
        }
        mid
    }

    /// Takes a media with its streams away again. Needs a pump.
    pub(crate) fn remove(&mut self, mid: Mid) {
        self.rtc.direct_api().remove_media(mid);
        self.mids.give_back(mid);
    }

    /// Queues a packet; it leaves with the next wake and pump.
    pub(crate) fn write(&mut self, ssrc: u32, packet: RtpWrite) {
        if self.remote.failed {
            return;
        }
        if let Some(stream) = self.rtc.direct_api().stream_tx(&ssrc.into()) {
            stream.write_rtp(packet);
        }
    }

    /// Asks the client for a key frame of one of its encodings (RFC 4585 6.3.1). Needs a wake and a pump.
    pub(crate) fn request_keyframe(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc.into()) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// `false`: the channel is not open or its buffer is full. Needs a wake and a pump.
    pub(crate) fn write_channel(&mut self, channel: ChannelId, text: &str) -> bool {
        !self.remote.failed
            && self
                .rtc
                .channel(channel)
                .is_some_and(|mut c| matches!(c.write(false, text.as_bytes()), Ok(true)))
    }

    /// Needs a wake and a pump.
    pub(crate) fn close_channel(&mut self, channel: ChannelId) {
        self.rtc.direct_api().close_data_channel(channel);
    }
}

impl Mids {
    fn take(&mut self) -> Mid {
        let number = self.free.pop_first().unwrap_or_else(|| {
            self.next += 1;
            self.next
        });
        format!("m{number}").as_str().into()
    }

    fn give_back(&mut self, mid: Mid) {
        if let Ok(number) = mid.trim_start_matches('m').parse() {
            self.free.insert(number);
        }
    }
}

fn base_config(identity: &Identity) -> RtcConfig {
    Rtc::builder()
        .set_rtp_mode(true)
        .set_crypto_provider(identity.crypto.clone())
        .set_dtls_cert(identity.certificate.clone())
        // COMPAT: left to DTLS 1.3, browsers end up with HMAC-SHA1, which costs twice as much as AES-GCM
        .set_dtls_version(DtlsVersion::Dtls12)
        .set_rtcp_report_interval_audio(REPORT_INTERVAL)
        .set_rtcp_report_interval_video(REPORT_INTERVAL)
        .set_sctp_max_message_size(limits::MESSAGE_BYTES_MAX as u32)
}

fn media_kind(kind: Kind) -> MediaKind {
    match kind {
        Kind::Audio => MediaKind::Audio,
        Kind::Video => MediaKind::Video,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn a_description_does_not_pass_for_a_pump() {
        let (now, identity) = (Instant::now(), Identity::new());
        let plan = Plan {
            ufrag: "ufrag".to_owned(),
            password: "a password of 22 and more".to_owned(),
            candidates: &[],
            media: &[],
            ice_controlling: true,
            sctp: false,
        };
        let mut leg = Leg::new(now, &identity, plan);
        leg.pump(now, &mut Outbox::default(), &mut vec![]);
        leg.set_remote(&IceUdp {
            ufrag: Some("u".to_owned()),
            pwd: Some("p".to_owned()),
            ..Default::default()
        });
        assert!(leg.touch(), "it must be marked for the next flush");
        assert!(!leg.touch());
    }

    #[test]
    fn names_of_medias_come_back() {
        let mut mids = Mids::default();
        let (a, b) = (mids.take(), mids.take());
        assert_ne!(a, b);
        mids.give_back(a);
        assert_eq!(mids.take(), a);
        assert_ne!(mids.take(), b);
    }
}
