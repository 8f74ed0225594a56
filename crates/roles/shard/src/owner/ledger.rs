//! A meeting's way to its journal: append, replay, snapshot. `meeting::Ledger` knows the position and what an answer
//! means; here it is asked, and waited for.

use std::sync::Arc;
use std::time::Duration;

use journal::{Error, Journal, Replay};
use meeting::ledger::{Answer, Append, Next, Pause, SNAPSHOT_ENTRIES};

pub(super) struct Ledger {
    journal: Arc<dyn Journal>,
    room: String,
    machine: meeting::Ledger,
}

impl Ledger {
    /// Reads what the journal has of the meeting. An engine that cannot be reached is waited for.
    ///
    /// # Errors
    /// [`Error::Damaged`] and whatever else does not pass by itself.
    pub(super) async fn open(journal: Arc<dyn Journal>, room: &str) -> Result<(Self, Replay), Error> {
        let replay = replay(&*journal, room).await?;
        let snapshot = replay.snapshot.as_ref().map(|(position, state)| (*position, state.len()));
        let machine = meeting::Ledger::replayed(replay.next, snapshot, &replay.records);
        Ok((Self { journal, room: room.to_owned(), machine }, replay))
    }

    /// Appends `records`; comes back when they are durable. An engine that cannot be reached is waited for.
    ///
    /// # Errors
    /// [`Error::WrongPosition`] where another owner has written, and whatever else does not pass by itself.
    pub(super) async fn append(&mut self, records: Vec<Vec<u8>>) -> Result<(), Error> {
        let mut append = Append::new(records);
        let mut waits = false;
        loop {
            let said = self.journal.append(&self.room, self.machine.next(), append.records().to_vec()).await;
            match append.handle(answer(&said)) {
                Next::Durable => break,
                Next::Again { after } => {
                    tell(&mut waits, &said);
                    tokio::time::sleep(Duration::from_millis(after)).await;
                }
                Next::Look if self.has(&append).await => break,
                Next::Look | Next::Refused => return said,
            }
        }
        self.machine.handle_appended(append.records());
        Ok(())
    }

    /// Writes the meeting down in an engine that has lost it: `state`, which has `count` records more than were appended. An
    /// engine that cannot be reached is waited for.
    ///
    /// # Errors
    /// As of [`Ledger::append`].
    pub(super) async fn restore(&mut self, state: Vec<u8>, count: u64) -> Result<(), Error> {
        let (position, whole) = (self.machine.next() + count, state.len());
        let (mut pause, mut waits) = (Pause::default(), false);
        loop {
            let said = self.journal.restore(&self.room, position, state.clone()).await;
            match answer(&said) {
                Answer::Durable => break,
                Answer::Unknown => {
                    tell(&mut waits, &said);
                    tokio::time::sleep(Duration::from_millis(pause.longer())).await;
                }
                Answer::WrongPosition => {
                    let there = replay(&*self.journal, &self.room).await?;
                    if there.snapshot.as_ref() != Some(&(position, state)) {
                        return said;
                    }
                    break;
                }
                Answer::Refused => return said,
            }
        }
        self.machine = meeting::Ledger::replayed(position, Some((position, whole)), &[]);
        Ok(())
    }

    /// Is there anything that the newest snapshot, kept or refused, does not have?
    pub(super) fn has_news(&self) -> bool {
        self.machine.has_news()
    }

    pub(super) fn is_snapshot_due(&self) -> bool {
        self.machine.is_snapshot_due(SNAPSHOT_ENTRIES)
    }

    /// Keeps `bytes` as the state after everything that was appended.
    pub(super) async fn snapshot(&mut self, bytes: Vec<u8>) {
        let whole = bytes.len();
        let kept = self.journal.snapshot(&self.room, self.machine.next(), bytes).await;
        self.machine.handle_snapshot(whole, kept.is_ok());
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
        match self.journal.purge(&self.room, self.machine.next()).await {
            Err(error @ Error::WrongPosition { .. }) => return Err(error),
            Err(error) => tracing::warn!(%error, "a meeting that is over stays in the journal"),
            Ok(()) => {}
        }
        self.machine = meeting::Ledger::default();
        Ok(())
    }

    /// Does the journal have these records where they should have been appended?
    async fn has(&self, append: &Append) -> bool {
        let Ok(replay) = replay(&*self.journal, &self.room).await else { return false };
        append.stands_in(self.machine.next(), &replay.records, replay.next)
    }
}

/// Puts what the journal has of a meeting where no replay meets it. An engine that cannot be reached is waited for.
pub(super) async fn set_aside(journal: &dyn Journal, room: &str) {
    let (mut pause, mut waits) = (Pause::default(), false);
    loop {
        let said = journal.set_aside(room).await;
        match said {
            Ok(()) => return tracing::warn!("what the journal had of the meeting is set aside"),
            Err(ref error) if may_pass(error) => {
                tell(&mut waits, &said);
                tokio::time::sleep(Duration::from_millis(pause.longer())).await;
            }
            Err(error) => {
                return tracing::error!(%error, "a meeting that was given up stays in the journal");
            }
        }
    }
}

async fn replay(journal: &dyn Journal, room: &str) -> Result<Replay, Error> {
    let (mut pause, mut waits) = (Pause::default(), false);
    loop {
        let said = journal.replay(room).await;
        if !said.as_ref().is_err_and(may_pass) {
            return said;
        }
        tell(&mut waits, &said);
        tokio::time::sleep(Duration::from_millis(pause.longer())).await;
    }
}

fn answer(said: &Result<(), Error>) -> Answer {
    match said {
        Ok(()) => Answer::Durable,
        Err(Error::WrongPosition { .. }) => Answer::WrongPosition,
        Err(error) if may_pass(error) => Answer::Unknown,
        Err(_) => Answer::Refused,
    }
}

/// Whether the meeting waits for it to pass: an engine that cannot be used may be mended, and what it has is whole.
fn may_pass(error: &Error) -> bool {
    error.is_transient() || matches!(error, Error::Unusable(_))
}

/// Once for all tries.
fn tell<T>(waits: &mut bool, said: &Result<T, Error>) {
    if let (false, Err(error)) = (std::mem::replace(waits, true), said) {
        tracing::warn!(%error, "the journal does not take entries; the meeting waits");
    }
}

#[cfg(test)]
mod tests {
    use journal::{Fault, Memory};
    use meeting::ledger::SNAPSHOT_BYTES;

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
