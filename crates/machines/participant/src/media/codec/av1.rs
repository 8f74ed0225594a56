//! AV1 with spatial layers, and its dependency descriptor (AV1 RTP specification; AV1 bitstream specification 5).

use super::dependency::Dependencies;
use super::{Frame, Piece, Spatial, split};

/// Aggregation header; header of an OBU with its extension; the first byte of a frame.
const HEAD_BYTES: usize = 4;
/// The sequence header with its size, in the first packet of a key picture.
const KEY_HEAD_BYTES: usize = 16;

/// A sequence header without its size field, as libaom writes one: main profile, level 4.0.
const SEQUENCE_HEADER: [u8; 12] = [0x08, 0x00, 0x00, 0x00, 0x24, 0xcf, 0x7f, 0x0d, 0xbf, 0xff, 0x30, 0x08];
/// OBU_FRAME with an extension, without a size.
const FRAME: u8 = 6 << 3 | 1 << 2;

#[derive(Clone, Debug)]
pub(super) struct Av1 {
    dependencies: Dependencies,
}

impl Av1 {
    pub(super) fn new(begin: u16) -> Self {
        Self { dependencies: Dependencies::new(begin) }
    }

    pub(super) fn frame(&mut self, frame: &Frame) -> Vec<Piece> {
        self.dependencies.picture(frame.key, frame.layers.len());
        let layers = (0..).zip(&frame.layers);
        layers.flat_map(|(spatial, layer)| self.layer(frame, spatial, layer)).collect()
    }

    /// One OBU, cut into as many packets as it needs.
    fn layer(&mut self, frame: &Frame, spatial: u8, layer: &Spatial) -> Vec<Piece> {
        self.dependencies.frame();
        let top = usize::from(spatial) + 1 == frame.layers.len();
        let opens = frame.key && spatial == 0;
        let sizes = split(layer.bytes, HEAD_BYTES + KEY_HEAD_BYTES);
        let last = sizes.len() - 1;
        let piece = |(index, body)| {
            let (start, end) = (index == 0, index == last);
            let mut head = vec![aggregation(start, end, opens && start)];
            if opens && start {
                head.push(SEQUENCE_HEADER.len() as u8);
                head.extend(SEQUENCE_HEADER);
            }
            if start {
                // not shown again; a key frame or one between; shown
                let first = if opens { 0x10 } else { 0x30 };
                head.extend([FRAME, frame.temporal << 5 | spatial << 3, first]);
            }
            let structure = Some(&frame.layers[..]).filter(|_| opens && start);
            let descriptor = Some(self.dependencies.descriptor(spatial, start, end, structure));
            Piece { head, body, spatial, start, end, marker: end && top, descriptor }
        };
        sizes.enumerate().map(piece).collect()
    }
}

/// AV1 RTP specification 4.4: whether the first OBU goes on from the packet before, and the last one into the next; how
/// many there are; whether a coded video sequence begins.
fn aggregation(start: bool, end: bool, opens: bool) -> u8 {
    let units = 1 + u8::from(opens);
    u8::from(!start) << 7 | u8::from(!end) << 6 | units << 4 | u8::from(opens) << 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(key: bool, temporal: u8) -> Frame {
        let layers = [(180, 600), (360, 1_500), (720, 2_500)];
        Frame { key, temporal, layers: layers.map(|(height, bytes)| Spatial { height, bytes }).to_vec() }
    }

    #[test]
    fn an_obu_goes_on_over_its_packets() {
        let headers: Vec<u8> = Av1::new(0).frame(&frame(true, 0)).iter().map(|piece| piece.head[0]).collect();
        let (first, middle, last) = (0b0101_0000, 0b1101_0000, 0b1001_0000);
        assert_eq!(headers, [0b0010_1000, first, last, first, middle, last]);
    }

    #[test]
    fn only_a_key_picture_opens_a_sequence() {
        let mut av1 = Av1::new(0);
        let key = av1.frame(&frame(true, 0));
        assert_eq!((key[0].head[1], key[0].head[2]), (12, 0x08));
        assert_eq!(key[0].head[14..], [0x34, 0x00, 0x10]);
        assert_eq!(key[1].head[1..], [0x34, 0x08, 0x30]);
        let structures = |pieces: &[Piece]| {
            pieces.iter().filter(|piece| piece.descriptor.as_ref().unwrap().len() > 3).count()
        };
        let delta = av1.frame(&frame(false, 2));
        assert_eq!((structures(&key), structures(&delta)), (1, 0));
        assert!(delta.iter().all(|piece| piece.head[0] & 0x08 == 0));
        assert_eq!(delta[0].head[2], 0x40);
    }

    #[test]
    fn frames_are_numbered_layer_by_layer() {
        let mut av1 = Av1::new(0xfffe);
        let number = |piece: &Piece| {
            let descriptor = piece.descriptor.as_ref().unwrap();
            u16::from_be_bytes([descriptor[1], descriptor[2]])
        };
        let numbers: Vec<u16> = av1.frame(&frame(true, 0)).iter().map(number).collect();
        assert_eq!(numbers, [0xffff, 0, 0, 1, 1, 1]);
    }
}
