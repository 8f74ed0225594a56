//! What a camera of a test sends: pictures of a known form, whose last byte names the encoding or the layer.

/// One encoding. Times are in units of 90 kHz.
pub(crate) struct Encoder {
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) picture: u16,
    pub(crate) level_zero: u8,
}

impl Encoder {
    /// Three packets; the last byte names the encoding.
    pub(crate) fn picture(&mut self, index: u8, key: bool) -> Vec<(u64, u32, bool, Vec<u8>)> {
        let [high, low] = self.picture.to_be_bytes();
        let height = 180_u16 << index;
        let packets = (0..3_u64).map(|part| {
            let start = if part == 0 { 0x90 } else { 0x80 };
            let mut payload = vec![start, 0xe0, 0x80 | high, low, self.level_zero, 0x20];
            payload.extend([u8::from(!key), 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01]);
            payload.extend(height.to_le_bytes());
            payload.extend([0; 800]);
            payload.push(index);
            (self.seq + part, self.timestamp, part == 2, payload)
        });
        let packets = packets.collect();
        self.advance();
        packets
    }

    /// One packet for each of three spatial layers; the last byte names the layer.
    pub(crate) fn layered_picture(&mut self, key: bool) -> Vec<(u64, u32, bool, Vec<u8>)> {
        let [high, low] = self.picture.to_be_bytes();
        let packets = (0..3_u8).map(|layer| {
            let structured = key && layer == 0;
            let first = 0b1010_1100 | u8::from(!key) << 6 | u8::from(structured) << 1;
            let mut payload = vec![first, 0x80 | high, low, layer << 1, self.level_zero];
            if structured {
                payload.push(0b0101_0000);
                for height in [180_u16, 360, 720] {
                    payload.extend([[0, 0], height.to_be_bytes()].concat());
                }
            }
            payload.extend([0; 400]);
            payload.push(layer);
            (self.seq + u64::from(layer), self.timestamp, layer == 2, payload)
        });
        let packets = packets.collect();
        self.advance();
        packets
    }

    fn advance(&mut self) {
        self.seq += 3;
        self.timestamp = self.timestamp.wrapping_add(3600);
        self.picture = (self.picture + 1) & 0x7fff;
        self.level_zero = self.level_zero.wrapping_add(1);
    }
}
