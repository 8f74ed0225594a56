//! The first partition of a VP8 frame that shows nothing: a grey picture, and frames in which nothing moves (RFC 6386).
//!
//! It says in as few octets as there can be what becomes of every macroblock, so that a browser decodes the frame whatever
//! stands behind: a decoder reads of a partition what it needs, and of the others nothing where no macroblock has
//! coefficients.

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Still {
    /// needs no other
    Key,
    /// later ones may need it
    Kept,
    /// no other needs it
    Passing,
}

impl Still {
    /// Of a picture of this size in pixels.
    pub(super) fn partition(self, width: u16, height: u16) -> Vec<u8> {
        let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
        let mut code = Code::default();
        self.header(&mut code);
        for row in 0..rows {
            for column in 0..columns {
                match self {
                    Self::Key => code.grey_macroblock(),
                    Self::Kept | Self::Passing => code.same_macroblock(row > 0, column > 0),
                }
            }
        }
        code.end()
    }

    /// RFC 6386 19.2. A probability is that of an unset flag, of 256.
    fn header(self, code: &mut Code) {
        if self == Self::Key {
            // colour space, clamping
            code.number(0, 2);
        }
        // no segments, the filter off in 10 bits and without adjustments, one partition of coefficients; quantiser 0
        // without its five deltas
        code.number(0, 1 + 10 + 1 + 2 + 7 + 5);
        if self != Self::Key {
            // golden and alternate frame stay, with the signs of their vectors
            code.number(0, 2 + 4 + 2);
        }
        // probabilities are not kept, and none changes anyhow
        code.flag(false);
        if self != Self::Key {
            code.flag(self == Self::Kept);
        }
        for row in UPDATES {
            (0..11).for_each(|place| code.put(false, row.get(place).copied().unwrap_or(255)));
        }
        // macroblocks may be without coefficients, and are
        code.flag(true);
        code.number(1, 8);
        if self != Self::Key {
            // hardly any macroblock is alone, hardly any needs another frame than the last
            code.number(1, 8);
            code.number(255, 8);
            code.number(128, 8);
            // modes have the probabilities that they had
            code.number(0, 2);
            VECTOR_UPDATES.iter().flatten().for_each(|probability| code.put(false, *probability));
        }
    }
}

/// Whether probabilities of coefficients change (RFC 6386 13.4): four types of block, eight bands and three contexts one
/// after the other, of each eleven nodes; what does not stand there is 255.
const UPDATES: [&[u8]; 96] = [
    &[],
    &[],
    &[],
    &[176, 246],
    &[223, 241, 252],
    &[249, 253, 253],
    &[255, 244, 252],
    &[234, 254, 254],
    &[253],
    &[255, 246, 254],
    &[239, 253, 254],
    &[254, 255, 254],
    &[255, 248, 254],
    &[251, 255, 254],
    &[],
    &[255, 253, 254],
    &[251, 254, 254],
    &[254, 255, 254],
    &[255, 254, 253, 255, 254],
    &[250, 255, 254, 255, 254],
    &[254],
    &[],
    &[],
    &[],
    &[217],
    &[225, 252, 241, 253, 255, 255, 254],
    &[234, 250, 241, 250, 253, 255, 253, 254],
    &[255, 254],
    &[223, 254, 254],
    &[238, 253, 254, 254],
    &[255, 248, 254],
    &[249, 254],
    &[],
    &[255, 253],
    &[247, 254],
    &[],
    &[255, 253, 254],
    &[252],
    &[],
    &[255, 254, 254],
    &[253],
    &[],
    &[255, 254, 253],
    &[250],
    &[254],
    &[],
    &[],
    &[],
    &[186, 251, 250],
    &[234, 251, 244, 254],
    &[251, 251, 243, 253, 254, 255, 254],
    &[255, 253, 254],
    &[236, 253, 254],
    &[251, 253, 253, 254, 254],
    &[255, 254, 254],
    &[254, 254, 254],
    &[],
    &[255, 254],
    &[254, 254],
    &[254],
    &[],
    &[254],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[248],
    &[250, 254, 252, 254],
    &[248, 254, 249, 253],
    &[255, 253, 253],
    &[246, 253, 253],
    &[252, 254, 251, 254, 254],
    &[255, 254, 252],
    &[248, 254, 253],
    &[253, 255, 254, 254],
    &[255, 251, 254],
    &[245, 251, 254],
    &[253, 253, 254],
    &[255, 251, 253],
    &[252, 253, 254],
    &[255, 254],
    &[255, 252],
    &[249, 255, 254],
    &[255, 255, 254],
    &[255, 255, 253],
    &[250],
    &[],
    &[],
    &[254],
    &[],
];

/// Whether those of motion vectors do (RFC 6386 17.2): rows, columns.
const VECTOR_UPDATES: [[u8; 19]; 2] = [
    [237, 246, 253, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 250, 250, 252, 254, 254],
    [231, 243, 245, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 251, 251, 254, 254, 254],
];

/// The boolean entropy encoder (RFC 6386 7.3): all that was put is a number, known to lie from `bottom` on for `range`.
#[derive(Clone, Debug)]
struct Code {
    bytes: Vec<u8>,
    range: u32,
    bottom: u32,
    /// until a byte of it is known
    bits: u32,
}

impl Default for Code {
    fn default() -> Self {
        Self { bytes: Vec::new(), range: 255, bottom: 0, bits: 24 }
    }
}

impl Code {
    fn put(&mut self, flag: bool, probability: u8) {
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        if flag {
            self.range -= split;
            let (bottom, carry) = self.bottom.overflowing_add(split);
            self.bottom = bottom;
            if carry {
                self.carry();
            }
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.range <<= 1;
            self.shift();
        }
    }

    fn shift(&mut self) {
        if self.bottom & 1 << 31 != 0 {
            self.carry();
        }
        self.bottom <<= 1;
        self.bits -= 1;
        if self.bits == 0 {
            self.bytes.push((self.bottom >> 24) as u8);
            self.bottom &= (1 << 24) - 1;
            self.bits = 8;
        }
    }

    /// Adds one to the bytes that are known.
    fn carry(&mut self) {
        for byte in self.bytes.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return;
            }
        }
    }

    fn flag(&mut self, flag: bool) {
        self.put(flag, 128);
    }

    fn number(&mut self, number: u32, bits: u32) {
        (0..bits).rev().for_each(|place| self.flag(number >> place & 1 != 0));
    }

    /// Without coefficients; the mean of its neighbours, in brightness and in colour (RFC 6386 11.2, 11.4).
    fn grey_macroblock(&mut self) {
        self.put(true, 1);
        [(true, 145), (false, 156), (false, 163)].into_iter().for_each(|(flag, of)| self.put(flag, of));
        self.put(false, 142);
    }

    /// Without coefficients; as in the last frame, without motion. How likely that is follows from the neighbours (RFC
    /// 6386 18.3): none, one, or the one above, the one to the left and the one between them.
    fn same_macroblock(&mut self, has_above: bool, has_left: bool) {
        self.put(true, 1);
        self.put(true, 1);
        self.put(false, 255);
        self.put(
            false,
            match (has_above, has_left) {
                (false, false) => 7,
                (true, true) => 234,
                _ => 135,
            },
        );
    }

    /// With the rest of the number, and whatever may stand behind.
    fn end(mut self) -> Vec<u8> {
        (0..32).for_each(|_| self.shift());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decoder of RFC 6386 7.3, as plainly as it goes.
    struct Reader<'a> {
        bytes: &'a [u8],
        at: usize,
        range: u32,
        value: u32,
        shifted: u32,
    }

    impl<'a> Reader<'a> {
        fn new(bytes: &'a [u8]) -> Self {
            let value = u32::from(bytes[0]) << 8 | u32::from(bytes[1]);
            Self { bytes, at: 2, range: 255, value, shifted: 0 }
        }

        fn read(&mut self, probability: u8) -> bool {
            let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
            let is_set = self.value >= split << 8;
            if is_set {
                (self.range, self.value) = (self.range - split, self.value - (split << 8));
            } else {
                self.range = split;
            }
            while self.range < 128 {
                (self.range, self.value, self.shifted) = (self.range << 1, self.value << 1, self.shifted + 1);
                if self.shifted == 8 {
                    self.shifted = 0;
                    self.value |= u32::from(self.bytes.get(self.at).copied().unwrap_or(0xaa));
                    self.at += 1;
                }
            }
            is_set
        }

        fn number(&mut self, bits: u32) -> u32 {
            (0..bits).fold(0, |number, _| number << 1 | u32::from(self.read(128)))
        }
    }

    #[test]
    fn what_was_put_is_read() {
        let pattern = |n: u32| (n.wrapping_mul(2_654_435_761) >> 13 & 1 == 1, (n * 37 % 255 + 1) as u8);
        let mut code = Code::default();
        (0..10_000).map(pattern).for_each(|(flag, probability)| code.put(flag, probability));
        let bytes = code.end();
        let mut reader = Reader::new(&bytes);
        for (n, (flag, probability)) in (0..10_000).map(pattern).enumerate() {
            assert_eq!(reader.read(probability), flag, "{n}");
        }
    }

    #[test]
    fn a_long_carry_reaches_its_byte() {
        // the least likely all the time: as near to the upper end as it goes
        let mut code = Code::default();
        (0..200).for_each(|_| code.put(true, 1));
        code.put(false, 255);
        (0..200).for_each(|_| code.put(true, 255));
        let bytes = code.end();
        let mut reader = Reader::new(&bytes);
        assert!((0..200).all(|_| reader.read(1)) && !reader.read(255) && (0..200).all(|_| reader.read(255)));
    }

    #[test]
    fn a_frame_without_motion_is_read_as_such() {
        let bytes = Still::Kept.partition(640, 360);
        let mut reader = Reader::new(&bytes);
        assert_eq!((reader.number(26), reader.number(8)), (0, 0));
        assert_eq!(
            (reader.number(1), reader.number(1)),
            (0, 1),
            "kept as the last frame, without its probabilities"
        );
        for row in UPDATES {
            assert!((0..11).all(|place| !reader.read(row.get(place).copied().unwrap_or(255))));
        }
        assert_eq!((reader.number(1), reader.number(8)), (1, 1));
        assert_eq!([8, 8, 8, 2].map(|bits| reader.number(bits)), [1, 255, 128, 0]);
        assert!(VECTOR_UPDATES.iter().flatten().all(|probability| !reader.read(*probability)));
        for (row, column) in (0..23).flat_map(|row| (0..40).map(move |column| (row, column))) {
            let neighbours = usize::from(row > 0) + usize::from(column > 0);
            let still =
                (reader.read(1), reader.read(1), reader.read(255), reader.read([7, 135, 234][neighbours]));
            assert_eq!(still, (true, true, false, false), "{row} {column}");
        }
    }

    #[test]
    fn they_are_short() {
        let size = |still: Still, height: u16| still.partition(super::super::width(height), height).len();
        // before the first stamp, which stands at the end of a packet
        for height in [180, 360] {
            assert!(size(Still::Key, height) < 450, "{height}: {}", size(Still::Key, height));
        }
        for height in [180, 360, 720, 1_080] {
            assert!(size(Still::Kept, height) < 250, "{height}: {}", size(Still::Kept, height));
        }
        assert_eq!(size(Still::Passing, 720), size(Still::Kept, 720));
    }
}
