//! Bits, the most significant first, as codecs' headers have them.

/// What was written so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// of the last byte, that are free
    free: u32,
}

impl Bits {
    /// The lower `bits` of a number: `f(n)`, `u(n)`.
    pub(super) fn put(&mut self, value: u32, bits: u32) {
        for place in (0..bits).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= (value >> place & 1) as u8 * (1 << self.free);
            }
        }
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.put(u32::from(flag), 1);
    }

    /// Exponential Golomb code: `ue(v)` (H.264 9.1).
    pub(super) fn put_ue(&mut self, value: u32) {
        let length = u32::BITS - (value + 1).leading_zeros();
        self.put(0, length - 1);
        self.put(value + 1, length);
    }

    /// One of `count` values: `ns(n)` (AV1 4.10.7).
    pub(super) fn put_ns(&mut self, value: u32, count: u32) {
        let width = u32::BITS - count.leading_zeros();
        let short = (1 << width) - count;
        match value < short {
            true => self.put(value, width - 1),
            false => self.put(value + short, width),
        }
    }

    /// The last byte is filled with zeros.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl Fn(&mut Bits), expected: &[u8]) {
        let mut bits = Bits::default();
        write(&mut bits);
        assert_eq!(bits.into_bytes(), expected);
    }

    #[test]
    fn bits_are_packed_from_the_top() {
        check(|_| {}, &[]);
        check(|bits| bits.put(0b101, 3), &[0b1010_0000]);
        check(|bits| [(1, 1), (0, 6), (0x1ff, 9)].iter().for_each(|(v, n)| bits.put(*v, *n)), &[0x81, 0xff]);
    }

    #[test]
    fn codes_of_changing_length() {
        // 1, 010, 011, 00100
        check(|bits| (0..4).for_each(|value| bits.put_ue(value)), &[0b1010_0110, 0b0100_0000]);
        // of five values: 00, 01, 10, 110, 111
        check(|bits| (0..5).for_each(|value| bits.put_ns(value, 5)), &[0b0001_1011, 0b0111_0000]);
    }
}
