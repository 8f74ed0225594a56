//! VP9 with spatial layers that depend on each other in key pictures only (RFC 9628, "K-SVC").

use super::bits::Bits;
use super::{Frame, Piece, Spatial, split, width};

/// Flags, picture id of 15 bits, layer indices, TL0PICIDX.
const DESCRIPTOR_BYTES: usize = 5;
/// The structure with three layers, and the uncompressed header.
const KEY_HEADER_BYTES: usize = 32;

/// The pictures of a group, after which the pattern begins anew: temporal layer, whether one may switch up to it, and
/// how far back the picture is that it needs.
const GROUP: [(u8, bool, u8); 4] = [(0, false, 4), (2, true, 1), (1, true, 2), (2, true, 1)];

#[derive(Clone, Debug)]
pub(super) struct Vp9 {
    picture: u16,
    level_zero: u8,
}

/// Where a packet stands.
struct Place {
    spatial: u8,
    start: bool,
    end: bool,
    /// no layer above this one
    top: bool,
}

impl Vp9 {
    pub(super) fn new(begin: u16) -> Self {
        Self { picture: begin & 0x7fff, level_zero: begin as u8 }
    }

    pub(super) fn frame(&mut self, frame: &Frame) -> Vec<Piece> {
        self.picture = self.picture.wrapping_add(1) & 0x7fff;
        if frame.temporal == 0 {
            self.level_zero = self.level_zero.wrapping_add(1);
        }
        let layers = (0..).zip(&frame.layers);
        layers.flat_map(|(spatial, layer)| self.layer(frame, spatial, layer)).collect()
    }

    fn layer(&self, frame: &Frame, spatial: u8, layer: &Spatial) -> Vec<Piece> {
        let top = usize::from(spatial) + 1 == frame.layers.len();
        let sizes = split(layer.bytes, DESCRIPTOR_BYTES + KEY_HEADER_BYTES);
        let last = sizes.len() - 1;
        let piece = |(index, body)| {
            let (start, end) = (index == 0, index == last);
            let mut head = self.descriptor(frame, &Place { spatial, start, end, top });
            if start {
                head.extend(header(frame.key && spatial == 0, layer.height));
            }
            Piece { head, body, spatial, start, end, marker: end && top, descriptor: None }
        };
        sizes.enumerate().map(piece).collect()
    }

    /// RFC 9628 4.2, the mode that is not flexible.
    fn descriptor(&self, frame: &Frame, place: &Place) -> Vec<u8> {
        let structured = frame.key && place.spatial == 0 && place.start;
        let mut bits = Bits::default();
        // I, P, L, F, B, E, V, Z
        for flag in [true, !frame.key, true, false, place.start, place.end, structured] {
            bits.flag(flag);
        }
        bits.flag(!frame.key || place.top);
        bits.put(0x8000 | u32::from(self.picture), 16);
        bits.put(u32::from(frame.temporal), 3);
        // U: the group tells when one may switch up; D: needs the layer below
        bits.flag(frame.temporal > 0);
        bits.put(u32::from(place.spatial), 3);
        bits.flag(frame.key && place.spatial > 0);
        bits.put(u32::from(self.level_zero), 8);
        if structured {
            structure(&mut bits, &frame.layers);
        }
        bits.into_bytes()
    }
}

/// RFC 9628 4.2.1: sizes of the layers, and the group of pictures.
fn structure(bits: &mut Bits, layers: &[Spatial]) {
    bits.put(layers.len() as u32 - 1, 3);
    // Y, G
    bits.put(0b1_1000, 5);
    for layer in layers {
        bits.put(u32::from(width(layer.height)), 16);
        bits.put(u32::from(layer.height), 16);
    }
    bits.put(GROUP.len() as u32, 8);
    for (temporal, up, needs) in GROUP {
        bits.put(u32::from(temporal), 3);
        bits.flag(up);
        // one reference
        bits.put(0b0100, 4);
        bits.put(u32::from(needs), 8);
    }
}

/// VP9 bitstream specification 6.2, the beginning of the uncompressed header in profile 0.
fn header(key: bool, height: u16) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0b1_0000, 5);
    bits.flag(!key);
    // shown, resilient to errors
    bits.put(if key { 0b10 } else { 0b11 }, 2);
    if key {
        bits.put(0x49_8342, 24);
        // BT.709, studio range
        bits.put(0b0100, 4);
        bits.put(u32::from(width(height)) - 1, 16);
        bits.put(u32::from(height) - 1, 16);
        bits.put(0, 4);
    }
    bits.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(key: bool, temporal: u8) -> Frame {
        let layers = [(180, 600), (360, 1_500), (720, 4_000)];
        Frame { key, temporal, layers: layers.map(|(height, bytes)| Spatial { height, bytes }).to_vec() }
    }

    #[test]
    fn layers_follow_each_other_and_the_last_ends_the_picture() {
        let pieces = Vp9::new(9).frame(&frame(true, 0));
        let layers: Vec<(u8, bool, bool, bool)> =
            pieces.iter().map(|piece| (piece.spatial, piece.start, piece.end, piece.marker)).collect();
        let (first, middle, last) = ((true, false), (false, false), (false, true));
        let expected =
            [(0, (true, true)), (1, first), (1, last), (2, first), (2, middle), (2, middle), (2, last)];
        assert_eq!(layers.len(), expected.len());
        for (index, (spatial, (start, end))) in expected.into_iter().enumerate() {
            assert_eq!(layers[index], (spatial, start, end, index == 6));
        }
    }

    #[test]
    fn a_key_picture_has_the_structure_once() {
        let pieces = Vp9::new(0x1233).frame(&frame(true, 0));
        let with: Vec<bool> = pieces.iter().map(|piece| piece.head[0] & 0x02 != 0).collect();
        assert_eq!(with, [true, false, false, false, false, false, false]);
        let head = &pieces[0].head;
        // I L B E V; the id; no temporal layer; TL0PICIDX
        assert_eq!(head[..5], [0b1010_1110, 0x92, 0x34, 0, 0x34]);
        // three layers with sizes and a group; 180 is the second number of the first
        assert_eq!((head[5], &head[8..10]), (0b0101_1000, &[0, 180][..]));
        // the key frame's own header
        assert_eq!(head[DESCRIPTOR_BYTES + 1 + 12 + 1 + 8..][..4], [0b1000_0010, 0x49, 0x83, 0x42]);
        assert!(head.len() <= DESCRIPTOR_BYTES + KEY_HEADER_BYTES + 8);
    }

    #[test]
    fn only_key_pictures_depend_on_the_layer_below() {
        let mut vp9 = Vp9::new(0);
        let depends = |pieces: Vec<Piece>| pieces.iter().map(|piece| piece.head[3] & 1).max().unwrap();
        assert_eq!(depends(vp9.frame(&frame(true, 0))), 1);
        let delta = vp9.frame(&frame(false, 2));
        // P, and Z in every layer
        assert!(delta.iter().all(|piece| piece.head[0] & 0x41 == 0x41 && piece.head[3] >> 5 == 2));
        assert_eq!(depends(delta), 0);
    }
}
