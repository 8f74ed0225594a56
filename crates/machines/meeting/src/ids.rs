//! Ids and secrets, drawn from an entry's seed.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;

/// A random UUID (RFC 9562 section 5.4), lower case.
pub(crate) fn uuid(rng: &mut ChaCha20Rng) -> String {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// 192 bits that nobody guesses. COMPAT: clients cut it out of a URL with `[\w-]+`, so no other base64 than this.
pub(crate) fn token(rng: &mut ChaCha20Rng) -> String {
    let mut bytes = [0; 24];
    rng.fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A resource: short, as it stands in every stanza.
pub(crate) fn resource(rng: &mut ChaCha20Rng) -> String {
    let mut bytes = [0; 6];
    rng.fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn ids_have_their_shape_and_follow_the_seed() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let (uuid_1, token_1, resource_1) = (uuid(&mut rng), token(&mut rng), resource(&mut rng));
        assert_eq!((uuid_1.len(), &uuid_1[14..15]), (36, "4"));
        assert!(
            token_1.len() == 32 && token_1.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        );
        assert_eq!(resource_1.len(), 8);
        let mut again = ChaCha20Rng::from_seed([1; 32]);
        assert_eq!((uuid(&mut again), token(&mut again)), (uuid_1, token_1));
    }
}
