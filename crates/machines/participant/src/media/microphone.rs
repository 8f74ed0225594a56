//! A microphone: a packet of Opus every 20 ms, and how loud it is (RFC 7587, RFC 6464).

use super::limits::LATE_MAX;
use super::settings::Voice;
use crate::Time;
use crate::rng::Draws;

const INTERVAL: Time = Time::from_millis(20);
/// 48 kHz
const TICKS: u32 = 960;
/// 32 kbit/s; with this configuration in front: hybrid, full band, 20 ms, mono, one frame (RFC 6716 3.1)
pub(super) const BYTES: usize = 80;
pub(super) const CONFIGURATION: u8 = 15 << 3;

/// Mean lengths of ITU-T P.59, artificial conversational speech.
const TALK: Time = Time::from_millis(1_004);
const PAUSE: Time = Time::from_millis(1_587);
/// dBov
const LOUD: i8 = -30;
const QUIET: i8 = -90;

#[derive(Debug)]
pub(super) struct Microphone {
    voice: Voice,
    begin: Time,
    taken: u32,
    talking: bool,
    turn: Time,
}

/// One packet that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sound {
    /// counts from 0
    pub(super) number: u32,
    /// from 0
    pub(super) timestamp: u32,
    pub(super) level: i8,
    pub(super) voice: bool,
}

impl Microphone {
    pub(super) fn new(voice: Voice, begin: Time) -> Self {
        Self { voice, begin, taken: 0, talking: false, turn: begin }
    }

    pub(super) fn deadline(&self) -> Time {
        self.begin + INTERVAL * self.taken
    }

    /// What is due; what was slept through is never heard.
    pub(super) fn listen(&mut self, now: Time, draws: &mut Draws) -> Option<Sound> {
        if self.deadline() > now {
            return None;
        }
        if now - self.deadline() > LATE_MAX {
            self.taken =
                u32::try_from((now - self.begin).as_millis() / INTERVAL.as_millis()).unwrap_or(u32::MAX);
        }
        while self.voice == Voice::Talking && self.turn <= now {
            self.talking = !self.talking;
            let mean = if self.talking { TALK } else { PAUSE };
            self.turn += mean.mul_f64(0.2 + 1.6 * draws.fraction());
        }
        let number = self.taken;
        self.taken += 1;
        let level = if self.talking { LOUD + (draws.below(9) as i8 - 4) } else { QUIET };
        Some(Sound { number, timestamp: number.wrapping_mul(TICKS), level, voice: self.talking })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sounds(voice: Voice, seconds: u64) -> Vec<Sound> {
        let (mut microphone, mut draws) = (Microphone::new(voice, Time::ZERO), Draws::new(1, 1));
        (0..seconds * 1_000).filter_map(|ms| microphone.listen(Time::from_millis(ms), &mut draws)).collect()
    }

    #[test]
    fn fifty_packets_a_second() {
        let sounds = sounds(Voice::Silent, 2);
        assert_eq!(sounds.len(), 100);
        assert!(sounds.iter().all(|sound| !sound.voice && sound.level == QUIET));
        assert_eq!(sounds[99].timestamp, 99 * TICKS);
    }

    #[test]
    fn a_talker_talks_two_fifths_of_the_time() {
        let sounds = sounds(Voice::Talking, 600);
        let share = sounds.iter().filter(|sound| sound.voice).count() as f64 / sounds.len() as f64;
        assert!((0.34..0.44).contains(&share), "{share}");
        let turns = sounds.windows(2).filter(|pair| pair[0].voice != pair[1].voice).count();
        assert!((400..520).contains(&turns), "{turns}");
    }

    #[test]
    fn what_was_slept_through_is_not_made_up_for() {
        let (mut microphone, mut draws) = (Microphone::new(Voice::Silent, Time::ZERO), Draws::new(1, 1));
        microphone.listen(Time::ZERO, &mut draws).unwrap();
        let late = microphone.listen(Time::from_secs(10), &mut draws).unwrap();
        assert_eq!(late.number, 500);
        assert_eq!(microphone.deadline(), Time::from_secs(10) + INTERVAL);
    }
}
