//! The engine in memory: the double for tests and simulation. It forgets everything with its last handle.

mod cluster;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::checksum::{open, seal};
use crate::limits::{RECORD_BYTES_MAX, SET_ASIDE_MAX, SNAPSHOT_BYTES_MAX};
use crate::{Answer, Error, Journal, Position, Replay};

/// An engine in memory; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Memory {
    store: Arc<Mutex<Store>>,
    cluster: Arc<cluster::Cluster>,
    held: watch::Sender<bool>,
}

/// What goes wrong with an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine cannot be reached: nothing is appended.
    Unavailable,
    /// The disk is full: nothing is appended.
    Full,
    /// The records become durable, but the answer is lost on its way.
    AnswerLost,
}

#[derive(Debug, Default)]
struct Store {
    logs: BTreeMap<String, Log>,
    aside: VecDeque<(String, Log)>,
    faults: Vec<Fault>,
    away: bool,
}

#[derive(Debug, Default)]
struct Log {
    snapshot: Option<(Position, Vec<u8>)>,
    /// position of the first record
    first: Position,
    /// sealed
    records: Vec<Vec<u8>>,
}

impl Log {
    fn next(&self) -> Position {
        self.first + self.records.len() as u64
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { store: Arc::default(), cluster: Arc::default(), held: watch::Sender::new(false) }
    }
}

impl Memory {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next `times` appends meet `fault`; faults asked for earlier come first.
    pub fn fail_appends(&self, fault: Fault, times: usize) {
        self.store().faults.extend(std::iter::repeat_n(fault, times));
    }

    /// While it is away, everything asked of it fails, until it is back.
    pub fn be_away(&self, away: bool) {
        self.store().away = away;
    }

    /// While held, no request is answered.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Flips a bit of a stored record. Does nothing where there is no such record.
    pub fn damage(&self, meeting: &str, position: Position) {
        let mut store = self.store();
        let Some(log) = store.logs.get_mut(meeting) else { return };
        let index = position.checked_sub(log.first).and_then(|i| usize::try_from(i).ok());
        if let Some(byte) = index.and_then(|i| log.records.get_mut(i)).and_then(|r| r.first_mut()) {
            *byte ^= 1;
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'_, T> {
        let mut held = self.held.subscribe();
        Box::pin(async move {
            // the sender lives in self: it cannot be gone
            let _ = held.wait_for(|held| !held).await;
            let mut store = self.store();
            if store.away {
                return Err(Error::Unavailable("a test sent it away".to_owned()));
            }
            work(&mut store)
        })
    }
}

impl Journal for Memory {
    fn append(&self, meeting: &str, expected: Position, records: Vec<Vec<u8>>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.answer(move |store| store.append(meeting, expected, &records))
    }

    fn replay(&self, meeting: &str) -> Answer<'_, Replay> {
        let meeting = meeting.to_owned();
        self.answer(move |store| store.replay(&meeting))
    }

    fn snapshot(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.answer(move |store| store.snapshot(&meeting, position, bytes))
    }

    fn restore(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.answer(move |store| store.restore(meeting, position, bytes))
    }

    fn purge(&self, meeting: &str, expected: Position) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.answer(move |store| {
            store.stands_at(&meeting, expected)?;
            store.logs.remove(&meeting);
            Ok(())
        })
    }

    fn set_aside(&self, meeting: &str) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.answer(move |store| {
            store.aside.extend(store.logs.remove_entry(&meeting));
            if store.aside.len() > SET_ASIDE_MAX {
                store.aside.pop_front();
            }
            Ok(())
        })
    }

    fn aside(&self) -> Answer<'_, Vec<String>> {
        self.answer(|store| Ok(store.aside.iter().map(|(meeting, _)| meeting.clone()).collect()))
    }

    fn meetings(&self) -> Answer<'_, Vec<String>> {
        self.answer(|store| Ok(store.logs.keys().cloned().collect()))
    }
}

impl Store {
    fn append(&mut self, meeting: String, expected: Position, records: &[Vec<u8>]) -> Result<(), Error> {
        let fault = if self.faults.is_empty() { None } else { Some(self.faults.remove(0)) };
        match fault {
            Some(Fault::Unavailable) => return Err(Error::Unavailable("asked for by a test".to_owned())),
            Some(Fault::Full) => return Err(Error::Full("asked for by a test".to_owned())),
            Some(Fault::AnswerLost) | None => {}
        }
        if let Some(large) = records.iter().find(|r| r.len() > RECORD_BYTES_MAX) {
            return Err(Error::TooLarge { meeting, bytes: large.len() });
        }
        self.stands_at(&meeting, expected)?;
        if !records.is_empty() {
            let sealed = records.iter().zip(expected..).map(|(record, at)| seal(&meeting, at, record));
            let sealed: Vec<_> = sealed.collect();
            self.logs.entry(meeting).or_default().records.extend(sealed);
        }
        match fault {
            Some(Fault::AnswerLost) => Err(Error::Unavailable("the answer was lost".to_owned())),
            _ => Ok(()),
        }
    }

    fn replay(&self, meeting: &str) -> Result<Replay, Error> {
        let Some(log) = self.logs.get(meeting) else { return Ok(Replay::default()) };
        let records = log.records.iter().zip(log.first..).map(|(record, at)| open(meeting, at, record));
        Ok(Replay {
            snapshot: log.snapshot.clone(),
            records: records.collect::<Result<_, _>>()?,
            next: log.next(),
        })
    }

    fn snapshot(&mut self, meeting: &str, position: Position, bytes: Vec<u8>) -> Result<(), Error> {
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            return Err(Error::TooLarge { meeting: meeting.to_owned(), bytes: bytes.len() });
        }
        self.stands_at(meeting, position)?;
        let log = self.logs.entry(meeting.to_owned()).or_default();
        *log = Log { snapshot: Some((position, bytes)), first: position, records: Vec::new() };
        Ok(())
    }

    fn restore(&mut self, meeting: String, position: Position, bytes: Vec<u8>) -> Result<(), Error> {
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            return Err(Error::TooLarge { meeting, bytes: bytes.len() });
        }
        if let Some(log) = self.logs.get(&meeting) {
            return Err(Error::WrongPosition { meeting, expected: position, actual: log.next() });
        }
        let log = Log { snapshot: Some((position, bytes)), first: position, records: Vec::new() };
        self.logs.insert(meeting, log);
        Ok(())
    }

    fn stands_at(&self, meeting: &str, expected: Position) -> Result<(), Error> {
        let actual = self.logs.get(meeting).map_or(0, Log::next);
        if actual == expected {
            return Ok(());
        }
        Err(Error::WrongPosition { meeting: meeting.to_owned(), expected, actual })
    }
}
