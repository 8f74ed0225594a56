//! Chance, drawn from the seed of one participant.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::Time;

/// Nothing here is a secret; the same seed gives the same draws on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    /// `stream` tells draws of the same seed apart: each participant has its own.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&stream.to_le_bytes());
        Self(ChaCha8Rng::from_seed(bytes))
    }

    /// In `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f64 {
        // 53 bits are what a double holds
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In `0..bound`, or 0. Not exactly even, which nobody notices at bounds so far below 2^64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    /// From `from` up to `from + spread`.
    pub(crate) fn time(&mut self, from: Time, spread: Time) -> Time {
        from + spread.mul_f64(self.fraction())
    }

    pub(crate) fn number(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Hexadecimal digits, lower case.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 8);
        while text.len() < digits {
            text.push_str(&format!("{:08x}", self.number()));
        }
        text.truncate(digits);
        text
    }

    /// A random UUID (RFC 9562 section 5.4).
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed, stream| Draws::new(seed, stream).uuid();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(2, 1));
        assert_eq!(draw(1, 2).len(), 36);
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut draws = Draws::new(7, 0);
        let (from, spread) = (Time::from_secs(2), Time::from_secs(3));
        for _ in 0..1_000 {
            let time = draws.time(from, spread);
            assert!(time >= from && time < from + spread, "{time:?}");
            assert!(draws.below(3) < 3);
        }
        assert_eq!(draws.below(0), 0);
        assert_eq!(draws.hex(5).len(), 5);
    }
}
