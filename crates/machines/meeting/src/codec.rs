//! Entries and snapshots as bytes: postcard behind the number of their format.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::Entry;

/// Of [`Entry`] and everything in it. Raised whenever the meaning or the encoding of an entry changes.
pub const ENTRY_FORMAT: u32 = 2;

/// Bytes that are no entry or no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("the format is {found}, this version knows {known}")]
    UnknownFormat { found: u32, known: u32 },
    #[error("the bytes are damaged")]
    Damaged,
}

impl Entry {
    /// The entry as the journal keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(ENTRY_FORMAT, self)
    }

    /// # Errors
    /// [`CodecError`]; never a guess.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        decode(ENTRY_FORMAT, bytes)
    }
}

pub(crate) fn encode<T: Serialize>(format: u32, value: &T) -> Vec<u8> {
    postcard::to_stdvec(&(format, value)).expect("our types have an encoding, and memory is no file")
}

pub(crate) fn decode<T: DeserializeOwned>(known: u32, bytes: &[u8]) -> Result<T, CodecError> {
    let (found, rest) = postcard::take_from_bytes::<u32>(bytes).map_err(|_| CodecError::Damaged)?;
    if found != known {
        return Err(CodecError::UnknownFormat { found, known });
    }
    match postcard::take_from_bytes(rest) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(CodecError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Input;

    fn entry() -> Entry {
        Entry { at: 1_795_194_181_250, seed: [7; 32], input: Input::Tick }
    }

    #[test]
    fn an_entry_comes_back() {
        assert_eq!(Entry::from_bytes(&entry().to_bytes()), Ok(entry()));
    }

    #[test]
    fn damage_and_other_formats_are_told() {
        let bytes = entry().to_bytes();
        assert_eq!(Entry::from_bytes(&[]), Err(CodecError::Damaged));
        assert_eq!(Entry::from_bytes(&bytes[..bytes.len() - 1]), Err(CodecError::Damaged));
        let longer = [bytes.clone(), vec![0]].concat();
        assert_eq!(Entry::from_bytes(&longer), Err(CodecError::Damaged));
        let mut newer = bytes;
        newer[0] = 9;
        assert_eq!(
            Entry::from_bytes(&newer),
            Err(CodecError::UnknownFormat { found: 9, known: ENTRY_FORMAT })
        );
    }
}
