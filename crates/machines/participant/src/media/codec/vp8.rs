//! VP8 (RFC 7741, RFC 6386).

use std::collections::BTreeMap;

use super::still::Still;
use super::{Frame, Piece, split, stamp, width};

/// Descriptor with picture id of 15 bits, TL0PICIDX and the temporal layer; and the headers of a key frame.
const DESCRIPTOR_BYTES: usize = 6;
const KEY_HEADER_BYTES: usize = 10;

#[derive(Clone, Debug)]
pub(super) struct Vp8 {
    picture: u16,
    level_zero: u8,
    /// made once, of each kind and height: an encoder has one height, and a partition up to 4 KiB
    stills: BTreeMap<(Still, u16), Vec<u8>>,
}

impl Vp8 {
    pub(super) fn new(begin: u16) -> Self {
        Self { picture: begin & 0x7fff, level_zero: begin as u8, stills: BTreeMap::new() }
    }

    pub(super) fn frame(&mut self, frame: &Frame) -> Vec<Piece> {
        let Some(layer) = frame.layers.first() else { return Vec::new() };
        self.picture = self.picture.wrapping_add(1) & 0x7fff;
        if frame.temporal == 0 {
            self.level_zero = self.level_zero.wrapping_add(1);
        }
        let sizes = split(layer.bytes, DESCRIPTOR_BYTES + KEY_HEADER_BYTES);
        let last = sizes.len() - 1;
        let still = match (frame.key, frame.temporal) {
            (true, _) => Still::Key,
            (false, 0) => Still::Kept,
            (false, _) => Still::Passing,
        };
        let height = layer.height;
        let partition = self
            .stills
            .entry((still, height))
            .or_insert_with(|| still.partition(width(height), height))
            .clone();
        let piece = |(index, mut body): (usize, usize)| {
            let mut head = self.descriptor(frame, index == 0);
            if index == 0 {
                head.extend(header(frame.key, height, layer.bytes));
                // where it is longer than a packet the rest of the picture is noise, and grey all the same
                let octets = partition.len().min(body.saturating_sub(stamp::BYTES));
                head.extend(&partition[..octets]);
                body -= octets;
            }
            let (start, end) = (index == 0, index == last);
            Piece { head, body, spatial: 0, start, end, marker: end, descriptor: None }
        };
        sizes.enumerate().map(piece).collect()
    }

    /// RFC 7741 4.2. Frames above the lowest temporal layer are referred to by none (N), and the first of them needs
    /// nothing but the lowest (Y).
    fn descriptor(&self, frame: &Frame, first: bool) -> Vec<u8> {
        let dispensable = u8::from(frame.temporal > 0);
        let [high, low] = self.picture.to_be_bytes();
        let (extended, start) = (0x80, u8::from(first) << 4);
        vec![
            extended | dispensable << 5 | start,
            // I, L, T
            0xe0,
            0x80 | high,
            low,
            self.level_zero,
            frame.temporal << 6 | u8::from(frame.temporal > 0) << 5,
        ]
    }
}

/// RFC 6386 9.1: the frame tag; after it a key frame has its start code and size.
fn header(key: bool, height: u16, bytes: usize) -> Vec<u8> {
    // version 0, shown; the size of the first partition, 19 bits: long enough to be read as noise from somewhere on, and
    // something is left for the second
    let partition = u32::try_from(bytes / 8 * 7).unwrap_or(u32::MAX).min((1 << 19) - 1);
    let tag = u32::from(!key) | 1 << 4 | partition << 5;
    let mut header = tag.to_le_bytes()[..3].to_vec();
    if key {
        header.extend([0x9d, 0x01, 0x2a]);
        header.extend(width(height).to_le_bytes());
        header.extend(height.to_le_bytes());
    }
    header
}

#[cfg(test)]
mod tests {
    use str0m::rtp::Vp8Descriptor;

    use super::super::Spatial;
    use super::*;

    fn frame(key: bool, temporal: u8, bytes: usize) -> Frame {
        Frame { key, temporal, layers: vec![Spatial { height: 360, bytes }] }
    }

    /// Read by the engine's own parser: picture, TL0PICIDX, temporal layer.
    fn read(piece: &Piece) -> (u16, u8, u8) {
        let payload = [&piece.head[..], &vec![0; piece.body]].concat();
        let read = Vp8Descriptor::parse(&payload).expect("a descriptor");
        (read.picture_id().unwrap(), read.tl0_pic_idx().unwrap(), payload[5] >> 6)
    }

    #[test]
    fn numbers_go_on_and_wrap() {
        let mut vp8 = Vp8::new(0x7ffe);
        assert_eq!(read(&vp8.frame(&frame(true, 0, 500))[0]), (0x7fff, 0xff, 0));
        assert_eq!(read(&vp8.frame(&frame(false, 1, 500))[0]), (0, 0xff, 1));
        assert_eq!(read(&vp8.frame(&frame(false, 0, 500))[0]), (1, 0, 0));
    }

    #[test]
    fn a_frame_begins_and_ends_once() {
        let pieces = Vp8::new(0).frame(&frame(true, 0, 5_000));
        assert_eq!(pieces.len(), 5);
        for (index, piece) in pieces.iter().enumerate() {
            assert_eq!((piece.start, piece.end, piece.marker), (index == 0, index == 4, index == 4));
            assert_eq!(piece.head[0] & 0x10 != 0, index == 0, "S, the start of the partition");
            assert_eq!(read(piece).0, 1);
        }
        let still = Still::Key.partition(640, 360).len();
        assert_eq!(pieces.iter().map(|piece| piece.body).sum::<usize>(), 5_000 - still);
        assert_eq!(pieces[0].head.len(), DESCRIPTOR_BYTES + KEY_HEADER_BYTES + still);
    }

    #[test]
    fn a_key_frame_tells_its_size() {
        let key = &Vp8::new(0).frame(&frame(true, 0, 900))[0].head;
        assert_eq!((key[6] & 1, &key[9..12]), (0, &[0x9d, 0x01, 0x2a][..]));
        assert_eq!(key[12..16], [0x80, 0x02, 0x68, 0x01]);
        let delta = &Vp8::new(0).frame(&frame(false, 0, 900))[0].head;
        assert_eq!((delta[6] & 1, &delta[9..]), (1, &Still::Kept.partition(640, 360)[..]));
    }

    #[test]
    fn a_small_frame_has_room_for_its_stamp() {
        let piece = &Vp8::new(0).frame(&frame(true, 0, 40))[0];
        assert_eq!((piece.body, piece.head.len()), (stamp::BYTES, DESCRIPTOR_BYTES + KEY_HEADER_BYTES + 8));
    }
}
