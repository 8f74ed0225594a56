//! Where a meeting's subject ends.

use super::envelope::{Body, Envelope, Hash, hash};
use crate::{Error, Position};

/// After the last message of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// of the last message in the stream; 0: there is none
    pub(super) sequence: u64,
    pub(super) hash: Hash,
    /// of the next record
    pub(super) next: Position,
    /// where a replay begins, in the stream; 0: there is nothing to replay
    pub(super) anchor: u64,
    /// messages from the anchor to the last
    pub(super) behind: u32,
}

impl Head {
    /// After `message`, which stands at `sequence` and reads as `envelope`.
    pub(super) fn after(sequence: u64, message: &[u8], envelope: &Envelope) -> Self {
        let (anchor, behind) = match (envelope.anchor, &envelope.body) {
            (_, Body::End) => (0, 0),
            (0, _) => (sequence, 1),
            (anchor, _) => (anchor, envelope.behind),
        };
        Self { sequence, hash: hash(message), next: envelope.next(), anchor, behind }
    }

    /// The message that follows.
    pub(super) fn followed_by(&self, body: Body) -> Envelope {
        let is_whole = matches!(body, Body::Snapshot { part: 0, parts: 1, .. });
        let (anchor, behind) = if is_whole { (0, 0) } else { (self.anchor, self.behind.saturating_add(1)) };
        Envelope { previous: self.hash, position: self.next, anchor, behind, body }
    }

    pub(super) fn fence(&self, meeting: &str, expected: Position) -> Result<(), Error> {
        if self.next == expected {
            return Ok(());
        }
        Err(self.elsewhere(meeting, expected))
    }

    pub(super) fn elsewhere(&self, meeting: &str, expected: Position) -> Error {
        Error::WrongPosition { meeting: meeting.to_owned(), expected, actual: self.next }
    }
}

/// How many of `records`, to be appended at `expected`, a former attempt has left in the journal, whose last message is
/// `last`. `None`: somebody else has written there.
///
/// Entries carry randomness of their own, so that nobody else's are equal to ours.
pub(super) fn already_there(last: &Envelope, expected: Position, records: &[Vec<u8>]) -> Option<usize> {
    let Body::Records(there) = &last.body else { return None };
    let first = usize::try_from(last.position.checked_sub(expected)?).ok()?;
    let end = first.checked_add(there.len())?;
    (records.get(first..end)? == there.as_slice()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[test]
    fn a_former_attempt_is_recognised() {
        let check = |at, there: &[&str], expected| {
            let body = Body::Records(records(there));
            let last = Envelope { previous: [0; 16], position: at, anchor: 0, behind: 1, body };
            assert_eq!(already_there(&last, 5, &records(&["a", "b", "c"])), expected, "{at} {there:?}");
        };
        check(5, &["a", "b", "c"], Some(3));
        check(5, &["a"], Some(1));
        check(6, &["b", "c"], Some(3));
        check(5, &["x"], None);
        check(5, &["a", "b", "c", "d"], None);
        check(8, &["d"], None);
        check(4, &["z", "a"], None);
    }

    #[test]
    fn the_anchor_moves_with_whole_snapshots_only() {
        let head = Head { sequence: 9, hash: [1; 16], next: 4, anchor: 2, behind: 3 };
        let after = |sequence, body| {
            let envelope = head.followed_by(body);
            let head = Head::after(sequence, &envelope.to_bytes("room"), &envelope);
            (head.anchor, head.behind, head.next)
        };
        let snapshot = |part, parts| Body::Snapshot { part, parts, bytes: Vec::new() };
        assert_eq!(after(12, Body::Records(records(&["x"]))), (2, 4, 5));
        assert_eq!(after(12, snapshot(0, 1)), (12, 1, 4));
        assert_eq!(after(12, snapshot(0, 2)), (2, 4, 4));
        assert_eq!(after(12, Body::End), (0, 0, 0));
        let first = Head::default().followed_by(Body::Records(records(&["x"])));
        assert_eq!(Head::after(7, b"", &first).anchor, 7);
    }
}
