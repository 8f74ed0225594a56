//! The journal of one machine: a redb file in the data directory.

mod sound;
mod store;
mod writer;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::limits::{CACHE_BYTES, QUEUE_MAX};
use crate::{Answer, Error, Journal, Position, Replay};
use writer::{Job, Opener, Work};

/// Name of the file in the data directory.
const FILE: &str = "journal.redb";

/// A journal in one file. One thread writes: it commits everything that waits in one synced transaction, then answers
/// all of it. Dropping the last handle ends the thread once its queue is empty and gives the file free.
#[derive(Debug)]
pub struct Redb {
    /// `None` only while it is being dropped
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Redb {
    /// Opens the journal in `directory`, which is created if it does not exist. A damaged file is set aside.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process has it open; [`Error::Unavailable`] or [`Error::Full`] where the
    /// directory or the file cannot be used.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let unusable = |e| Error::Unavailable(format!("the data directory {}: {e}", directory.display()));
        std::fs::create_dir_all(directory).map_err(unusable)?;
        let file: PathBuf = directory.join(FILE);
        let open = {
            let file = file.clone();
            move || ::redb::Builder::new().set_cache_size(CACHE_BYTES).create(&file)
        };
        sound::ensure(&file, &open)?;
        Self::with_opener(Box::new(open)).map_err(|error| match error {
            Error::Locked(_) => Error::Locked(directory.display().to_string()),
            other => other,
        })
    }

    /// `open` is called again whenever the file has to be opened anew after an error of the disk.
    fn with_opener(open: Opener) -> Result<Self, Error> {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let writer = writer::Writer::new(open)?;
        let spawned = std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(jobs));
        let thread = spawned.map_err(|e| Error::Unavailable(format!("no thread for the journal: {e}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Work,
    ) -> Answer<'_, T> {
        let (sender, answer) = oneshot::channel();
        let job = Job::new(work(sender));
        Box::pin(async move {
            let gone = || Error::Unavailable("its writer has ended".to_owned());
            let queue = self.queue.as_ref().ok_or_else(gone)?;
            queue.send(job).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?
        })
    }
}

impl Drop for Redb {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // a panic of the writer has been printed already
            let _ = thread.join();
        }
    }
}

impl Journal for Redb {
    fn append(&self, meeting: &str, expected: Position, records: Vec<Vec<u8>>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.ask(|answer| Work::Append { meeting, expected, records, answer })
    }

    fn replay(&self, meeting: &str) -> Answer<'_, Replay> {
        let meeting = meeting.to_owned();
        self.ask(|answer| Work::Replay { meeting, answer })
    }

    fn snapshot(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.ask(|answer| Work::Snapshot { meeting, position, bytes, answer })
    }

    fn restore(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.ask(|answer| Work::Restore { meeting, position, bytes, answer })
    }

    fn purge(&self, meeting: &str, expected: Position) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.ask(|answer| Work::Purge { meeting, expected, answer })
    }

    fn set_aside(&self, meeting: &str) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        self.ask(|answer| Work::SetAside { meeting, answer })
    }

    fn aside(&self) -> Answer<'_, Vec<String>> {
        self.ask(|answer| Work::Aside { answer })
    }

    fn meetings(&self) -> Answer<'_, Vec<String>> {
        self.ask(|answer| Work::Meetings { answer })
    }
}

/// Flips a bit of a record in the file, or takes it away.
///
/// # Panics
/// The file cannot be used.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn hurt(directory: &Path, meeting: &str, position: Position, take: bool) {
    let database = ::redb::Database::create(directory.join(FILE)).expect("the file opens");
    let transaction = database.begin_write().expect("nobody else writes");
    let mut store = store::Store::open(&transaction).expect("the tables open");
    store.damage(meeting, position, take).expect("the disk is well");
    drop(store);
    transaction.commit().expect("the disk is well");
}

#[cfg(test)]
mod tests;
