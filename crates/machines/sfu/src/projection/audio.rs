//! Audio keeps its SSRC and its timestamps, and the distances of its sequence numbers; the numbers are the receiver's
//! own.

use crate::limits;

/// The rollover counter of a receiver begins at 0 when it sees a stream for the first time (RFC 3711 3.3.1), however
/// long the sender has been sending. And it guesses the counter of a packet from the last one that arrived, wrongly
/// from half the range on: so after a pause the numbers go on as if there had been none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AudioProjection {
    shift: Option<Shift>,
    /// the lowest number that may go out next; `None`: the receiver never saw the stream
    next: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Shift {
    first: u64,
    first_out: u64,
}

impl AudioProjection {
    /// `next`: where the numbers go on for a receiver that was sent this SSRC before.
    pub(crate) fn new(next: Option<u64>) -> Self {
        Self { shift: None, next }
    }

    /// The extended number to send `seq` with. `None`: it is from before the last pause.
    pub(crate) fn forward(&mut self, seq: u64) -> Option<u64> {
        let shift = match self.shift.filter(|shift| !self.paused(*shift, seq)) {
            Some(shift) => shift,
            None => {
                // below 32768, so that the first wrap comes with a counter that both sides have seen grow
                let first_out = self.next.unwrap_or(seq & 0x7fff);
                *self.shift.insert(Shift { first: seq, first_out })
            }
        };
        let out = shift.first_out + seq.checked_sub(shift.first)?;
        self.next = self.next.max(Some(out + 1));
        Some(out)
    }

    /// The sender may begin anew, with whatever number.
    pub(crate) fn pause(&mut self) {
        self.shift = None;
    }

    /// One more than the highest number that went out.
    pub(crate) fn next(&self) -> u64 {
        self.next.unwrap_or(0)
    }

    /// Whether more is missing before `seq` than a receiver should take for lost.
    fn paused(&self, shift: Shift, seq: u64) -> bool {
        let awaited = shift.first + self.next().saturating_sub(shift.first_out);
        seq.saturating_sub(awaited) > limits::AUDIO_LOSS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_stay_and_the_rollover_starts_at_zero() {
        let mut audio = AudioProjection::default();
        assert_eq!(audio.forward(0x7_fffe), Some(0x7ffe));
        assert_eq!(audio.forward(0x8_0001), Some(0x8001));
        assert_eq!(audio.forward(0x7_ffff), Some(0x7fff));
        assert_eq!(audio.forward(0x7_fffd), None, "from before the receiver came");
        assert_eq!(audio.next(), 0x8002);
    }

    #[test]
    fn after_a_pause_the_numbers_go_on_without_it() {
        for (pause, out) in [
            (limits::AUDIO_LOSS_MAX, 6 + limits::AUDIO_LOSS_MAX),
            (limits::AUDIO_LOSS_MAX + 1, 6),
            (32_768, 6),
            (1 << 40, 6),
        ] {
            let mut audio = AudioProjection::default();
            assert_eq!(audio.forward(5), Some(5));
            assert_eq!(audio.forward(6 + pause), Some(out), "after {pause}");
            assert_eq!(audio.forward(7 + pause), Some(out + 1));
        }
    }

    #[test]
    fn a_stream_that_comes_back_goes_on_where_it_was() {
        for (next, seq) in [(0x2_0010, 0x5_0010), (0x2_0010, 0x5_000f), (0x2_ffff, 3)] {
            let mut audio = AudioProjection::new(Some(next));
            assert_eq!(audio.forward(seq), Some(next));
            assert_eq!(audio.forward(seq + 2), Some(next + 2));
        }
    }

    #[test]
    fn a_sender_that_begins_anew_is_followed() {
        let mut audio = AudioProjection::default();
        assert_eq!(audio.forward(5_000), Some(5_000));
        audio.pause();
        assert_eq!(audio.forward(3), Some(5_001));
    }

    #[test]
    fn packets_from_before_a_pause_are_dropped() {
        let mut audio = AudioProjection::default();
        assert_eq!(audio.forward(5), Some(5));
        assert_eq!(audio.forward(100_000), Some(6));
        assert_eq!(audio.forward(7), None);
        assert_eq!(audio.forward(100_001), Some(7));
    }
}
