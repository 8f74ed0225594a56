//! A meeting's place in the journal: append, replay, snapshot. Knows the position and what to do about a refusal.

use std::sync::Arc;
use std::time::Duration;

use journal::{Error, Journal, Position, Replay};

use crate::limits::{RETRY_FIRST, RETRY_LONGEST, SNAPSHOT_BYTES, SNAPSHOT_ENTRIES};

pub(super) struct Ledger {
    journal: Arc<dyn Journal>,
    room: String,
    /// position of the next append
    next: Position,
    /// position of the newest snapshot, kept or refused
    tried: Position,
    /// the newest one was refused
    refused: bool,
    /// of the records since then
    bytes: usize,
}

impl Ledger {
    /// Reads what the journal has of the meeting. An engine that cannot be reached is waited for.
    ///
    /// # Errors
    /// [`Error::Damaged`] and whatever else does not pass by itself.
    pub(super) async fn open(journal: Arc<dyn Journal>, room: &str) -> Result<(Self, Replay), Error> {
        let replay = replay(&*journal, room).await?;
        let tried = replay.snapshot.as_ref().map_or(0, |(position, _)| *position);
        let bytes = length(&replay.records);
        let room = room.to_owned();
        Ok((Self { journal, room, next: replay.next, tried, refused: false, bytes }, replay))
    }

    /// Appends `records`; comes back when they are durable. An engine that cannot be reached is waited for.
    ///
    /// # Errors
    /// [`Error::WrongPosition`] where another owner has written, and whatever else does not pass by itself.
    pub(super) async fn append(&mut self, records: Vec<Vec<u8>>) -> Result<(), Error> {
        let count = records.len() as u64;
        let mut pause = RETRY_FIRST;
        let mut uncertain = false;
        loop {
            match self.journal.append(&self.room, self.next, records.clone()).await {
                Ok(()) => break,
                Err(error) if may_pass(&error) => {
                    uncertain = true;
                    wait(&mut pause, &error).await;
                }
                // the former attempt may have been heard, and only its answer lost
                Err(Error::WrongPosition { .. }) if uncertain && self.has(&records).await => break,
                Err(error) => return Err(error),
            }
        }
        self.next += count;
        self.bytes = self.bytes.saturating_add(length(&records));
        Ok(())
    }

    /// Writes the meeting down in an engine that has lost it: `state`, which has `count` records more than were appended. An
    /// engine that cannot be reached is waited for.
    ///
    /// # Errors
    /// As of [`Ledger::append`].
    pub(super) async fn restore(&mut self, state: Vec<u8>, count: u64) -> Result<(), Error> {
        let (position, mut pause) = (self.next + count, RETRY_FIRST);
        let mut uncertain = false;
        loop {
            match self.journal.restore(&self.room, position, state.clone()).await {
                Ok(()) => break,
                Err(error) if may_pass(&error) => {
                    uncertain = true;
                    wait(&mut pause, &error).await;
                }
                Err(error @ Error::WrongPosition { .. }) if uncertain => {
                    let there = replay(&*self.journal, &self.room).await?;
                    if there.snapshot.as_ref() != Some(&(position, state)) {
                        return Err(error);
                    }
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        (self.next, self.tried, self.refused, self.bytes) = (position, position, false, 0);
        Ok(())
    }

    /// Is there anything that the newest snapshot, kept or refused, does not have?
    pub(super) fn has_news(&self) -> bool {
        self.next > self.tried
    }

    /// Has so much come since the newest snapshot that another is due? A refused one is not tried again at once: it
    /// costs as much as one that is kept.
    pub(super) fn is_snapshot_due(&self) -> bool {
        let many = self.next - self.tried >= SNAPSHOT_ENTRIES;
        many || (self.bytes >= SNAPSHOT_BYTES && !self.refused)
    }

    /// Keeps `bytes` as the state after everything that was appended.
    pub(super) async fn snapshot(&mut self, bytes: Vec<u8>) {
        let kept = self.journal.snapshot(&self.room, self.next, bytes).await;
        self.refused = kept.is_err();
        (self.tried, self.bytes) = (self.next, 0);
        if let Err(error) = kept {
            // the records are still there: a later one will do
            tracing::warn!(%error, "a meeting could not be written down as a whole");
        }
    }

    /// Forgets the meeting. What could not be forgotten is found to be over at the next start.
    ///
    /// # Errors
    /// [`Error::WrongPosition`] where another owner has written meanwhile: for him it is not over.
    pub(super) async fn purge(&mut self) -> Result<(), Error> {
        match self.journal.purge(&self.room, self.next).await {
            Err(error @ Error::WrongPosition { .. }) => return Err(error),
            Err(error) => tracing::warn!(%error, "a meeting that is over stays in the journal"),
            Ok(()) => {}
        }
        self.begin_anew();
        Ok(())
    }

    fn begin_anew(&mut self) {
        (self.next, self.tried, self.refused, self.bytes) = (0, 0, false, 0);
    }

    /// Do `records` stand where they should have been appended? Entries carry 32 random bytes each, so nobody
    /// else's are equal to them.
    async fn has(&self, records: &[Vec<u8>]) -> bool {
        let Ok(replay) = replay(&*self.journal, &self.room).await else { return false };
        let first = replay.next - replay.records.len() as u64;
        let Some(skip) = self.next.checked_sub(first).and_then(|n| usize::try_from(n).ok()) else {
            return false;
        };
        replay.records.get(skip..).is_some_and(|tail| tail == records)
    }
}

/// Puts what the journal has of a meeting where no replay meets it. An engine that cannot be reached is waited for.
pub(super) async fn set_aside(journal: &dyn Journal, room: &str) {
    let mut pause = RETRY_FIRST;
    loop {
        match journal.set_aside(room).await {
            Ok(()) => return tracing::warn!("what the journal had of the meeting is set aside"),
            Err(error) if may_pass(&error) => wait(&mut pause, &error).await,
            Err(error) => {
                return tracing::error!(%error, "a meeting that was given up stays in the journal");
            }
        }
    }
}

fn length(records: &[Vec<u8>]) -> usize {
    records.iter().map(Vec::len).sum()
}

async fn replay(journal: &dyn Journal, room: &str) -> Result<Replay, Error> {
    let mut pause = RETRY_FIRST;
    loop {
        match journal.replay(room).await {
            Err(error) if may_pass(&error) => wait(&mut pause, &error).await,
            other => return other,
        }
    }
}

/// Whether the meeting waits for it to pass: an engine that cannot be used may be mended, and what it has is whole.
fn may_pass(error: &Error) -> bool {
    error.is_transient() || matches!(error, Error::Unusable(_))
}

async fn wait(pause: &mut Duration, error: &Error) {
    if *pause == RETRY_FIRST {
        tracing::warn!(%error, "the journal does not take entries; the meeting waits");
    }
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(RETRY_LONGEST);
}

#[cfg(test)]
mod tests {
    use journal::{Fault, Memory};

    use super::*;

    /// so many records of [`SHARE`] bytes make a snapshot due
    const MANY: u64 = 32;
    const SHARE: usize = SNAPSHOT_BYTES / 32;
    const _: () = assert!(SHARE <= journal::RECORD_BYTES_MAX);

    async fn open(memory: &Memory) -> Ledger {
        Ledger::open(Arc::new(memory.clone()), "room").await.unwrap().0
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_an_engine_that_is_away() {
        let memory = Memory::new();
        let mut ledger = open(&memory).await;
        memory.fail_appends(Fault::Unavailable, 3);
        memory.fail_appends(Fault::Full, 3);
        ledger.append(vec![b"a".to_vec()]).await.unwrap();
        check(&memory, &[b"a"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_does_not_append_twice() {
        let memory = Memory::new();
        let mut ledger = open(&memory).await;
        ledger.append(vec![b"a".to_vec()]).await.unwrap();
        memory.fail_appends(Fault::AnswerLost, 1);
        ledger.append(vec![b"b".to_vec(), b"c".to_vec()]).await.unwrap();
        ledger.append(vec![b"d".to_vec()]).await.unwrap();
        check(&memory, &[b"a", b"b", b"c", b"d"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn another_owner_is_noticed() {
        let memory = Memory::new();
        let mut old = open(&memory).await;
        let mut new = open(&memory).await;
        new.append(vec![b"mine".to_vec()]).await.unwrap();
        let error = old.append(vec![b"late".to_vec()]).await.unwrap_err();
        assert!(matches!(error, Error::WrongPosition { expected: 0, actual: 1, .. }), "{error}");
        check(&memory, &[b"mine"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn another_owner_is_noticed_after_an_outage_too() {
        let memory = Memory::new();
        let mut old = open(&memory).await;
        let mut new = open(&memory).await;
        new.append(vec![b"mine".to_vec()]).await.unwrap();
        memory.fail_appends(Fault::Unavailable, 1);
        old.append(vec![b"late".to_vec()]).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_snapshot_resets_the_count() {
        let memory = Memory::new();
        let mut ledger = open(&memory).await;
        ledger.append(vec![b"a".to_vec(), b"b".to_vec()]).await.unwrap();
        assert!(ledger.has_news() && open(&memory).await.has_news());
        ledger.snapshot(b"ab".to_vec()).await;
        assert!(!ledger.has_news() && !open(&memory).await.has_news());
        ledger.purge().await.unwrap();
        ledger.append(vec![b"new".to_vec()]).await.unwrap();
        check(&memory, &[b"new"]).await;
    }

    #[tokio::test]
    async fn a_snapshot_is_due_after_many_entries() {
        let mut ledger = open(&Memory::new()).await;
        append(&mut ledger, SNAPSHOT_ENTRIES - 1, 10).await;
        assert!(!ledger.is_snapshot_due());
        append(&mut ledger, 1, 10).await;
        assert!(ledger.is_snapshot_due());
        ledger.snapshot(b"s".to_vec()).await;
        assert!(!ledger.is_snapshot_due());
    }

    #[tokio::test]
    async fn a_snapshot_is_due_after_many_bytes() {
        let memory = Memory::new();
        let mut ledger = open(&memory).await;
        append(&mut ledger, MANY - 1, SHARE).await;
        assert!(!ledger.is_snapshot_due());
        append(&mut ledger, 1, SHARE).await;
        assert!(ledger.is_snapshot_due() && open(&memory).await.is_snapshot_due());
        ledger.snapshot(b"s".to_vec()).await;
        assert!(!ledger.is_snapshot_due() && !open(&memory).await.is_snapshot_due());
    }

    #[tokio::test]
    async fn a_refused_snapshot_is_not_tried_again_at_once() {
        let mut ledger = open(&Memory::new()).await;
        append(&mut ledger, SNAPSHOT_ENTRIES, 10).await;
        ledger.snapshot(vec![0; journal::SNAPSHOT_BYTES_MAX + 1]).await;
        assert!(!ledger.is_snapshot_due() && !ledger.has_news());
        append(&mut ledger, MANY + 1, SHARE).await;
        assert!(!ledger.is_snapshot_due(), "nor after many bytes");
        append(&mut ledger, SNAPSHOT_ENTRIES - MANY - 1, 10).await;
        assert!(ledger.is_snapshot_due());
        ledger.snapshot(b"s".to_vec()).await;
        append(&mut ledger, MANY, SHARE).await;
        assert!(ledger.is_snapshot_due(), "once one was kept, bytes count again");
    }

    async fn append(ledger: &mut Ledger, count: u64, size: usize) {
        ledger.append((0..count).map(|_| vec![7; size]).collect()).await.unwrap();
    }

    async fn check(memory: &Memory, expected: &[&[u8]]) {
        assert_eq!(memory.replay("room").await.unwrap().records, expected);
    }
}
