//! When a camera takes a picture, how large it becomes, and when it must be a key frame.

use super::codec::Codec;
use super::limits::LATE_MAX;
use crate::Time;

/// Pictures a second.
pub const RATE: u32 = 30;
/// An encoder left to itself makes a key frame once in so many pictures (libvpx as libwebrtc sets it up).
const KEY_SPACING: u32 = 3_000;
/// Answers to requests for key frames come no faster (`libwebrtc`: 300 ms).
const KEY_PAUSE: Time = Time::from_millis(300);
/// How much larger a key frame is than the average picture.
const KEY_WEIGHT: u32 = 5;

/// The rhythm of one camera: all of its encodings take the same pictures.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// the first picture
    begin: Time,
    taken: u32,
    temporal_layers: u8,
    key: Key,
}

/// Where key frames stand.
#[derive(Clone, Copy, Debug)]
struct Key {
    wanted: bool,
    last: Option<(Time, u32)>,
}

/// One picture to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// counts from 0
    pub number: u32,
    pub key: bool,
    pub temporal: u8,
    /// 90 kHz, from 0
    pub timestamp: u32,
}

impl Schedule {
    pub fn new(codec: Codec, begin: Time) -> Self {
        let key = Key { wanted: true, last: None };
        Self { begin, taken: 0, temporal_layers: codec.temporal_layers(), key }
    }

    /// When the next picture is due.
    pub fn deadline(&self) -> Time {
        self.begin + Time::from_secs(1) * self.taken / RATE
    }

    /// Somebody lost the picture (RFC 4585 6.3.1, RFC 5104 4.3.1).
    pub fn request_key(&mut self) {
        self.key.wanted = true;
    }

    /// The picture that is due; pictures of a time that was slept through are never taken.
    pub fn shoot(&mut self, now: Time) -> Option<Shot> {
        if self.deadline() > now {
            return None;
        }
        if now - self.deadline() > LATE_MAX {
            self.taken = ((now - self.begin).as_secs_f64() * f64::from(RATE)) as u32;
        }
        let number = self.taken;
        self.taken += 1;
        let key = self.decide_key(now, number);
        Some(Shot {
            number,
            key,
            temporal: if key { 0 } else { self.temporal(number) },
            timestamp: number.wrapping_mul(90_000 / RATE),
        })
    }

    fn decide_key(&mut self, now: Time, number: u32) -> bool {
        let rested = self.key.last.is_none_or(|(at, _)| now.saturating_sub(at) >= KEY_PAUSE);
        let old = self.key.last.is_none_or(|(_, last)| number - last >= KEY_SPACING);
        let key = (self.key.wanted && rested) || old;
        if key {
            self.key = Key { wanted: false, last: Some((now, number)) };
        }
        key
    }

    /// 0 1 0 1, or 0 2 1 2, counted from the last key frame.
    fn temporal(&self, number: u32) -> u8 {
        let since = number - self.key.last.map_or(0, |(_, last)| last);
        match (self.temporal_layers, since % 4) {
            (2, 1 | 3) => 1,
            (3, 1 | 3) => 2,
            (3, 2) => 1,
            _ => 0,
        }
    }
}

impl Shot {
    /// Octets of this picture in an encoding of so many bits a second. Lower temporal layers get more of them, as
    /// encoders do: of three, 40, 20 and 40 of a hundred; of two, 60 and 40.
    pub fn bytes(&self, bitrate_bps: u32, temporal_layers: u8) -> usize {
        let average = bitrate_bps / 8 / RATE;
        let bytes = match (self.key, temporal_layers, self.temporal) {
            (true, _, _) => average * KEY_WEIGHT,
            (false, 2, 0) => average * 6 / 5,
            (false, 3, 0) => average * 8 / 5,
            (false, 2 | 3, _) => average * 4 / 5,
            (false, _, _) => average,
        };
        bytes as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn schedule() -> Schedule {
        Schedule::new(Codec::Vp8, at(100))
    }

    /// Everything until `until`, polled every millisecond.
    fn shots(schedule: &mut Schedule, from: u64, until: u64) -> Vec<Shot> {
        (from..until).filter_map(|ms| schedule.shoot(at(ms))).collect()
    }

    #[test]
    fn thirty_pictures_a_second_the_first_a_key() {
        let shots = shots(&mut schedule(), 0, 1_100);
        assert_eq!(shots.len(), 30);
        assert_eq!(shots.iter().filter(|shot| shot.key).count(), 1);
        assert!(shots[0].key);
        assert_eq!(shots.iter().take(4).map(|shot| shot.temporal).collect::<Vec<_>>(), [0, 1, 0, 1]);
        assert_eq!(shots[1].timestamp - shots[0].timestamp, 3_000);
    }

    #[test]
    fn a_request_is_answered_but_not_too_often() {
        let mut schedule = schedule();
        shots(&mut schedule, 0, 150);
        schedule.request_key();
        assert!(
            shots(&mut schedule, 150, 380).iter().all(|shot| !shot.key),
            "the last is younger than 300 ms"
        );
        assert_eq!(shots(&mut schedule, 380, 600).iter().filter(|shot| shot.key).count(), 1);
        assert!(shots(&mut schedule, 600, 2_000).iter().all(|shot| !shot.key));
    }

    #[test]
    fn a_hundred_seconds_later_comes_a_key_frame_by_itself() {
        let mut schedule = schedule();
        let keys: Vec<u32> =
            shots(&mut schedule, 0, 100_400).iter().filter(|shot| shot.key).map(|shot| shot.number).collect();
        assert_eq!(keys, [0, KEY_SPACING]);
    }

    #[test]
    fn what_was_slept_through_is_not_made_up_for() {
        let mut schedule = schedule();
        shots(&mut schedule, 0, 200);
        let after = shots(&mut schedule, 10_100, 10_101 + 33);
        assert!(after.len() <= 2, "{after:?}");
        assert_eq!(after[0].number, 300);
    }

    #[test]
    fn sizes_add_up_to_the_bit_rate() {
        let shots: Vec<Shot> = shots(&mut schedule(), 0, 10_100).split_off(1);
        let bytes: usize = shots.iter().map(|shot| shot.bytes(1_500_000, 2)).sum();
        let wanted = 1_500_000 / 8 * 10;
        assert!(bytes.abs_diff(wanted) < wanted / 50, "{bytes}");
    }
}
