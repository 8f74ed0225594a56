//! The meeting's journal: one request at a time, and what its answer means. `meeting::Ledger` decides.

use journal::{Error, Replay};
use meeting::Ledger;
use meeting::ledger::{Answer as Said, Append, Next, Pause};

use crate::limits::SNAPSHOT_ENTRIES;
use crate::node::{Answer, Ask, Cx, MS, Micros, Request};

#[derive(Debug, Default)]
pub(super) struct Books {
    ledger: Ledger,
    work: Work,
    ask: Option<Ask>,
    /// the request is repeated then
    again: Option<Micros>,
    /// an append that waits for a snapshot
    queued: Option<Vec<Vec<u8>>>,
}

#[derive(Debug, Default)]
enum Work {
    #[default]
    AtRest,
    Replaying(Pause),
    Appending(Append),
    /// the journal is read: was a former attempt heard?
    Looking(Append, Pause),
    Snapshotting(Vec<u8>),
    Purging,
}

/// What came of a piece of work.
#[derive(Debug)]
pub(super) enum Done {
    Replayed(Replay),
    Appended,
    Snapshotted,
    Purged,
    /// another owner has written
    Fenced,
    /// the engine does not answer an append; for a world that is broken on purpose
    Away,
}

impl Books {
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.work, Work::AtRest)
    }

    pub(super) fn awaits(&self, ask: Ask) -> bool {
        self.ask == Some(ask)
    }

    /// When [`Books::wake`] has something to do.
    pub(super) fn again(&self) -> Option<Micros> {
        self.again
    }

    pub(super) fn next(&self) -> u64 {
        self.ledger.next()
    }

    pub(super) fn is_snapshot_due(&self) -> bool {
        self.is_at_rest() && self.ledger.is_snapshot_due(SNAPSHOT_ENTRIES)
    }

    pub(super) fn replay(&mut self, cx: &mut Cx<'_>, room: &str) {
        self.begin(cx, room, Work::Replaying(Pause::default()));
    }

    pub(super) fn append(&mut self, cx: &mut Cx<'_>, room: &str, records: Vec<Vec<u8>>) {
        if self.is_at_rest() {
            self.begin(cx, room, Work::Appending(Append::new(records)));
        } else {
            self.queued = Some(records);
        }
    }

    pub(super) fn snapshot(&mut self, cx: &mut Cx<'_>, room: &str, bytes: Vec<u8>) {
        self.begin(cx, room, Work::Snapshotting(bytes));
    }

    pub(super) fn purge(&mut self, cx: &mut Cx<'_>, room: &str) {
        self.begin(cx, room, Work::Purging);
    }

    fn begin(&mut self, cx: &mut Cx<'_>, room: &str, work: Work) {
        self.work = work;
        self.request(cx, room);
    }

    /// Sends what the present work is about.
    fn request(&mut self, cx: &mut Cx<'_>, room: &str) {
        let meeting = room.to_owned();
        let expected = self.ledger.next();
        let request = match &self.work {
            Work::AtRest => return,
            Work::Replaying(_) | Work::Looking(..) => Request::Replay { meeting },
            Work::Appending(append) => {
                Request::Append { meeting, expected, records: append.records().to_vec() }
            }
            Work::Snapshotting(bytes) => {
                Request::Snapshot { meeting, position: expected, bytes: bytes.clone() }
            }
            Work::Purging => Request::Purge { meeting, expected },
        };
        self.ask = Some(cx.request(request));
    }

    pub(super) fn wake(&mut self, cx: &mut Cx<'_>, room: &str) {
        if self.again.is_some_and(|again| again <= cx.now) {
            self.again = None;
            self.request(cx, room);
        }
    }

    /// `None`: it is not done yet.
    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, room: &str, answer: Answer) -> Option<Done> {
        self.ask = None;
        match (std::mem::take(&mut self.work), answer) {
            (Work::Replaying(_), Answer::Replay(Ok(replay))) => {
                let snapshot = replay.snapshot.as_ref().map(|(position, state)| (*position, state.len()));
                self.ledger = Ledger::replayed(replay.next, snapshot, &replay.records);
                Some(Done::Replayed(replay))
            }
            (Work::Replaying(pause), _) => self.later(cx, pause, Work::Replaying),
            (Work::Appending(append), Answer::Done(done)) => self.appended(cx, room, append, &done),
            (Work::Looking(append, _), Answer::Replay(Ok(replay))) => {
                if append.stands_in(self.ledger.next(), &replay.records, replay.next) {
                    return Some(self.durable(&append));
                }
                Some(Done::Fenced)
            }
            (Work::Looking(append, pause), _) => self.later(cx, pause, |pause| Work::Looking(append, pause)),
            (Work::Snapshotting(state), answer) => {
                self.ledger.handle_snapshot(state.len(), matches!(answer, Answer::Done(Ok(()))));
                if let Some(records) = self.queued.take() {
                    self.append(cx, room, records);
                }
                Some(Done::Snapshotted)
            }
            (Work::Purging, Answer::Done(Err(Error::WrongPosition { .. }))) => Some(Done::Fenced),
            (Work::Purging, _) => {
                // one that could not be forgotten is found to be over by its next owner
                self.ledger = Ledger::default();
                Some(Done::Purged)
            }
            (Work::AtRest | Work::Appending(_), _) => None,
        }
    }

    fn appended(
        &mut self,
        cx: &mut Cx<'_>,
        room: &str,
        mut append: Append,
        done: &Result<(), Error>,
    ) -> Option<Done> {
        match append.handle(said(done)) {
            Next::Durable => Some(self.durable(&append)),
            Next::Refused => Some(Done::Fenced),
            Next::Again { after } => {
                self.work = Work::Appending(append);
                self.again = Some(cx.now + after * MS);
                Some(Done::Away)
            }
            Next::Look => {
                self.begin(cx, room, Work::Looking(append, Pause::default()));
                None
            }
        }
    }

    fn durable(&mut self, append: &Append) -> Done {
        self.ledger.handle_appended(append.records());
        Done::Appended
    }

    fn later(&mut self, cx: &Cx<'_>, mut pause: Pause, work: impl FnOnce(Pause) -> Work) -> Option<Done> {
        self.again = Some(cx.now + pause.longer() * MS);
        self.work = work(pause);
        None
    }
}

fn said(done: &Result<(), Error>) -> Said {
    match done {
        Ok(()) => Said::Durable,
        Err(Error::WrongPosition { .. }) => Said::WrongPosition,
        Err(error) if error.is_transient() => Said::Unknown,
        Err(_) => Said::Refused,
    }
}
