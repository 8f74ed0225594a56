//! Packetisers: the codec's own headers as an encoder and RFC write them, and how many octets of filling go behind.
//!
//! A file for each codec. Each is given a [`Frame`] and gives its [`Piece`]s; of the picture itself nothing exists, but in
//! VP8, where `still` has one that browsers decode.

mod av1;
mod bits;
mod dependency;
mod h264;
mod still;
mod vp8;
mod vp9;

use av1::Av1;
use vp8::Vp8;
use vp9::Vp9;

use super::limits::PAYLOAD_BYTES_MAX;
use super::stamp;

/// What pictures are coded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// spatial layers in one stream
    Av1,
    H264,
    Vp8,
    /// spatial layers in one stream
    Vp9,
}

/// One picture of one encoding, all of its spatial layers together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// needs no other
    pub key: bool,
    pub temporal: u8,
    /// ascending; one, unless the codec has spatial layers
    pub layers: Vec<Spatial>,
}

/// A spatial layer of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spatial {
    pub height: u16,
    /// coded, about
    pub bytes: usize,
}

/// The payload of one packet, without its filling and its stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// descriptor and headers
    pub head: Vec<u8>,
    /// octets that follow: filling, and at the end the stamp
    pub body: usize,
    pub spatial: u8,
    /// the first packet of its layer's frame, and the last
    pub start: bool,
    pub end: bool,
    /// the last of the picture (RFC 3550 5.1)
    pub marker: bool,
    /// the AV1 dependency descriptor that goes into the packet's header
    pub descriptor: Option<Vec<u8>>,
}

impl Codec {
    /// As payload types name it, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Av1 => "av1",
            Self::H264 => "h264",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
        }
    }

    /// Whether the pictures of several heights are layers of one stream, and not streams beside each other.
    pub fn is_layered(self) -> bool {
        matches!(self, Self::Av1 | Self::Vp9)
    }

    /// How many temporal layers a camera has (`StandardVideoQualitySettings.ts`).
    pub fn temporal_layers(self) -> u8 {
        match self {
            Self::H264 => 1,
            Self::Vp8 => 2,
            Self::Av1 | Self::Vp9 => 3,
        }
    }

    /// Bits a second for a picture of this height, the layers below it included (`StandardVideoQualitySettings.ts`).
    pub fn bitrate_bps(self, height: u16) -> u32 {
        let [low, standard, high] = match self {
            Self::Av1 => [100_000, 300_000, 1_000_000],
            Self::H264 => [400_000, 800_000, 2_000_000],
            Self::Vp8 => [200_000, 500_000, 1_500_000],
            Self::Vp9 => [100_000, 300_000, 1_200_000],
        };
        match height {
            0..=270 => low,
            271..=540 => standard,
            _ => high,
        }
    }
}

/// The numbers of one encoding that go on from frame to frame.
#[derive(Clone, Debug)]
pub struct Packetiser(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Av1(Av1),
    H264,
    Vp8(Vp8),
    Vp9(Vp9),
}

impl Packetiser {
    /// `begin` is where its numbers begin: encoders begin anywhere.
    pub fn new(codec: Codec, begin: u16) -> Self {
        Self(match codec {
            Codec::Av1 => Kind::Av1(Av1::new(begin)),
            Codec::H264 => Kind::H264,
            Codec::Vp8 => Kind::Vp8(Vp8::new(begin)),
            Codec::Vp9 => Kind::Vp9(Vp9::new(begin)),
        })
    }

    /// The packets of a frame, in order.
    pub fn frame(&mut self, frame: &Frame) -> Vec<Piece> {
        match &mut self.0 {
            Kind::Av1(av1) => av1.frame(frame),
            Kind::H264 => h264::frame(frame),
            Kind::Vp8(vp8) => vp8.frame(frame),
            Kind::Vp9(vp9) => vp9.frame(frame),
        }
    }
}

/// Octets of a 16:9 picture's width.
fn width(height: u16) -> u16 {
    u16::try_from(u32::from(height) * 16 / 9).unwrap_or(u16::MAX)
}

/// How many octets go into each of the packets that `bytes` need, when `head` of each are taken. Even, as libwebrtc has
/// it; room for the stamp in each.
fn split(bytes: usize, head: usize) -> impl ExactSizeIterator<Item = usize> {
    let room = PAYLOAD_BYTES_MAX - head;
    let bytes = bytes.max(stamp::BYTES);
    let packets = bytes.div_ceil(room);
    let (each, more) = (bytes / packets, bytes % packets);
    (0..packets).map(move |packet| (each + usize::from(packet < more)).max(stamp::BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_split_evenly_and_whole() {
        for bytes in [0, 1, 31, 32, 1_140, 1_141, 10_000, 100_000] {
            let sizes: Vec<usize> = split(bytes, 10).collect();
            assert_eq!(sizes.iter().sum::<usize>(), bytes.max(stamp::BYTES), "{bytes}");
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(most - least <= 1 && *most <= PAYLOAD_BYTES_MAX - 10, "{bytes}");
        }
    }

    #[test]
    fn pictures_are_wide() {
        assert_eq!([180, 360, 720].map(width), [320, 640, 1_280]);
    }
}
