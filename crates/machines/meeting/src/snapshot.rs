//! The whole state as bytes.

use serde::{Deserialize, Serialize};

use crate::Meeting;
use crate::codec::{self, CodecError};
use crate::core::Core;

/// Raised whenever the meaning or the encoding of the state changes.
const SNAPSHOT_FORMAT: u32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("the snapshot has format {found}, this version knows {known}")]
    UnknownFormat { found: u32, known: u32 },
    #[error("the snapshot is damaged")]
    Damaged,
}

#[derive(Serialize)]
struct Written<'a> {
    room: &'a str,
    core: &'a Option<Core>,
}

#[derive(Deserialize)]
struct Read {
    room: String,
    core: Option<Core>,
}

impl Meeting {
    /// The whole state, with its format's number.
    pub fn snapshot(&self) -> Vec<u8> {
        codec::encode(SNAPSHOT_FORMAT, &Written { room: &self.room, core: &self.core })
    }

    /// The state of a snapshot of the meeting `room`.
    ///
    /// # Errors
    /// [`SnapshotError`] where the format is unknown or the bytes are damaged or another meeting's; never a guess.
    pub fn restore(room: &str, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let read: Read = codec::decode(SNAPSHOT_FORMAT, bytes)?;
        if read.room != room {
            return Err(SnapshotError::Damaged);
        }
        Ok(Self { room: read.room, core: read.core })
    }
}

impl From<CodecError> for SnapshotError {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::UnknownFormat { found, known } => Self::UnknownFormat { found, known },
            CodecError::Damaged => Self::Damaged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Input, Settings};

    fn meeting() -> Meeting {
        let mut meeting = Meeting::new("demo");
        let input = Input::Owner { shard: "s".to_owned(), settings: Settings::for_domain("meet.example") };
        meeting.apply(&Entry { at: 1, seed: [0; 32], input });
        meeting
    }

    #[test]
    fn a_snapshot_is_the_state() {
        let meeting = meeting();
        assert_eq!(Meeting::restore("demo", &meeting.snapshot()), Ok(meeting));
    }

    #[test]
    fn another_format_another_room_and_damage_are_refused() {
        let bytes = meeting().snapshot();
        assert_eq!(Meeting::restore("other", &bytes), Err(SnapshotError::Damaged));
        assert_eq!(Meeting::restore("demo", &bytes[..bytes.len() / 2]), Err(SnapshotError::Damaged));
        assert_eq!(Meeting::restore("demo", b""), Err(SnapshotError::Damaged));
        let newer = [&[9], &bytes[1..]].concat();
        let refusal = SnapshotError::UnknownFormat { found: 9, known: SNAPSHOT_FORMAT };
        assert_eq!(Meeting::restore("demo", &newer), Err(refusal));
    }
}
