//! A meeting's place in its journal: where the next record lands, when the meeting is written down as a whole, and what
//! the engine's answer to an append means.
//!
//! A machine beside the meeting. The owner sends what [`Append::records`] gives to [`Ledger::next`], and asks
//! [`Append::handle`] what to do about the answer, until it says [`Next::Durable`] or [`Next::Refused`]. It knows no
//! engine: the owner sorts errors into [`Answer`].

use crate::entry::Millis;

/// Entries, or bytes of them, after which a meeting is written down as a whole. Sooner, after the fewest entries, where they
/// have as many bytes as the whole: so a small meeting is short to replay, and a large one is not written down all the time.
pub const SNAPSHOT_ENTRIES: u64 = 500;
pub const SNAPSHOT_ENTRIES_MIN: u64 = 40;
pub const SNAPSHOT_BYTES: usize = 8 << 20;

/// First and longest pause before an engine that does not take something is asked again.
pub const RETRY_MS_FIRST: Millis = 50;
pub const RETRY_MS_LONGEST: Millis = 500;

/// What the engine said to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Durable,
    /// something else stands at that position
    WrongPosition,
    /// nothing that is known for sure; it may pass
    Unknown,
    /// no, and no again
    Refused,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Durable,
    /// the same again, after a pause
    Again {
        after: Millis,
    },
    /// read the journal, and ask [`Append::stands_in`]: a former attempt may have been heard, and only its answer lost
    Look,
    /// it never will be
    Refused,
}

/// Records on their way into the journal, attempt by attempt.
#[derive(Clone, Debug)]
pub struct Append {
    records: Vec<Vec<u8>>,
    pause: Pause,
}

/// The pauses between attempts in a row.
#[derive(Clone, Copy, Debug)]
pub struct Pause(Millis);

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Ledger {
    /// position of the next append
    next: u64,
    /// position of the newest snapshot, kept or refused
    tried: u64,
    /// the newest one was refused
    refused: bool,
    /// of the records since then
    bytes: usize,
    /// bytes of that snapshot
    whole: usize,
}

impl Ledger {
    /// After a replay of `records` on top of a snapshot, of which position and bytes are told; the next record lands at
    /// `next`.
    pub fn replayed(next: u64, snapshot: Option<(u64, usize)>, records: &[Vec<u8>]) -> Self {
        let (tried, whole) = snapshot.unwrap_or_default();
        Self { next, tried, refused: false, bytes: length(records), whole }
    }

    /// The position of the next record.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// These are durable.
    pub fn handle_appended(&mut self, records: &[Vec<u8>]) {
        self.next += records.len() as u64;
        self.bytes = self.bytes.saturating_add(length(records));
    }

    /// The state after everything that was appended, `whole` bytes, was offered to the engine; `kept`: it has it.
    pub fn handle_snapshot(&mut self, whole: usize, kept: bool) {
        *self = Self { next: self.next, tried: self.next, refused: !kept, bytes: 0, whole };
    }

    /// Is there anything that the newest snapshot, kept or refused, does not have?
    pub fn has_news(&self) -> bool {
        self.next > self.tried
    }

    /// Has so much come since the newest snapshot that another is due? A refused one is not tried again at once: it
    /// costs as much as one that is kept. `entries`: see [`SNAPSHOT_ENTRIES`].
    pub fn is_snapshot_due(&self, entries: u64) -> bool {
        let since = self.next - self.tried;
        let worth = since >= SNAPSHOT_ENTRIES_MIN && self.bytes >= self.whole;
        since >= entries || ((worth || self.bytes >= SNAPSHOT_BYTES) && !self.refused)
    }
}

impl Append {
    pub fn new(records: Vec<Vec<u8>>) -> Self {
        Self { records, pause: Pause::default() }
    }

    pub fn records(&self) -> &[Vec<u8>] {
        &self.records
    }

    pub fn handle(&mut self, answer: Answer) -> Next {
        match answer {
            Answer::Durable => Next::Durable,
            // the engine may have heard it twice: even the first answer may be to the second
            Answer::WrongPosition => Next::Look,
            Answer::Refused => Next::Refused,
            Answer::Unknown => Next::Again { after: self.pause.longer() },
        }
    }

    /// Do the records stand at `position` in a journal that ends with `tail`, before `next`? Entries carry 32 random
    /// bytes each, so nobody else's are equal to them.
    pub fn stands_in(&self, position: u64, tail: &[Vec<u8>], next: u64) -> bool {
        let skip = next.checked_sub(tail.len() as u64).and_then(|first| position.checked_sub(first));
        let skip = skip.and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| tail.get(skip..)).is_some_and(|there| there == self.records)
    }
}

impl Pause {
    /// The one before the next attempt; those after it are longer, up to a limit.
    pub fn longer(&mut self) -> Millis {
        let pause = self.0;
        self.0 = (pause * 2).min(RETRY_MS_LONGEST);
        pause
    }
}

impl Default for Pause {
    fn default() -> Self {
        Self(RETRY_MS_FIRST)
    }
}

fn length(records: &[Vec<u8>]) -> usize {
    records.iter().map(Vec::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[test]
    fn what_nobody_answered_is_tried_again_with_growing_pauses() {
        let mut append = Append::new(records(&["a"]));
        let pauses = [50, 100, 200, 400, 500, 500].map(|after| Next::Again { after });
        assert_eq!([(); 6].map(|()| append.handle(Answer::Unknown)), pauses);
        assert_eq!(append.handle(Answer::Durable), Next::Durable);
    }

    #[test]
    fn another_position_may_be_our_own_doing() {
        let mut append = Append::new(records(&["a"]));
        assert_eq!(append.handle(Answer::WrongPosition), Next::Look);
        append.handle(Answer::Unknown);
        assert_eq!(append.handle(Answer::WrongPosition), Next::Look);
        assert_eq!(append.handle(Answer::Refused), Next::Refused);
    }

    #[test]
    fn a_former_attempt_is_recognised() {
        let append = Append::new(records(&["b", "c"]));
        for (position, tail, next, expected) in [
            (1, &["a", "b", "c"][..], 3, true),
            (5, &["b", "c"], 7, true),
            (5, &["b"], 6, false),
            (5, &["x", "y"], 7, false),
            (5, &["b", "c", "d"], 8, false),
            (5, &[], 5, false),
            (5, &["b", "c"], 8, false),
            (0, &["b", "c"], 7, false),
            (9, &["b", "c"], 7, false),
        ] {
            let stands = append.stands_in(position, &records(tail), next);
            assert_eq!(stands, expected, "{position} {tail:?} {next}");
        }
    }

    #[test]
    fn a_snapshot_is_due_after_entries_or_bytes() {
        let mut many = Ledger::replayed(7, Some((5, 1)), &records(&["a", "b"]));
        assert!(many.has_news() && !many.is_snapshot_due(3) && many.is_snapshot_due(2));
        many.handle_snapshot(1, false);
        assert!(!many.has_news() && !many.is_snapshot_due(3));
        many.handle_appended(&records(&["c", "d", "e"]));
        assert!(many.is_snapshot_due(3) && many.next() == 10);
    }

    #[test]
    fn a_small_meeting_is_written_down_sooner() {
        let few = vec![vec![0; 10]; 39];
        let check = |whole, records: &[Vec<u8>], expected| {
            let mut ledger = Ledger::default();
            ledger.handle_snapshot(whole, true);
            ledger.handle_appended(records);
            let read = Ledger::replayed(records.len() as u64, Some((0, whole)), records);
            assert_eq!(
                (ledger.is_snapshot_due(500), read.is_snapshot_due(500)),
                (expected, expected),
                "{whole}"
            );
        };
        check(0, &few, false);
        let more = vec![vec![0; 10]; 40];
        check(400, &more, true);
        check(401, &more, false);
        check(4_000, &vec![vec![0; 10]; 400], true);
        check(1 << 20, &vec![vec![0; 10]; 500], true);
    }

    #[test]
    fn a_refused_snapshot_is_not_tried_again_for_bytes() {
        let mut large = Ledger::default();
        large.handle_appended(&[vec![0; SNAPSHOT_BYTES]]);
        assert!(large.is_snapshot_due(500));
        large.handle_snapshot(SNAPSHOT_BYTES, false);
        large.handle_appended(&[vec![0; SNAPSHOT_BYTES]]);
        assert!(!large.is_snapshot_due(500));
        large.handle_snapshot(SNAPSHOT_BYTES, true);
        large.handle_appended(&[vec![0; SNAPSHOT_BYTES]]);
        assert!(large.is_snapshot_due(500));
    }
}
