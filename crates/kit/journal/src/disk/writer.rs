//! The one thread that touches the file: what waits goes into one transaction, then everybody is answered.

use std::io::ErrorKind;

use redb::{Database, DatabaseError, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::store::{Failure, Store};
use crate::limits::{BATCH_BYTES_MAX, BATCH_REQUESTS_MAX};
use crate::{Error, Position, Replay};

pub(super) type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send>;
type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// A request in the queue.
#[derive(Debug)]
pub(super) struct Job {
    bytes: usize,
    work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Append { meeting: String, expected: Position, records: Vec<Vec<u8>>, answer: Reply<()> },
    Snapshot { meeting: String, position: Position, bytes: Vec<u8>, answer: Reply<()> },
    Restore { meeting: String, position: Position, bytes: Vec<u8>, answer: Reply<()> },
    Purge { meeting: String, expected: Position, answer: Reply<()> },
    SetAside { meeting: String, answer: Reply<()> },
    Replay { meeting: String, answer: Reply<Replay> },
    Aside { answer: Reply<Vec<String>> },
    Meetings { answer: Reply<Vec<String>> },
}

impl Job {
    pub(super) fn new(work: Work) -> Self {
        let bytes = match &work {
            Work::Append { records, .. } => records.iter().map(Vec::len).sum(),
            Work::Snapshot { bytes, .. } | Work::Restore { bytes, .. } => bytes.len(),
            Work::Purge { .. }
            | Work::SetAside { .. }
            | Work::Replay { .. }
            | Work::Aside { .. }
            | Work::Meetings { .. } => 0,
        };
        Self { bytes, work }
    }
}

pub(super) struct Writer {
    open: Opener,
    /// `None` after an error of the disk: opened again for the next batch
    database: Option<Database>,
}

impl Writer {
    pub(super) fn new(open: Opener) -> Result<Self, Error> {
        let database = open().map_err(|e| explain(&e.into()))?;
        let mut writer = Self { open, database: Some(database) };
        // the tables exist from here on, and a file that cannot be written is found out at the start
        writer.commit(&mut Vec::new()).map_err(|e| explain(&e))?;
        Ok(writer)
    }

    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let batch = gather(first, &mut jobs);
            self.serve(batch);
        }
    }

    fn serve(&mut self, batch: Vec<Work>) {
        let mut waiting: Vec<_> = batch.into_iter().map(Waiting::new).collect();
        match self.commit(&mut waiting) {
            Ok(()) => waiting.into_iter().for_each(Waiting::answer),
            Err(error) => {
                let error = explain(&error);
                // redb refuses everything after an error of the disk until the file is opened again
                self.database = None;
                waiting.into_iter().for_each(|w| w.refuse(&error));
            }
        }
    }

    fn commit(&mut self, waiting: &mut [Waiting]) -> Result<(), redb::Error> {
        let database = match self.database.take() {
            Some(database) => database,
            None => (self.open)()?,
        };
        let database = self.database.insert(database);
        let transaction = database.begin_write()?;
        work_through(&transaction, waiting)?;
        Ok(transaction.commit()?)
    }
}

fn work_through(transaction: &WriteTransaction, waiting: &mut [Waiting]) -> Result<(), redb::Error> {
    let mut store = Store::open(transaction)?;
    waiting.iter_mut().try_for_each(|job| job.perform(&mut store))
}

fn gather(first: Job, jobs: &mut mpsc::Receiver<Job>) -> Vec<Work> {
    let mut bytes = first.bytes;
    let mut batch = vec![first.work];
    while batch.len() < BATCH_REQUESTS_MAX && bytes < BATCH_BYTES_MAX {
        let Ok(job) = jobs.try_recv() else { break };
        bytes += job.bytes;
        batch.push(job.work);
    }
    batch
}

/// A request of the running transaction and what will be told if it commits.
struct Waiting {
    work: Work,
    outcome: Outcome,
}

enum Outcome {
    Done,
    Replayed(Replay),
    Named(Vec<String>),
    Refused(Error),
}

impl Waiting {
    fn new(work: Work) -> Self {
        Self { work, outcome: Outcome::Done }
    }

    fn perform(&mut self, store: &mut Store<'_>) -> Result<(), redb::Error> {
        let outcome = match &self.work {
            Work::Append { meeting, expected, records, .. } => {
                store.append(meeting, *expected, records).map(|()| Outcome::Done)
            }
            Work::Snapshot { meeting, position, bytes, .. } => {
                store.snapshot(meeting, *position, bytes).map(|()| Outcome::Done)
            }
            Work::Restore { meeting, position, bytes, .. } => {
                store.restore(meeting, *position, bytes).map(|()| Outcome::Done)
            }
            Work::Purge { meeting, expected, .. } => store.purge(meeting, *expected).map(|()| Outcome::Done),
            Work::SetAside { meeting, .. } => store.set_aside(meeting).map(|()| Outcome::Done),
            Work::Replay { meeting, .. } => store.replay(meeting).map(Outcome::Replayed),
            Work::Aside { .. } => store.aside().map(Outcome::Named),
            Work::Meetings { .. } => store.meetings().map(Outcome::Named),
        };
        self.outcome = match outcome {
            Ok(outcome) => outcome,
            Err(Failure::Refused(error)) => Outcome::Refused(error),
            Err(Failure::Disk(error)) => return Err(error),
        };
        Ok(())
    }

    /// Whoever asked may be gone: then nobody is told.
    fn answer(self) {
        match (self.work, self.outcome) {
            (work, Outcome::Refused(error)) => Self { work, outcome: Outcome::Done }.refuse(&error),
            (Work::Replay { answer, .. }, Outcome::Replayed(replay)) => drop(answer.send(Ok(replay))),
            (Work::Meetings { answer } | Work::Aside { answer }, Outcome::Named(names)) => {
                drop(answer.send(Ok(names)))
            }
            (
                Work::Append { answer, .. }
                | Work::Snapshot { answer, .. }
                | Work::Restore { answer, .. }
                | Work::Purge { answer, .. }
                | Work::SetAside { answer, .. },
                Outcome::Done,
            ) => drop(answer.send(Ok(()))),
            (_, Outcome::Done | Outcome::Replayed(_) | Outcome::Named(_)) => {
                unreachable!("perform gives each request the outcome of its kind")
            }
        }
    }

    fn refuse(self, error: &Error) {
        let error = error.clone();
        match self.work {
            Work::Append { answer, .. }
            | Work::Snapshot { answer, .. }
            | Work::Restore { answer, .. }
            | Work::Purge { answer, .. }
            | Work::SetAside { answer, .. } => {
                drop(answer.send(Err(error)));
            }
            Work::Replay { answer, .. } => drop(answer.send(Err(error))),
            Work::Meetings { answer } | Work::Aside { answer } => drop(answer.send(Err(error))),
        }
    }
}

fn explain(error: &redb::Error) -> Error {
    match error {
        redb::Error::DatabaseAlreadyOpen => Error::Locked(String::new()),
        redb::Error::Io(io) if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            Error::Full(io.to_string())
        }
        other => Error::Unavailable(other.to_string()),
    }
}
