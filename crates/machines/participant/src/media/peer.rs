//! The media half of a participant, over all of its sessions.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use xmpp::jingle::rtp::Kind;

use super::camera::Camera;
use super::channel::{self, Said};
use super::codec::Piece;
use super::microphone::{self, Microphone};
use super::received::{Delay, Received};
use super::record::{Record, Traffic};
use super::session::{RemoteSource, Session};
use super::settings::Settings;
use super::stamp::{self, Layer, Stamp};
use super::transport::{Happening, Outgoing, Transport};
use crate::rng::Draws;
use crate::{Author, Time};

/// What tells these draws from those of the participant's signalling half.
const STREAM: u64 = 1 << 63;
/// Senders do not begin all at the same moment.
const STAGGER: Time = Time::from_millis(33);

/// A datagram to send from the session's socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    pub destination: SocketAddr,
    pub payload: Vec<u8>,
}

/// See the module. After each `handle_*` and each verb: `poll_transmit` until `None`, then `poll_timeout`.
pub struct Peer {
    settings: Arc<Settings>,
    author: Author,
    draws: Draws,
    link: Option<Link>,
    received: Received,
    /// of the next packet of each layer; they go on over all sessions
    numbers: BTreeMap<(bool, Layer), u32>,
    transmits: VecDeque<Transmit>,
    finishing: bool,
    failed: bool,
    record: Record,
}

/// A session.
struct Link {
    session: Box<Session>,
    began: Time,
    transport: Transport,
    microphone: Option<(Microphone, Stream)>,
    camera: Option<(Camera, Vec<Stream>)>,
    /// what the bridge wants of the camera at most, where it said so before there was one
    limit: Option<i32>,
}

/// An RTP stream of one's own.
#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    seq: u64,
    timestamp: u32,
}

impl Peer {
    /// `seed` may be the same for all, `author` tells them apart.
    pub fn new(settings: Arc<Settings>, author: Author, seed: u64) -> Self {
        let stream = STREAM | u64::from(author.participant) << 32 | u64::from(author.attendance);
        Self {
            draws: Draws::new(seed, stream),
            link: None,
            received: Received::new(settings.run),
            numbers: BTreeMap::new(),
            transmits: VecDeque::new(),
            finishing: false,
            failed: false,
            record: Record { author, ..Record::default() },
            settings,
            author,
        }
    }

    /// Begins a session from a socket at this address: one that nobody used before.
    pub fn begin(&mut self, now: Time, session: Box<Session>, local: SocketAddr) {
        self.end(now);
        let mut transport = Transport::new(self.instant(now), &self.settings, &session, local);
        self.record.sessions += 1;
        self.received.begin();
        for source in &session.remote {
            if self.received.expect(now, source) {
                transport.expect(source);
            }
        }
        self.link =
            Some(Link { session, began: now, transport, microphone: None, camera: None, limit: None });
        self.turn(now);
    }

    pub fn expect(&mut self, now: Time, sources: &[RemoteSource]) {
        let Some(link) = &mut self.link else { return };
        for source in sources {
            if self.received.expect(now, source) {
                link.transport.expect(source);
            }
        }
        self.turn(now);
    }

    pub fn forget(&mut self, now: Time, sources: &[RemoteSource]) {
        self.drop_streams(now, sources.iter().map(|source| source.ssrc).collect());
    }

    /// This endpoint has left the room.
    pub fn handle_left(&mut self, now: Time, endpoint: &str) {
        let ssrcs = self.received.leave(now, endpoint);
        self.drop_streams(now, ssrcs);
    }

    /// The bridge wants no more than this of a source; on the channel that is in `transport` it says so itself.
    pub fn limit(&mut self, source: &str, height: i32) {
        let Some(link) = self.link.as_mut().filter(|link| is_camera(link, source)) else { return };
        link.limit = Some(height);
        if let Some((camera, _)) = &mut link.camera {
            camera.limit(height);
        }
    }

    fn drop_streams(&mut self, now: Time, ssrcs: Vec<u32>) {
        for ssrc in ssrcs {
            self.received.forget(now, ssrc);
            if let Some(link) = &mut self.link {
                link.transport.forget(ssrc);
            }
        }
        self.turn(now);
    }

    /// The session is over; another one may follow.
    pub fn end(&mut self, _now: Time) {
        self.failed = false;
        let Some(link) = self.link.take() else { return };
        self.record.keys_sent += link.camera.map_or(0, |(camera, _)| camera.keys_sent);
    }

    /// A datagram came to the session's socket.
    pub fn handle_datagram(&mut self, now: Time, from: SocketAddr, payload: &[u8]) {
        let at = self.instant(now);
        let Some(link) = &mut self.link else { return };
        link.transport.receive(at, from, payload);
        self.pump(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.turn(now);
    }

    /// Sends nothing any more, and expects nothing either.
    pub fn finish(&mut self, now: Time) {
        self.finishing = true;
        self.received.finish(now);
    }

    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        let link = self.link.as_ref()?;
        let engine = link.transport.deadline().map(|at| at.saturating_duration_since(self.settings.epoch));
        let microphone = link.microphone.as_ref().map(|(microphone, _)| microphone.deadline());
        let camera = link.camera.as_ref().map(|(camera, _)| camera.deadline());
        let senders = [microphone, camera].into_iter().flatten().filter(|_| !self.finishing);
        senders.chain(engine).min()
    }

    /// Once for each session whose connection fails: the signalling half is to be told
    /// ([`handle_media_failed`](crate::Participant::handle_media_failed)).
    pub fn poll_failure(&mut self) -> bool {
        std::mem::take(&mut self.failed)
    }

    /// Delays of packets that came since it was last asked.
    pub fn delays(&mut self) -> std::vec::Drain<'_, Delay> {
        self.received.delays()
    }

    /// Asks for a key frame of every remote video: what a decoder does that lost one.
    pub fn request_keys(&mut self, now: Time) {
        let Some(link) = &mut self.link else { return };
        for ssrc in self.received.videos() {
            link.transport.request_key(ssrc);
        }
        self.turn(now);
    }

    /// What came so far, and the packets that are missing.
    pub fn so_far(&self) -> (Traffic, u64) {
        self.received.so_far()
    }

    pub fn record(&self, now: Time) -> Record {
        let mut record = self.record.clone();
        record.keys_sent += self
            .link
            .as_ref()
            .and_then(|link| link.camera.as_ref())
            .map_or(0, |(camera, _)| camera.keys_sent);
        Record { streams: self.received.streams(now), ..record }
    }

    fn instant(&self, now: Time) -> Instant {
        self.settings.epoch + now
    }

    /// Takes what is due, and lets the engine see the time.
    fn turn(&mut self, now: Time) {
        if !self.finishing {
            self.listen(now);
            self.shoot(now);
        }
        let at = self.instant(now);
        if let Some(link) = &mut self.link {
            link.transport.wake(at);
        }
        self.pump(now);
    }

    fn pump(&mut self, now: Time) {
        let at = self.instant(now);
        let mut happenings = Vec::new();
        if let Some(link) = &mut self.link {
            link.transport.pump(at, &mut self.transmits, &mut happenings);
        }
        let mut spoke = false;
        for happening in happenings {
            spoke |= self.happen(now, happening);
        }
        if let Some(link) = self.link.as_mut().filter(|_| spoke) {
            link.transport.wake(at);
            self.pump(now);
        }
    }

    /// `true`: something was said.
    fn happen(&mut self, now: Time, happening: Happening) -> bool {
        match happening {
            Happening::Connected => self.connect(now),
            Happening::Failed => {
                self.record.failures += 1;
                self.failed = true;
            }
            Happening::Rtp(packet) => {
                if !packet.payload.is_empty() {
                    self.received.packet(now, *packet.header.ssrc, &packet.payload);
                }
            }
            Happening::KeyAsked => {
                self.record.keys_asked += 1;
                if let Some((camera, _)) = self.camera() {
                    camera.request_key();
                }
            }
            Happening::ChannelOpen => {
                self.greet();
                return true;
            }
            Happening::Text(text) => self.hear(&text),
        }
        false
    }

    fn camera(&mut self) -> Option<&mut (Camera, Vec<Stream>)> {
        self.link.as_mut()?.camera.as_mut()
    }

    /// Microphone and camera go on once there is somebody to send to.
    fn connect(&mut self, now: Time) {
        let Some(link) = &mut self.link else { return };
        self.record.connects.push(now.saturating_sub(link.began));
        let begin = self.draws.time(now, STAGGER);
        let draws = &mut self.draws;
        let mut stream = |ssrc| Stream {
            ssrc,
            // RFC 3550 5.1, and below half of the numbers, as libsrtp wants them
            seq: draws.below(1 << 15),
            timestamp: draws.number(),
        };
        let voice = self.settings.voice.filter(|_| link.transport.sends(Kind::Audio));
        link.microphone = link
            .session
            .microphone()
            .zip(voice)
            .map(|(ssrc, voice)| (Microphone::new(voice, begin), stream(ssrc)));
        let streams: Vec<Stream> = link.session.camera().into_iter().map(|(ssrc, _)| stream(ssrc)).collect();
        let camera = self.settings.camera.as_ref().filter(|_| link.transport.sends(Kind::Video));
        link.camera = camera.map(|camera| (Camera::new(camera, begin, &mut self.draws), streams));
        if let Some(((camera, _), height)) = link.camera.as_mut().zip(link.limit) {
            camera.limit(height);
        }
    }

    fn greet(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.transport.say(&channel::constraints(self.settings.height_max));
        if self.settings.camera.is_some() {
            link.transport.say(&channel::video_type(&format!("{}-v0", link.session.endpoint)));
        }
    }

    fn hear(&mut self, text: &str) {
        if let Some(Said::HeightMax { source, height }) = channel::read(text) {
            self.limit(&source, height);
        }
    }

    fn listen(&mut self, now: Time) {
        let at = self.instant(now);
        let Some(Link { microphone: Some((microphone, stream)), transport, .. }) = &mut self.link else {
            return;
        };
        while let Some(sound) = microphone.listen(now, &mut self.draws) {
            let stamp = Stamp { start: true, end: true, picture: sound.number as u16, ..Stamp::default() };
            let head = vec![microphone::CONFIGURATION];
            let body = microphone::BYTES - head.len();
            let payload = sealed(&self.settings, self.author, &mut self.numbers, now, head, body, stamp);
            self.record.sent.add(&payload);
            transport.write(
                at,
                Outgoing {
                    kind: Kind::Audio,
                    ssrc: stream.ssrc,
                    seq: stream.take(),
                    timestamp: stream.timestamp.wrapping_add(sound.timestamp),
                    marker: false,
                    payload,
                    level: Some((sound.level, sound.voice)),
                    descriptor: None,
                },
            );
        }
    }

    fn shoot(&mut self, now: Time) {
        let at = self.instant(now);
        let Some(Link { camera: Some((camera, streams)), transport, .. }) = &mut self.link else { return };
        while camera.deadline() <= now {
            for packet in camera.shoot(now) {
                let Some(stream) = streams.get_mut(packet.encoding) else { continue };
                let Piece { head, body, marker, descriptor, .. } = packet.piece;
                let payload =
                    sealed(&self.settings, self.author, &mut self.numbers, now, head, body, packet.stamp);
                self.record.sent.add(&payload);
                transport.write(
                    at,
                    Outgoing {
                        kind: Kind::Video,
                        ssrc: stream.ssrc,
                        seq: stream.take(),
                        timestamp: packet.timestamp,
                        marker,
                        payload,
                        level: None,
                        descriptor,
                    },
                );
            }
        }
    }
}

impl Stream {
    fn take(&mut self) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        seq
    }
}

impl Traffic {
    fn add(&mut self, payload: &[u8]) {
        self.packets += 1;
        self.bytes += payload.len() as u64;
    }
}

fn is_camera(link: &Link, source: &str) -> bool {
    source.strip_suffix("-v0") == Some(link.session.endpoint.as_str())
}

/// A payload with its filling and its stamp.
fn sealed(
    settings: &Settings,
    author: Author,
    numbers: &mut BTreeMap<(bool, Layer), u32>,
    now: Time,
    mut payload: Vec<u8>,
    body: usize,
    stamp: Stamp,
) -> Vec<u8> {
    let number = numbers.entry((stamp.is_video, stamp.layer)).or_default();
    let (run, participant) = (settings.run, author.participant);
    let attendance = u16::try_from(author.attendance).unwrap_or(u16::MAX);
    let stamp = Stamp { run, participant, attendance, sequence: *number, sent: now, ..stamp };
    *number = number.wrapping_add(1);
    payload.resize(payload.len() + body.saturating_sub(stamp::BYTES), FILLING);
    stamp.write(&mut payload);
    payload
}

/// Neither a start code nor a trailing zero of any codec.
const FILLING: u8 = 0xaa;
