//! What one message of a meeting's subject carries, and how its bytes are laid out.
//!
//! Four bytes of magic and version, then the [`Envelope`] as postcard, then a CRC-32 over the meeting's name and all of
//! it. Each message names the hash of the one before it, so that a gap or a stranger's message is noticed.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, Position};

const MAGIC: [u8; 3] = *b"ALJ";
const VERSION: u8 = 1;
const CRC_LEN: usize = 4;

/// The first half of the SHA-256 of a message.
pub(super) type Hash = [u8; 16];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Envelope {
    /// of the message before it in this subject; zeros where there was none
    pub(super) previous: Hash,
    /// records before it
    pub(super) position: Position,
    /// sequence in the stream from which a replay begins; 0: with this message
    pub(super) anchor: u64,
    /// messages of this subject from the anchor up to this one
    pub(super) behind: u32,
    pub(super) body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Body {
    Records(Vec<Vec<u8>>),
    /// A part of the state after `position` records. It counts once its last part is there.
    Snapshot {
        part: u32,
        parts: u32,
        bytes: Vec<u8>,
    },
    /// The meeting is over: whatever follows begins at position 0.
    End,
}

impl Envelope {
    /// Position of the next record.
    pub(super) fn next(&self) -> Position {
        match &self.body {
            Body::Records(records) => self.position + records.len() as u64,
            Body::Snapshot { .. } => self.position,
            Body::End => 0,
        }
    }

    pub(super) fn to_bytes(&self, meeting: &str) -> Vec<u8> {
        let head = [MAGIC[0], MAGIC[1], MAGIC[2], VERSION];
        // postcard fails on maps and sequences of unknown length only
        let body = postcard::to_stdvec(self).expect("an envelope has neither");
        let mut bytes = [&head[..], &body].concat();
        bytes.extend_from_slice(&crc(meeting, &bytes).to_le_bytes());
        bytes
    }

    /// # Errors
    /// [`Error::Foreign`] for what we did not write, [`Error::Damaged`] for what does not fit its checksum; `at` is the
    /// position that is told.
    pub(super) fn from_bytes(meeting: &str, at: Position, bytes: &[u8]) -> Result<Self, Error> {
        let damaged = || Error::Damaged { meeting: meeting.to_owned(), position: at };
        let foreign = |what: String| Error::Foreign { meeting: meeting.to_owned(), what };
        let Some(version) = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.first()) else {
            return Err(foreign("no record of ours".to_owned()));
        };
        if *version != VERSION {
            return Err(foreign(format!("format {version}, this version knows {VERSION}")));
        }
        let (covered, stored) = bytes.split_last_chunk::<CRC_LEN>().ok_or_else(damaged)?;
        if u32::from_le_bytes(*stored) != crc(meeting, covered) {
            return Err(damaged());
        }
        let body = covered.get(MAGIC.len() + 1..).ok_or_else(damaged)?;
        postcard::from_bytes(body).map_err(|_| damaged())
    }
}

pub(super) fn hash(message: &[u8]) -> Hash {
    let digest: [u8; 32] = Sha256::digest(message).into();
    let (half, _) = digest.split_first_chunk().expect("32 is more than 16");
    *half
}

fn crc(meeting: &str, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(meeting.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        let body = Body::Records(vec![b"a".to_vec(), b"bc".to_vec()]);
        Envelope { previous: [7; 16], position: 5, anchor: 3, behind: 2, body }
    }

    #[test]
    fn it_comes_back() {
        let bodies = [Body::Snapshot { part: 1, parts: 3, bytes: vec![1, 2] }, Body::End, envelope().body];
        for (body, next) in bodies.into_iter().zip([5, 0, 7]) {
            let envelope = Envelope { body, ..envelope() };
            let read = Envelope::from_bytes("room", 0, &envelope.to_bytes("room"));
            assert_eq!(read, Ok(envelope.clone()));
            assert_eq!(envelope.next(), next);
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = envelope().to_bytes("room");
        for at in 0..bytes.len() * 8 {
            let mut bent = bytes.clone();
            bent[at / 8] ^= 1 << (at % 8);
            Envelope::from_bytes("room", 0, &bent).unwrap_err();
        }
        Envelope::from_bytes("moor", 0, &bytes).unwrap_err();
    }

    #[test]
    fn what_others_wrote_is_told_apart_from_damage() {
        let mut newer = envelope().to_bytes("room");
        newer[3] = 9;
        for (bytes, foreign) in [(&b"hello"[..], true), (b"", true), (&newer, true), (b"ALJ\x01", false)] {
            let error = Envelope::from_bytes("room", 4, bytes).unwrap_err();
            assert_eq!(matches!(error, Error::Foreign { .. }), foreign, "{error}");
            assert!(error.to_string().contains("room"), "{error}");
        }
    }
}
