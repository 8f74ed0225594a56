//! One meeting's way through the journal: inputs, append, apply once it is durable, obey.

use std::collections::{BTreeMap, VecDeque};

use journal::{Error, Replay};
use meeting::{ConnId, Effect, Entry, Input, Links, Meeting, Settings};

use crate::check::digest;
use crate::fact::{Fact, Invariant};
use crate::limits::{BATCH_MAX, RETRY_FIRST, RETRY_LONGEST, SNAPSHOT_ENTRIES, TICK_PAUSE};
use crate::mutation::Mutation;
use crate::node::{Answer, Ask, Cx, MS, Micros, Request};

/// Why it is let go of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Over,
    Moved,
    Fenced,
}

#[derive(Debug)]
enum Work {
    Replaying,
    Idle,
    Appending(Batch),
    /// the journal is read: was the former attempt heard?
    Checking(Batch),
    Snapshotting {
        then: Option<End>,
    },
    Purging,
}

#[derive(Clone, Debug)]
struct Batch {
    entries: Vec<Entry>,
    /// an attempt was not answered
    uncertain: bool,
}

#[derive(Debug)]
pub(super) struct Owner {
    pub(super) number: u64,
    room: String,
    machine: Meeting,
    work: Work,
    ask: Option<Ask>,
    /// a request is repeated then
    again: Option<Micros>,
    pause: Micros,
    next: u64,
    snapshot_at: u64,
    owns: bool,
    fresh: bool,
    /// beginning of the ownership, by both clocks
    start: (Micros, u64),
    not_before: Micros,
    /// a timer runs for then
    timer: Option<Micros>,
    pub(super) let_go: bool,
    pub(super) inbox: VecDeque<Input>,
    pub(super) effects: Vec<Effect>,
    pub(super) conns: BTreeMap<ConnId, u64>,
    pub(super) links: Links,
    pub(super) end: Option<End>,
}

impl Owner {
    pub(super) fn open(cx: &mut Cx<'_>, room: &str) -> Self {
        let ask = Some(cx.request(Request::Replay { meeting: room.to_owned() }));
        Self {
            number: cx.id(),
            room: room.to_owned(),
            machine: Meeting::new(room),
            work: Work::Replaying,
            ask,
            again: None,
            pause: RETRY_FIRST,
            next: 0,
            snapshot_at: 0,
            owns: false,
            fresh: true,
            start: (cx.now, cx.wall_ms),
            not_before: cx.now,
            timer: None,
            let_go: false,
            inbox: VecDeque::new(),
            effects: Vec::new(),
            conns: BTreeMap::new(),
            links: Links::default(),
            end: None,
        }
    }

    pub(super) fn awaits(&self, ask: Ask) -> bool {
        self.ask == Some(ask)
    }

    pub(super) fn machine(&self) -> &Meeting {
        &self.machine
    }

    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, answer: Answer) {
        self.ask = None;
        match (std::mem::replace(&mut self.work, Work::Idle), answer) {
            (Work::Replaying, Answer::Replay(Ok(replay))) => self.rebuild(cx, &replay),
            (Work::Appending(batch), Answer::Done(Ok(()))) => self.committed(cx, &batch),
            (Work::Appending(batch), Answer::Done(Err(Error::WrongPosition { .. }))) if batch.uncertain => {
                self.work = Work::Checking(batch);
                self.request(cx);
            }
            (Work::Appending(_), Answer::Done(Err(Error::WrongPosition { .. }))) => self.fenced(),
            (Work::Appending(_) | Work::Purging, Answer::Done(Err(error)))
                if cx.mutation == Some(Mutation::OutageEnds) && error.is_transient() =>
            {
                self.wait(cx, Work::Purging);
            }
            (Work::Appending(batch), _) => self.wait(cx, Work::Appending(Batch { uncertain: true, ..batch })),
            (Work::Checking(batch), Answer::Replay(Ok(replay))) => {
                if self.has(&replay, &batch) {
                    self.committed(cx, &batch)
                } else {
                    self.fenced()
                }
            }
            (Work::Snapshotting { then }, _) => {
                self.snapshot_at = self.next;
                self.end = then;
            }
            (Work::Purging, Answer::Done(Err(Error::WrongPosition { .. }))) => self.fenced(),
            (Work::Purging, Answer::Done(Ok(()))) if !self.inbox.is_empty() => self.begin_anew(),
            (Work::Purging, _) => self.end = Some(End::Over),
            (work, _) => self.wait(cx, work),
        }
    }

    fn fenced(&mut self) {
        self.end = Some(End::Fenced);
    }

    /// Somebody came at the moment at which it was over.
    fn begin_anew(&mut self) {
        (self.machine, self.links) = (Meeting::new(&self.room), Links::default());
        (self.next, self.snapshot_at, self.owns, self.fresh) = (0, 0, false, true);
    }

    fn wait(&mut self, cx: &Cx<'_>, work: Work) {
        self.work = work;
        self.again = Some(cx.now + self.pause);
        self.pause = (self.pause * 2).min(RETRY_LONGEST);
    }

    /// Sends what the present work is about.
    fn request(&mut self, cx: &mut Cx<'_>) {
        let meeting = self.room.clone();
        let request = match &self.work {
            Work::Idle => return,
            Work::Replaying | Work::Checking(_) => Request::Replay { meeting },
            Work::Appending(batch) => {
                let records = batch.entries.iter().map(Entry::to_bytes).collect();
                Request::Append { meeting, expected: self.next, records }
            }
            Work::Snapshotting { .. } => {
                Request::Snapshot { meeting, position: self.next, bytes: self.machine.snapshot() }
            }
            Work::Purging => Request::Purge { meeting, expected: self.next },
        };
        self.ask = Some(cx.request(request));
    }

    fn rebuild(&mut self, cx: &mut Cx<'_>, replay: &Replay) {
        let mut last = 0;
        if let Some((position, bytes)) = &replay.snapshot {
            self.snapshot_at = *position;
            match Meeting::restore(&self.room, bytes) {
                Ok(machine) => self.machine = machine,
                Err(error) => breach(cx, format!("{}: {error}", self.room)),
            }
        }
        for record in &replay.records {
            match Entry::from_bytes(record) {
                Ok(entry) => {
                    last = entry.at;
                    self.machine.apply(&entry);
                }
                Err(error) => breach(cx, format!("{}: {error}", self.room)),
            }
        }
        (self.next, self.fresh, self.pause) = (replay.next, replay.next == 0, RETRY_FIRST);
        self.start = (cx.now, cx.wall_ms.max(last));
        self.links = Links::replayed(&self.machine.summary().bridges, self.millis(cx.now));
        let digest = digest(&self.machine.snapshot());
        cx.fact(Fact::Rebuilt { meeting: self.room.clone(), position: self.next, by: cx.me, digest });
    }

    /// Do the batch's records stand where they should have been appended?
    fn has(&self, replay: &Replay, batch: &Batch) -> bool {
        let first = replay.next - replay.records.len() as u64;
        let skip = self.next.checked_sub(first).and_then(|skip| usize::try_from(skip).ok());
        let records: Vec<_> = batch.entries.iter().map(Entry::to_bytes).collect();
        skip.and_then(|skip| replay.records.get(skip..)).is_some_and(|tail| tail == records)
    }

    fn committed(&mut self, cx: &mut Cx<'_>, batch: &Batch) {
        (self.owns, self.pause) = (true, RETRY_FIRST);
        self.next += batch.entries.len() as u64;
        if cx.mutation != Some(Mutation::EagerEffects) {
            self.apply(cx, &batch.entries);
        }
        let digest = digest(&self.machine.snapshot());
        cx.fact(Fact::Applied { meeting: self.room.clone(), position: self.next, by: cx.me, digest });
    }

    fn apply(&mut self, cx: &Cx<'_>, entries: &[Entry]) {
        for entry in entries {
            let mut entry = entry.clone();
            if cx.mutation == Some(Mutation::OwnChance) {
                entry.seed = [7; 32];
            }
            self.effects.extend(self.machine.apply(&entry));
        }
    }

    /// Does what can be done now.
    pub(super) fn step(&mut self, cx: &mut Cx<'_>) {
        if !matches!(self.work, Work::Idle) || self.end.is_some() {
            return;
        }
        if self.let_go {
            if !self.owns {
                self.end = Some(End::Moved);
                return;
            }
            self.work = Work::Snapshotting { then: Some(End::Moved) };
            return self.request(cx);
        }
        let takes_over = !self.owns && !self.fresh;
        if !self.inbox.is_empty() || takes_over {
            return self.append(cx);
        }
        if self.fresh && !self.owns {
            // somebody only asked
            self.end = Some(End::Over);
        } else if self.owns && self.effects.is_empty() && self.machine.is_idle() {
            self.work = Work::Purging;
            self.request(cx);
        } else if self.owns && self.next - self.snapshot_at >= SNAPSHOT_ENTRIES {
            self.work = Work::Snapshotting { then: None };
            self.request(cx);
        }
    }

    fn append(&mut self, cx: &mut Cx<'_>) {
        let mut inputs = Vec::new();
        if !self.owns {
            let settings = Settings::for_domain(crate::DOMAIN);
            inputs.push(Input::Owner { shard: cx.me.to_string(), settings });
        }
        let count = self.inbox.len().min(BATCH_MAX);
        inputs.extend(self.inbox.drain(..count));
        let at = self.millis(cx.now);
        let entries: Vec<Entry> =
            inputs.into_iter().map(|input| Entry { at, seed: cx.chance.bytes(), input }).collect();
        if cx.mutation == Some(Mutation::EagerEffects) {
            self.apply(cx, &entries);
        }
        self.work = Work::Appending(Batch { entries, uncertain: false });
        self.request(cx);
    }

    /// Its timer went off.
    pub(super) fn wake(&mut self, cx: &mut Cx<'_>) {
        self.timer = None;
        if self.again.is_some_and(|again| again <= cx.now) {
            self.again = None;
            self.request(cx);
        }
        let due = self.deadline().is_some_and(|deadline| deadline <= cx.now);
        if due && matches!(self.work, Work::Idle) && !self.let_go {
            self.not_before = cx.now + TICK_PAUSE;
            self.inbox.push_back(Input::Tick);
        }
    }

    /// After how long a timer is wanted that does not run yet.
    pub(super) fn due(&mut self, now: Micros) -> Option<Micros> {
        let tick = if matches!(self.work, Work::Idle) { self.deadline() } else { None };
        let due = [self.again, tick].into_iter().flatten().min()?;
        if self.timer.is_some_and(|timer| timer <= due && timer > now) {
            return None;
        }
        self.timer = Some(due.max(now + 1));
        Some(due.saturating_sub(now).max(1))
    }

    fn deadline(&self) -> Option<Micros> {
        let away = self.machine.deadline()?.saturating_sub(self.start.1).min(1_000_000_000) * MS;
        Some((self.start.0 + away).max(self.not_before))
    }

    pub(super) fn millis(&self, now: Micros) -> u64 {
        self.start.1 + (now - self.start.0) / MS
    }
}

fn breach(cx: &mut Cx<'_>, what: String) {
    cx.fact(Fact::Breach(Invariant::ReplayIsLive, what));
}
