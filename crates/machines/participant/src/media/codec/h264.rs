//! H.264, baseline profile in packetization mode 1 (RFC 6184).

use super::super::stamp;
use super::bits::Bits;
use super::{Frame, Piece, split, width};

/// Indicator and header of a fragment.
const FRAGMENT_BYTES: usize = 2;
/// Types of NAL units (H.264 table 7-1), with the importance that encoders give them.
const SLICE: u8 = 0x61;
const IDR_SLICE: u8 = 0x65;
const SEQUENCE_PARAMETERS: u8 = 0x67;
const PICTURE_PARAMETERS: u8 = 0x68;
const FILLER: u8 = 0x0c;
/// RFC 6184 table 1
const AGGREGATE: u8 = 24;
const FRAGMENT: u8 = 28;

pub(super) fn frame(frame: &Frame) -> Vec<Piece> {
    let Some(layer) = frame.layers.first() else { return Vec::new() };
    let unit = if frame.key { IDR_SLICE } else { SLICE };
    let sizes = split(layer.bytes, FRAGMENT_BYTES);
    let last = sizes.len() - 1;
    let slices = sizes.enumerate().map(|(index, body)| {
        let (first, end) = (index == 0, index == last);
        let head = if last == 0 { vec![unit] } else { fragment(unit, first, end) };
        Piece { head, body, spatial: 0, start: first && !frame.key, end, marker: end, descriptor: None }
    });
    // a picture that needs no other begins with the parameters
    let parameters = frame.key.then(|| Piece {
        head: parameters(layer.height),
        body: stamp::BYTES,
        spatial: 0,
        start: true,
        end: false,
        marker: false,
        descriptor: None,
    });
    parameters.into_iter().chain(slices).collect()
}

/// RFC 6184 5.8
fn fragment(unit: u8, first: bool, last: bool) -> Vec<u8> {
    let importance = unit & 0x60;
    vec![importance | FRAGMENT, u8::from(first) << 7 | u8::from(last) << 6 | unit & 0x1f]
}

/// Both parameter sets, aggregated (RFC 6184 5.7.1), and a unit of filler data for the stamp.
fn parameters(height: u16) -> Vec<u8> {
    let mut head = vec![0x60 | AGGREGATE];
    for unit in [sequence_parameters(height), picture_parameters()] {
        head.extend((unit.len() as u16).to_be_bytes());
        head.extend(unit);
    }
    head.extend((1 + stamp::BYTES as u16).to_be_bytes());
    head.push(FILLER);
    head
}

/// H.264 7.3.2.1.1
fn sequence_parameters(height: u16) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(u32::from(SEQUENCE_PARAMETERS), 8);
    // constrained baseline, level 3.1
    bits.put(0x42_e01f, 24);
    // its id, the lengths of frame numbers, the order of output, one reference
    [0, 0, 2, 1].iter().for_each(|value| bits.put_ue(*value));
    bits.flag(false);
    let rows = u32::from(height).div_ceil(16);
    bits.put_ue(u32::from(width(height)).div_ceil(16) - 1);
    bits.put_ue(rows - 1);
    // whole frames, direct inference
    bits.put(0b11, 2);
    let cropped = rows * 16 - u32::from(height);
    bits.flag(cropped > 0);
    if cropped > 0 {
        // in units of two rows
        [0, 0, 0, cropped / 2].iter().for_each(|value| bits.put_ue(*value));
    }
    // nothing of usability; the stop bit
    bits.put(0b01, 2);
    bits.into_bytes()
}

/// H.264 7.3.2.2, all as plain as can be.
fn picture_parameters() -> Vec<u8> {
    vec![PICTURE_PARAMETERS, 0xce, 0x3c, 0x80]
}

#[cfg(test)]
mod tests {
    use super::super::Spatial;
    use super::*;

    fn check(key: bool, height: u16, bytes: usize, types: &[u8]) -> Vec<Piece> {
        let pieces = frame(&Frame { key, temporal: 0, layers: vec![Spatial { height, bytes }] });
        assert_eq!(pieces.iter().map(|piece| piece.head[0] & 0x1f).collect::<Vec<_>>(), types);
        let ends = pieces.iter().map(|piece| (piece.start, piece.end, piece.marker)).collect::<Vec<_>>();
        assert_eq!((ends[0].0, ends.last().unwrap().1, ends.last().unwrap().2), (true, true, true));
        assert_eq!(ends.iter().filter(|(start, end, _)| *start || *end).count(), types.len().min(2));
        pieces
    }

    #[test]
    fn a_small_picture_is_one_unit_and_a_large_one_is_fragments() {
        check(false, 180, 500, &[1]);
        let pieces = check(false, 720, 3_000, &[FRAGMENT; 3]);
        let headers: Vec<u8> = pieces.iter().map(|piece| piece.head[1]).collect();
        assert_eq!(headers, [0x81, 0x01, 0x41]);
    }

    #[test]
    fn a_key_frame_begins_with_its_parameters() {
        let pieces = check(true, 180, 2_000, &[AGGREGATE, FRAGMENT, FRAGMENT]);
        let head = &pieces[0].head;
        assert_eq!((head[3], &head[4..7]), (SEQUENCE_PARAMETERS, &[0x42, 0xe0, 0x1f][..]));
        assert_eq!(pieces[1].head, [0x7c, 0x85]);
    }

    #[test]
    fn heights_that_are_no_multiple_of_sixteen_are_cropped() {
        check_size(180, &[0, 0, 2, 1], [19, 11], &[0, 0, 0, 6]);
        check_size(720, &[0, 0, 2, 1], [79, 44], &[]);
    }

    /// Reads the set as H.264 7.3.2.1.1 has it.
    fn check_size(height: u16, begin: &[u32], size: [u32; 2], cropped: &[u32]) {
        let bytes = sequence_parameters(height);
        let mut reader =
            Reader(bytes[4..].iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)));
        assert_eq!(reader.numbers(4), begin);
        assert_eq!(reader.bits(1), 0);
        assert_eq!(reader.numbers(2), size);
        assert_eq!(reader.bits(3), 0b110 | u32::from(!cropped.is_empty()));
        assert_eq!(reader.numbers(cropped.len()), cropped);
        assert_eq!(reader.bits(2), 0b01);
    }

    struct Reader<I>(I);

    impl<I: Iterator<Item = u8>> Reader<I> {
        fn bits(&mut self, count: usize) -> u32 {
            self.0.by_ref().take(count).fold(0, |number, bit| number << 1 | u32::from(bit))
        }

        /// `ue(v)`
        fn numbers(&mut self, count: usize) -> Vec<u32> {
            let number = |_| {
                let zeros = self.0.by_ref().take_while(|bit| *bit == 0).count();
                (1 << zeros | self.bits(zeros)) - 1
            };
            (0..count).map(number).collect()
        }
    }
}
