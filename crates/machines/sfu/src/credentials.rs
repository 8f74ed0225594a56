//! Secrets and identifiers, all drawn from the one seeded generator.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The ice-chars of RFC 8445 5.3: six bits each.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The same for URLs.
const URL_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Media threads that a ufrag can name.
pub const WORKERS_MAX: u8 = 64;

/// characters after the one that names the worker: 54 bits, unique in the table by construction of the caller
const UFRAG_RANDOM_CHARS: usize = 9;
/// 144 bits
const SECRET_CHARS: usize = 24;

/// The source of all randomness of an [`crate::Sfu`] that is not inside the media engine.
pub(crate) struct Secrets(ChaCha20Rng);

impl Secrets {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// An ICE ufrag whose first character names the worker.
    pub(crate) fn ufrag(&mut self, worker: u8) -> String {
        let first = char::from(ICE_CHARS[usize::from(worker % WORKERS_MAX)]);
        std::iter::once(first).chain(self.characters(ICE_CHARS, UFRAG_RANDOM_CHARS)).collect()
    }

    /// An ICE password.
    pub(crate) fn password(&mut self) -> String {
        self.characters(ICE_CHARS, SECRET_CHARS).collect()
    }

    /// A password that may stand in a URL as it is.
    pub(crate) fn url_password(&mut self) -> String {
        self.characters(URL_CHARS, SECRET_CHARS).collect()
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// An SSRC other than 0, which libwebrtc keeps for probes.
    pub(crate) fn ssrc(&mut self) -> u32 {
        self.0.next_u32().max(1)
    }

    fn characters(&mut self, of: &'static [u8; 64], count: usize) -> impl Iterator<Item = char> {
        (0..count).map(|_| char::from(of[(self.0.next_u32() & 63) as usize]))
    }
}

/// The worker that drew this ufrag.
pub(crate) fn worker_of_ufrag(ufrag: &str) -> Option<u8> {
    let first = ufrag.bytes().next()?;
    ICE_CHARS.iter().position(|c| *c == first).and_then(|p| u8::try_from(p).ok())
}

/// Compares without telling by its duration where the first difference is.
pub(crate) fn same_secret(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differing, (x, y)| differing | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ufrag_names_its_worker() {
        let mut secrets = Secrets::new([7; 32]);
        for worker in 0..WORKERS_MAX {
            let ufrag = secrets.ufrag(worker);
            assert_eq!(worker_of_ufrag(&ufrag), Some(worker));
            assert!(ufrag.len() >= 4, "RFC 8445 wants at least four characters");
        }
        assert_eq!(worker_of_ufrag(""), None);
        assert_eq!(worker_of_ufrag("\u{e9}"), None);
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let mut secrets = Secrets::new([7; 32]);
        let drawn: std::collections::BTreeSet<_> = (0..1000).map(|_| secrets.password()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(drawn.iter().all(|p| p.len() * 6 >= 128));
        assert!(secrets.url_password().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(Secrets::new([1; 32]).password(), Secrets::new([1; 32]).password());
        assert_ne!(Secrets::new([1; 32]).password(), Secrets::new([2; 32]).password());
    }

    #[test]
    fn secrets_compare_whole() {
        assert!(same_secret("abc", "abc"));
        assert!(!same_secret("abc", "abd"));
        assert!(!same_secret("abc", "ab"));
        assert!(!same_secret("", "a"));
    }
}
