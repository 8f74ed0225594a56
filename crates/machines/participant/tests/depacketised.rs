//! What a foreign depacketiser makes of the packets: the engine's own, at the end of a real connection.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

use std::time::{Duration, Instant};

use participant::media::codec::{Codec, Frame, Packetiser, Piece, Spatial};
use str0m::change::DirectApi;
use str0m::format::{Codec as Format, FormatParams};
use str0m::media::{Frequency, MediaData, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const PAYLOAD_TYPE: u8 = 100;
const SSRC: u32 = 1;
const FILLING: u8 = 0xaa;

#[test]
fn vp8_becomes_frames() {
    let frames = check(Codec::Vp8, Format::Vp8, FormatParams::default(), &[360]);
    // the tag of a key frame, then those of others
    assert_eq!((frames[0][0] & 1, &frames[0][3..6]), (0, &[0x9d, 0x01, 0x2a][..]));
    assert!(frames[1..].iter().all(|frame| frame[0] & 1 == 1));
}

#[test]
fn vp9_becomes_pictures_of_three_layers() {
    let frames = check(Codec::Vp9, Format::Vp9, FormatParams::default(), &[180, 360, 720]);
    assert_eq!(frames[0][..4], [0b1000_0010, 0x49, 0x83, 0x42]);
}

#[test]
fn av1_becomes_units_with_their_sequence_header() {
    let frames = check(Codec::Av1, Format::Av1, FormatParams::default(), &[180]);
    let holds_sequence = |frame: &[u8]| frame.windows(4).any(|bytes| bytes == [0x24, 0xcf, 0x7f, 0x0d]);
    assert!(holds_sequence(&frames[0]));
    assert!(!frames[1..].iter().any(|frame| holds_sequence(frame)));
}

#[test]
fn h264_becomes_units_with_their_parameters() {
    let params = FormatParams { packetization_mode: Some(1), ..Default::default() };
    let frames = check(Codec::H264, Format::H264, params, &[360]);
    let units = |frame: &[u8]| {
        let starts = frame.windows(5).filter(|bytes| bytes[..4] == [0, 0, 0, 1]);
        starts.map(|bytes| bytes[4] & 0x1f).collect::<Vec<_>>()
    };
    assert_eq!(units(&frames[0]), [7, 8, 12, 5]);
    assert!(frames[1..].iter().all(|frame| units(frame) == [1]));
}

/// Sends a key picture and eight others. All arrive, one by one and whole.
fn check(codec: Codec, format: Format, params: FormatParams, heights: &[u16]) -> Vec<Vec<u8>> {
    let mut pair = Pair::connect(format, params);
    let mut packetiser = Packetiser::new(codec, 17);
    let mut filled = Vec::new();
    for number in 0..9_u32 {
        let bytes = |height: &u16| Spatial { height: *height, bytes: usize::from(*height) * 10 };
        let layers = heights.iter().map(bytes).collect();
        let frame = Frame { key: number == 0, temporal: 0, layers };
        let pieces = packetiser.frame(&frame);
        filled.push(pieces.iter().map(|piece| piece.body).sum::<usize>());
        pair.send(number, pieces);
    }
    let frames: Vec<Vec<u8>> = pair.received.iter().map(|data| data.data.to_vec()).collect();
    let fillings = frames.iter().map(|frame| frame.iter().filter(|byte| **byte == FILLING).count());
    assert_eq!(fillings.collect::<Vec<_>>(), filled, "{codec:?}");
    assert!(pair.received.iter().all(|data| data.contiguous));
    frames
}

/// A sender of RTP and a receiver of frames.
struct Pair {
    now: Instant,
    sender: Rtc,
    receiver: Rtc,
    seq: u64,
    connected: bool,
    received: Vec<MediaData>,
}

impl Pair {
    fn connect(format: Format, params: FormatParams) -> Self {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs an instant to start from")]
        let now = Instant::now();
        let build = |config: RtcConfig| {
            let mut config = config.clear_codecs();
            let codecs = config.codec_config();
            codecs.add_config(PAYLOAD_TYPE.into(), None, format, Frequency::NINETY_KHZ, None, params);
            config.build(now)
        };
        let mut sender = build(Rtc::builder().set_rtp_mode(true));
        let mut receiver = build(Rtc::builder());
        introduce(&mut sender, &mut receiver);
        let mut pair = Self { now, sender, receiver, seq: 1, connected: false, received: vec![] };
        while !pair.connected {
            assert!(pair.now < now + Duration::from_secs(5), "they connect");
            pair.step();
        }
        pair
    }

    fn send(&mut self, number: u32, pieces: Vec<Piece>) {
        for piece in pieces {
            let payload = [&piece.head[..], &vec![FILLING; piece.body]].concat();
            let write =
                RtpWrite::new(PAYLOAD_TYPE.into(), self.seq.into(), number * 3_000, self.now, payload);
            let mut api = self.sender.direct_api();
            api.stream_tx(&SSRC.into()).expect("declared").write_rtp(write.marker(piece.marker));
            self.seq += 1;
        }
        (0..10).for_each(|_| self.step());
    }

    /// Five milliseconds.
    fn step(&mut self) {
        self.now += Duration::from_millis(5);
        for rtc in [&mut self.sender, &mut self.receiver] {
            rtc.handle_input(Input::Timeout(self.now)).unwrap();
        }
        for _ in 0..4 {
            transfer(self.now, &mut self.sender, &mut self.receiver, |event| {
                self.connected |= matches!(event, Event::Connected);
            });
            transfer(self.now, &mut self.receiver, &mut self.sender, |event| {
                if let Event::MediaData(data) = event {
                    self.received.push(data);
                }
            });
        }
    }
}

/// What one has to say, to the other.
fn transfer(now: Instant, from: &mut Rtc, to: &mut Rtc, mut happen: impl FnMut(Event)) {
    loop {
        match from.poll_output().unwrap() {
            Output::Timeout(_) => return,
            Output::Event(event) => happen(event),
            Output::Transmit(sent) => {
                let receive = Receive::new(Protocol::Udp, sent.source, sent.destination, &sent.contents);
                to.handle_input(Input::Receive(now, receive.unwrap())).unwrap();
            }
        }
    }
}

fn introduce(sender: &mut Rtc, receiver: &mut Rtc) {
    tell(1, sender, receiver);
    tell(2, receiver, sender);
    begin(sender.direct_api(), true);
    begin(receiver.direct_api(), false);
}

/// Who `one` is.
fn tell(number: u8, one: &mut Rtc, other: &mut Rtc) {
    let candidate = Candidate::host(([10, 0, 0, number], 4_000).into(), Protocol::Udp).unwrap();
    one.add_local_candidate(candidate.clone());
    other.add_remote_candidate(candidate);
    let api = one.direct_api();
    let (creds, print) = (api.local_ice_credentials(), api.local_dtls_fingerprint().clone());
    let mut api = other.direct_api();
    api.set_remote_ice_credentials(creds);
    api.set_remote_fingerprint(print);
}

fn begin(mut api: DirectApi, sends: bool) {
    let mid = Mid::from("v");
    api.set_ice_controlling(sends);
    api.start_dtls(sends).unwrap();
    api.declare_media(mid, MediaKind::Video);
    if sends {
        api.declare_stream_tx(SSRC.into(), None, mid, None);
    } else {
        api.expect_stream_rx(SSRC.into(), None, mid, None);
    }
}
