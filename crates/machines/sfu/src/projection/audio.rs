//! Audio keeps its SSRC, its sequence numbers and its timestamps; only the rollover counter is the receiver's own.

/// The rollover counter of a receiver begins at 0 when it sees a stream for the first time (RFC 3711 3.3.1),
/// however long the sender has been sending. So the upper bits are shifted per receiver.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AudioProjection {
    shift: Option<Shift>,
    /// the lowest number that may go out next
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Shift {
    first: u64,
    first_out: u64,
}

impl AudioProjection {
    /// For a receiver that was sent this SSRC before, up to `next`: its rollover counter goes on from there.
    pub(crate) fn after(next: u64) -> Self {
        Self { shift: None, next }
    }

    /// The extended number to send `seq` with; its lower 16 bits stay. `None`: it is older than the first one.
    pub(crate) fn forward(&mut self, seq: u64) -> Option<u64> {
        let next = self.next;
        let shift = *self.shift.get_or_insert_with(|| Shift { first: seq, first_out: aligned(seq, next) });
        let out = shift.first_out + seq.checked_sub(shift.first)?;
        self.next = self.next.max(out + 1);
        Some(out)
    }

    /// One more than the highest number that went out.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }
}

/// The lowest number from `least` on with the lower 16 bits of `seq`.
fn aligned(seq: u64, least: u64) -> u64 {
    let candidate = (least & !0xffff) | (seq & 0xffff);
    if candidate < least { candidate + 0x1_0000 } else { candidate }
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
        assert_eq!(audio.forward(0x7_fffd), None, "from before the receiver came");
        assert_eq!(audio.next(), 0x1_0002);
    }

    #[test]
    fn a_stream_that_comes_back_goes_on_with_its_rollovers() {
        for (next, seq, out) in
            [(0x2_0010, 0x5_0010, 0x2_0010), (0x2_0010, 0x5_000f, 0x3_000f), (0, 0x9_0000, 0)]
        {
            assert_eq!(AudioProjection::after(next).forward(seq), Some(out));
        }
    }
}
