//! Where a picture begins that needs no other: per codec, from one RTP payload.

use crate::codec::Codec;

/// What a payload tells of its picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    /// this packet is the first of a key frame
    pub(crate) key: bool,
    /// pixels, where the payload tells it
    pub(crate) height: Option<u16>,
}

/// Inspects one payload. `descriptor` is the AV1 dependency descriptor of the packet's header, if any; H.264
/// carries one too when it is layered.
pub(crate) fn inspect(codec: Codec, payload: &[u8], descriptor: Option<&[u8]>) -> Picture {
    match codec {
        Codec::Vp8 => vp8(payload).unwrap_or_default(),
        Codec::Vp9 => Picture { key: vp9(payload).unwrap_or(false), height: None },
        Codec::Av1 => Picture { key: av1(payload, descriptor), height: None },
        Codec::H264 => Picture { key: h264(payload).unwrap_or(false), height: None },
        Codec::H265 => Picture { key: h265(payload).unwrap_or(false), height: None },
        Codec::Opus | Codec::Red | Codec::TelephoneEvent => Picture::default(),
    }
}

/// RFC 7741 4.2 and 4.3, RFC 6386 9.1.
fn vp8(payload: &[u8]) -> Option<Picture> {
    let first = *payload.first()?;
    let (start, partition) = (first & 0x10 != 0, first & 0x07);
    let mut at = 1;
    if first & 0x80 != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & 0x80 != 0 {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(extension & 0x40 != 0);
        at += usize::from(extension & 0x30 != 0);
    }
    let key = start && partition == 0 && payload.get(at)? & 0x01 == 0;
    if !key {
        return Some(Picture::default());
    }
    // frame tag of three bytes, start code of three, width, height with two bits of scale
    let height = payload.get(at + 8..at + 10).map(|b| u16::from_le_bytes([b[0], b[1]]) & 0x3fff);
    Some(Picture { key, height })
}

/// RFC 9628 4.2: begin of a frame, not inter-predicted, lowest spatial layer.
fn vp9(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    let (has_id, predicted, layered, begins) =
        (first & 0x80 != 0, first & 0x40 != 0, first & 0x20 != 0, first & 0x08 != 0);
    if predicted || !begins {
        return Some(false);
    }
    let mut at = 1;
    if has_id {
        at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    if !layered {
        return Some(true);
    }
    let spatial = (payload.get(at)? >> 1) & 0x07;
    Some(spatial == 0)
}

/// The dependency descriptor carries its template structure with key frames only; without a descriptor the N bit
/// of the aggregation header says that a coded video sequence begins (AV1 RTP specification 4.4 and A.8).
fn av1(payload: &[u8], descriptor: Option<&[u8]>) -> bool {
    match descriptor {
        Some([flags, _, _, extended, ..]) => flags & 0x80 != 0 && extended & 0x80 != 0,
        Some(_) => false,
        None => payload.first().is_some_and(|aggregation| aggregation & 0x08 != 0),
    }
}

/// RFC 6184 5.2 to 5.8: a parameter set or an IDR slice, alone, aggregated or as the first fragment.
fn h264(payload: &[u8]) -> Option<bool> {
    const FRAGMENT_START: u8 = 0x80;
    let opens = |unit: u8| matches!(unit & 0x1f, 5 | 7);
    Some(match payload.first()? & 0x1f {
        24 => aggregated(&payload[1..]).any(|unit| unit.first().is_some_and(|b| opens(*b))),
        28 => {
            let header = *payload.get(1)?;
            header & FRAGMENT_START != 0 && opens(header)
        }
        unit => opens(unit),
    })
}

/// RFC 7798 4.4: IRAP pictures (16 to 21) and parameter sets (32 to 34).
fn h265(payload: &[u8]) -> Option<bool> {
    const FRAGMENT_START: u8 = 0x80;
    let opens = |unit: u8| matches!(unit, 16..=21 | 32..=34);
    let header = payload.get(..2)?;
    Some(match (header[0] >> 1) & 0x3f {
        48 => aggregated(&payload[2..]).any(|unit| unit.first().is_some_and(|b| opens((b >> 1) & 0x3f))),
        49 => {
            let fragment = *payload.get(2)?;
            fragment & FRAGMENT_START != 0 && opens(fragment & 0x3f)
        }
        unit => opens(unit),
    })
}

/// The units of an aggregation packet, each after its 16 bit length.
fn aggregated(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, after) = rest.split_at_checked(2)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let (unit, after) = after.split_at_checked(length)?;
        rest = after;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(codec: Codec, payload: &[u8], key: bool) {
        assert_eq!(inspect(codec, payload, None).key, key, "{codec:?} {payload:02x?}");
    }

    #[test]
    fn vp8_key_frames_and_their_height() {
        let key = [0x90, 0xe0, 0x81, 0x23, 0x07, 0x60, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00];
        assert_eq!(inspect(Codec::Vp8, &key, None), Picture { key: true, height: Some(180) });
        let mut delta = key;
        delta[6] |= 1;
        check(Codec::Vp8, &delta, false);
        let mut continuation = key;
        continuation[0] &= !0x10;
        check(Codec::Vp8, &continuation, false);
        check(Codec::Vp8, &[0x10, 0x00], true);
        check(Codec::Vp8, &[0x10], false);
    }

    #[test]
    fn vp9_key_frames_begin_on_the_lowest_layer() {
        check(Codec::Vp9, &[0x8c, 0x81, 0x00], true);
        check(Codec::Vp9, &[0xcc, 0x81, 0x00], false);
        check(Codec::Vp9, &[0x84, 0x81, 0x00], false);
        check(Codec::Vp9, &[0xac, 0x81, 0x00, 0x00], true);
        check(Codec::Vp9, &[0xac, 0x81, 0x00, 0x02], false);
    }

    #[test]
    fn av1_by_descriptor_and_by_aggregation_header() {
        let structure = [0x80, 0x00, 0x01, 0x80, 0x00];
        assert!(inspect(Codec::Av1, &[0x00], Some(&structure)).key);
        assert!(!inspect(Codec::Av1, &[0x08], Some(&[0xc0, 0x00, 0x01])).key);
        check(Codec::Av1, &[0x18, 0x0a], true);
        check(Codec::Av1, &[0x10, 0x0a], false);
    }

    #[test]
    fn h264_idr_alone_aggregated_and_fragmented() {
        check(Codec::H264, &[0x65, 0x88], true);
        check(Codec::H264, &[0x41, 0x88], false);
        check(Codec::H264, &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce], true);
        check(Codec::H264, &[0x78, 0, 2, 0x41, 0x42, 0xff, 0xff, 0x65], false);
        check(Codec::H264, &[0x7c, 0x85], true);
        check(Codec::H264, &[0x7c, 0x05], false);
    }

    #[test]
    fn h265_irap_alone_and_fragmented() {
        check(Codec::H265, &[0x26, 0x01, 0xaf], true);
        check(Codec::H265, &[0x02, 0x01, 0xaf], false);
        check(Codec::H265, &[0x62, 0x01, 0x93], true);
        check(Codec::H265, &[0x62, 0x01, 0x13], false);
    }

    #[test]
    fn every_truncation_is_harmless() {
        let payloads: [&[u8]; 4] = [
            &[0x90, 0xf0, 0x81, 0x23, 0x07, 0x60, 0x10, 0, 0, 0x9d, 0x01, 0x2a],
            &[0xac, 0x81, 0x00, 0x02],
            &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce],
            &[0x62, 0x01, 0x93, 0x00],
        ];
        for payload in payloads {
            for length in 0..payload.len() {
                for codec in [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264, Codec::H265, Codec::Opus] {
                    let _ = inspect(codec, &payload[..length], Some(&payload[..length]));
                }
            }
        }
    }
}
