//! What every payload carries at its end: who sent it, when, and which part of what it is.
//!
//! Its octets all have their highest bit set, seven bits of content in each: no codec's start code, length or trailing
//! zero can appear in it, wherever a packetiser puts it.

use crate::Time;

/// Octets at the end of a payload.
pub const BYTES: usize = 32;

/// 28 octets, in four groups of seven that become eight.
const RAW: usize = 28;
const GROUP: usize = 7;
const MAGIC: u16 = 0xa17e;

/// One packet's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// of which run
    pub run: u32,
    pub participant: u32,
    pub attendance: u16,
    pub layer: Layer,
    pub is_video: bool,
    /// of a frame that needs no other
    pub key: bool,
    /// the first packet of its layer's frame, and the last
    pub start: bool,
    pub end: bool,
    /// of the picture, in pixels
    pub height: u16,
    /// counts the packets of this layer, from 0
    pub sequence: u32,
    /// counts the pictures of the sender; the lower 16 bits
    pub picture: u16,
    /// since the epoch of the run, whole microseconds; the lower 48 bits
    pub sent: Time,
}

/// What can be left out of a stream on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    /// simulcast; 0..=3, like the others
    pub encoding: u8,
    pub spatial: u8,
    pub temporal: u8,
}

impl Stamp {
    /// Appends it to a payload.
    pub fn write(&self, payload: &mut Vec<u8>) {
        for group in self.raw().chunks(GROUP) {
            let bits = group.iter().fold(0_u64, |bits, octet| bits << 8 | u64::from(*octet));
            payload.extend((0..8).rev().map(|place| 0x80 | (bits >> (7 * place)) as u8 & 0x7f));
        }
    }

    /// From the end of a payload; `None`: it has none.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let coded = payload.get(payload.len().checked_sub(BYTES)?..)?;
        if coded.iter().any(|octet| octet & 0x80 == 0) {
            return None;
        }
        let mut raw = [0; RAW];
        for (group, octets) in coded.chunks(8).zip(raw.chunks_mut(GROUP)) {
            let bits = group.iter().fold(0_u64, |bits, octet| bits << 7 | u64::from(octet & 0x7f));
            octets.copy_from_slice(&bits.to_be_bytes()[1..]);
        }
        Self::from_raw(&raw)
    }

    fn raw(&self) -> [u8; RAW] {
        let Layer { encoding, spatial, temporal } = self.layer;
        let flags = [self.is_video, self.key, self.start, self.end];
        let flags = flags.iter().fold(0, |bits, flag| bits << 1 | u8::from(*flag));
        let sent = u64::try_from(self.sent.as_micros()).unwrap_or(u64::MAX).to_be_bytes();
        let mut raw = Vec::with_capacity(RAW);
        raw.extend(MAGIC.to_be_bytes());
        raw.extend(self.run.to_be_bytes());
        raw.extend(self.participant.to_be_bytes());
        raw.extend(self.attendance.to_be_bytes());
        raw.extend([flags, (encoding & 3) << 4 | (spatial & 3) << 2 | temporal & 3]);
        raw.extend(self.height.to_be_bytes());
        raw.extend(self.sequence.to_be_bytes());
        raw.extend(self.picture.to_be_bytes());
        raw.extend(&sent[2..]);
        raw.try_into().expect("the fields have 28 octets")
    }

    fn from_raw(raw: &[u8; RAW]) -> Option<Self> {
        let number = |from: usize, octets: usize| {
            raw[from..from + octets].iter().fold(0_u64, |number, octet| number << 8 | u64::from(*octet))
        };
        if number(0, 2) != u64::from(MAGIC) {
            return None;
        }
        let (flags, layers) = (raw[12], raw[13]);
        Some(Self {
            run: number(2, 4) as u32,
            participant: number(6, 4) as u32,
            attendance: number(10, 2) as u16,
            layer: Layer { encoding: layers >> 4 & 3, spatial: layers >> 2 & 3, temporal: layers & 3 },
            is_video: flags & 8 != 0,
            key: flags & 4 != 0,
            start: flags & 2 != 0,
            end: flags & 1 != 0,
            height: number(14, 2) as u16,
            sequence: number(16, 4) as u32,
            picture: number(20, 2) as u16,
            sent: Time::from_micros(number(22, 6)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp() -> Stamp {
        Stamp {
            run: 0xdead_beef,
            participant: u32::MAX,
            attendance: 1_000,
            layer: Layer { encoding: 2, spatial: 1, temporal: 3 },
            is_video: true,
            key: true,
            start: false,
            end: true,
            height: 720,
            sequence: 1 << 31,
            picture: 0xffff,
            sent: Time::from_micros((1 << 48) - 1),
        }
    }

    #[test]
    fn it_is_read_from_the_end_of_a_payload() {
        let mut payload = vec![0, 0, 1];
        stamp().write(&mut payload);
        assert_eq!(payload.len(), 3 + BYTES);
        assert!(payload[3..].iter().all(|octet| octet & 0x80 != 0));
        assert_eq!(Stamp::read(&payload), Some(stamp()));
        payload.push(0);
        assert_eq!(Stamp::read(&payload), None);
    }

    #[test]
    fn other_payloads_have_none() {
        for payload in [vec![], vec![0xff; BYTES - 1], vec![0xff; BYTES], vec![0; 1_200]] {
            assert_eq!(Stamp::read(&payload), None);
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(payload: Vec<u8>) {
            let _ = Stamp::read(&payload);
        }

        #[test]
        fn every_number_comes_back(run: u32, sequence: u32, picture: u16, sent in 0_u64..1 << 48) {
            let stamp = Stamp { run, sequence, picture, sent: Time::from_micros(sent), ..stamp() };
            let mut payload = Vec::new();
            stamp.write(&mut payload);
            prop_assert_eq!(Stamp::read(&payload), Some(stamp));
        }
    }
}
