//! Audio keeps its SSRC, its sequence numbers and its timestamps; only the rollover counter starts anew.

/// The rollover counter of a receiver begins at 0 when it sees a stream for the first time (RFC 3711 3.3.1),
/// however long the sender has been sending. So the upper bits are rebased per receiver.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AudioProjection {
    /// multiple of 65536 that is taken off, once the first packet came
    base: Option<u64>,
}

impl AudioProjection {
    /// The extended number to send `seq` with; its lower 16 bits stay. `None`: it is older than the first one.
    pub(crate) fn forward(&mut self, seq: u64) -> Option<u64> {
        let base = *self.base.get_or_insert(seq & !0xffff);
        seq.checked_sub(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_bits_stay_and_the_rollover_starts_at_zero() {
        let mut audio = AudioProjection::default();
        assert_eq!(audio.forward(0x7_fffe), Some(0xfffe));
        assert_eq!(audio.forward(0x8_0001), Some(0x1_0001));
        assert_eq!(audio.forward(0x7_ffff), Some(0xffff));
        assert_eq!(audio.forward(0x6_ffff), None);
    }
}
