//! The codecs that a bridge knows by name, and the payload types of an endpoint.

use str0m::format::{Codec as Format, FormatParams};
use str0m::media::Frequency;
use xmpp::jingle::rtp::{Kind, PayloadType};

use crate::limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Opus,
    /// RFC 2198; passed on as it is
    Red,
    TelephoneEvent,
    Vp8,
    Vp9,
    Av1,
    H264,
    H265,
}

/// One payload type with its retransmission format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) pt: u8,
    pub(crate) rtx: Option<u8>,
    pub(crate) codec: Codec,
}

impl Codec {
    fn by_name(name: &str) -> Option<Self> {
        let known = [
            ("opus", Self::Opus),
            ("red", Self::Red),
            ("telephone-event", Self::TelephoneEvent),
            ("vp8", Self::Vp8),
            ("vp9", Self::Vp9),
            ("av1", Self::Av1),
            ("h264", Self::H264),
            ("h265", Self::H265),
        ];
        known.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, codec)| *codec)
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Opus | Self::Red | Self::TelephoneEvent => Kind::Audio,
            Self::Vp8 | Self::Vp9 | Self::Av1 | Self::H264 | Self::H265 => Kind::Video,
        }
    }

    fn format(self) -> Format {
        match self {
            // the engine has no public way to declare RED by itself; in RTP mode it never looks inside
            Self::Opus | Self::Red => Format::Opus,
            Self::TelephoneEvent => Format::Tele,
            Self::Vp8 => Format::Vp8,
            Self::Vp9 => Format::Vp9,
            Self::Av1 => Format::Av1,
            Self::H264 => Format::H264,
            Self::H265 => Format::H265,
        }
    }

    /// RTP timestamp ticks per second
    pub(crate) fn rate(self) -> u32 {
        self.clock().get()
    }

    fn clock(self) -> Frequency {
        match self {
            Self::Opus | Self::Red => Frequency::FORTY_EIGHT_KHZ,
            Self::TelephoneEvent => Frequency::EIGHT_KHZ,
            Self::Vp8 | Self::Vp9 | Self::Av1 | Self::H264 | Self::H265 => Frequency::NINETY_KHZ,
        }
    }
}

impl Payload {
    /// Declares it to the media engine.
    pub(crate) fn declare(&self, config: &mut str0m::format::CodecConfig) {
        let channels = (self.codec.kind() == Kind::Audio && self.codec != Codec::TelephoneEvent).then_some(2);
        config.add_config(
            self.pt.into(),
            self.rtx.map(Into::into),
            self.codec.format(),
            self.codec.clock(),
            channels,
            FormatParams::default(),
        );
    }
}

/// The payloads of one media description. Unknown codecs are left out, and so are payload types that RTCP would
/// be taken for (RFC 5761 4).
pub(crate) fn payloads(kind: Kind, types: &[PayloadType]) -> Vec<Payload> {
    let types = &types[..types.len().min(limits::PAYLOAD_TYPES_MAX)];
    types
        .iter()
        .filter(|t| t.id < 64 || (96..128).contains(&t.id))
        .filter_map(|t| {
            let codec = Codec::by_name(&t.name).filter(|c| c.kind() == kind)?;
            Some(Payload { pt: t.id, rtx: retransmission(types, t.id), codec })
        })
        .collect()
}

/// The payload type that retransmits `pt` (RFC 4588 8.1: `apt`).
fn retransmission(types: &[PayloadType], pt: u8) -> Option<u8> {
    let names_it = |t: &PayloadType| t.parameters.iter().any(|(k, v)| k == "apt" && v.parse() == Ok(pt));
    types
        .iter()
        .find(|t| t.name.eq_ignore_ascii_case("rtx") && names_it(t))
        .map(|t| t.id)
        .filter(|id| *id < 128)
}

/// What a receiver calls the codec that a sender calls `pt`: the same number if it means the same, else the first
/// payload type of that codec.
pub(crate) fn translate(receiver: &[Payload], codec: Codec, pt: u8) -> Option<&Payload> {
    let same = receiver.iter().find(|p| p.pt == pt && p.codec == codec);
    same.or_else(|| receiver.iter().find(|p| p.codec == codec))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload_type(id: u8, name: &str, apt: Option<u8>) -> PayloadType {
        let parameters = apt.map(|apt| ("apt".to_owned(), apt.to_string())).into_iter().collect();
        PayloadType {
            id,
            name: name.to_owned(),
            clockrate: 90_000,
            channels: 1,
            parameters,
            feedback: vec![],
        }
    }

    #[test]
    fn rtx_is_linked_by_apt() {
        let types = [
            payload_type(100, "VP8", None),
            payload_type(96, "rtx", Some(100)),
            payload_type(107, "H264", None),
        ];
        let found = payloads(Kind::Video, &types);
        assert_eq!(found[0], Payload { pt: 100, rtx: Some(96), codec: Codec::Vp8 });
        assert_eq!(found[1], Payload { pt: 107, rtx: None, codec: Codec::H264 });
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn foreign_kinds_unknown_names_and_bad_numbers_are_left_out() {
        let types = [
            payload_type(111, "opus", None),
            payload_type(50, "speex", None),
            payload_type(72, "VP8", None),
            payload_type(200, "VP8", None),
        ];
        assert!(payloads(Kind::Video, &types).is_empty());
        assert_eq!(payloads(Kind::Audio, &types).len(), 1);
    }

    #[test]
    fn the_receiver_may_number_otherwise() {
        let receiver = [
            Payload { pt: 41, rtx: None, codec: Codec::Av1 },
            Payload { pt: 98, rtx: None, codec: Codec::Vp9 },
            Payload { pt: 101, rtx: None, codec: Codec::Vp9 },
        ];
        assert_eq!(translate(&receiver, Codec::Vp9, 101).map(|p| p.pt), Some(101));
        assert_eq!(translate(&receiver, Codec::Vp9, 41).map(|p| p.pt), Some(98));
        assert_eq!(translate(&receiver, Codec::Vp8, 41), None);
    }
}
