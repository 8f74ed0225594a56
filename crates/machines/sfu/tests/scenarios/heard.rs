//! What a client of a test has received.

use std::sync::Arc;

use str0m::rtp::RtpPacket;

/// A packet that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) ssrc: u32,
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) level: Option<i8>,
}

impl Heard {
    pub(crate) fn encoding(&self) -> u8 {
        self.payload[self.payload.len() - 1]
    }

    /// The first packet of a VP8 key frame.
    pub(crate) fn is_key(&self) -> bool {
        self.payload[0] & 0x10 != 0 && self.payload[6] & 1 == 0
    }

    pub(crate) fn picture(&self) -> u16 {
        u16::from_be_bytes([self.payload[2], self.payload[3]]) & 0x7fff
    }

    pub(crate) fn level_zero(&self) -> u8 {
        self.payload[4]
    }
}

impl From<&RtpPacket> for Heard {
    fn from(packet: &RtpPacket) -> Self {
        Self {
            ssrc: *packet.header.ssrc,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            payload: packet.payload.clone(),
            level: packet.header.ext_vals.audio_level,
        }
    }
}
