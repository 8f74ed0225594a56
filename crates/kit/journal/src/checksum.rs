//! A record as it is stored: a CRC-32 over meeting, position and bytes, then the bytes.
//!
//! Meeting and position are part of it, so that an intact record in the wrong place is found out too.

use crate::{Error, Position};

const LEN: usize = 4;

/// `bytes` with their checksum before them.
pub(crate) fn seal(meeting: &str, position: Position, bytes: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(LEN + bytes.len());
    sealed.extend_from_slice(&sum(meeting, position, bytes).to_le_bytes());
    sealed.extend_from_slice(bytes);
    sealed
}

/// The bytes of a sealed record.
///
/// # Errors
/// [`Error::Damaged`] where the checksum does not fit.
pub(crate) fn open(meeting: &str, position: Position, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let damaged = || Error::Damaged { meeting: meeting.to_owned(), position };
    let (stored, bytes) = sealed.split_first_chunk::<LEN>().ok_or_else(damaged)?;
    if u32::from_le_bytes(*stored) == sum(meeting, position, bytes) {
        Ok(bytes.to_vec())
    } else {
        Err(damaged())
    }
}

fn sum(meeting: &str, position: Position, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(meeting.as_bytes());
    hasher.update(&position.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens() {
        for bytes in [&b""[..], b"x", &[0; 1000]] {
            assert_eq!(open("room", 7, &seal("room", 7, bytes)).as_deref(), Ok(bytes));
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let sealed = seal("room", 7, b"hello");
        for at in 0..sealed.len() * 8 {
            let mut bent = sealed.clone();
            bent[at / 8] ^= 1 << (at % 8);
            check_damaged("room", 7, &bent);
        }
    }

    #[test]
    fn a_record_in_the_wrong_place_is_found() {
        let sealed = seal("room", 7, b"hello");
        check_damaged("room", 8, &sealed);
        check_damaged("moor", 7, &sealed);
    }

    #[test]
    fn a_cut_record_is_found() {
        check_damaged("room", 7, b"");
        check_damaged("room", 7, b"abc");
    }

    fn check_damaged(meeting: &str, position: Position, sealed: &[u8]) {
        let expected = Error::Damaged { meeting: meeting.to_owned(), position };
        assert_eq!(open(meeting, position, sealed), Err(expected));
    }
}
