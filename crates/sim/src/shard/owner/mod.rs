//! One meeting at its shard: inputs, the tenure, the journal, effects.
//!
//! `meeting::Tenure` says what is applied and obeyed when, `books` is the way to the journal. The order is that of the
//! product's `owner`: it replays, owns, takes inputs while the tenure is open, and ends when it is over, moved or fenced.

mod books;

use std::collections::{BTreeMap, VecDeque};

use journal::Replay;
use meeting::{ConnId, Effect, Entry, Input, Links, Meeting, Settings, Tenure, Time};

use crate::check::digest;
use crate::fact::{Fact, Invariant};
use crate::limits::{BATCH_MAX, RETRY_FIRST, SNAPSHOT_IDLE, TAKEOVER_TRIES};
use crate::mutation::Mutation;
use crate::node::{Answer, Ask, Cx, MS, Micros};
use books::{Books, Done};

/// Why it is let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Over,
    Moved,
    Fenced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// replaying, or writing the first entry of the ownership
    Opening,
    Running,
    /// written down as a whole, or forgotten; then this
    Closing(End),
}

#[derive(Debug)]
pub(super) struct Owner {
    pub(super) number: u64,
    room: String,
    machine: Meeting,
    tenure: Tenure,
    books: Books,
    phase: Phase,
    tries: u32,
    /// replayed again then
    reopens: Option<Micros>,
    /// the first entry of this ownership was made
    begun: bool,
    /// and is in the journal
    owns: bool,
    /// nothing was replayed
    fresh: bool,
    time: Time,
    start: Micros,
    /// a timer runs for then
    timer: Option<Micros>,
    pub(super) let_go: bool,
    /// from outside
    pub(super) inbox: VecDeque<Input>,
    /// that effects brought about
    pub(super) own: VecDeque<Input>,
    pub(super) effects: Vec<Effect>,
    pub(super) conns: BTreeMap<ConnId, u64>,
    pub(super) links: Links,
    pub(super) end: Option<End>,
}

impl Owner {
    pub(super) fn open(cx: &mut Cx<'_>, room: &str) -> Self {
        let mut books = Books::default();
        books.replay(cx, room);
        Self {
            number: cx.id(),
            room: room.to_owned(),
            machine: Meeting::new(room),
            tenure: Tenure::default(),
            books,
            phase: Phase::Opening,
            tries: 0,
            reopens: None,
            begun: false,
            owns: false,
            fresh: true,
            time: Time::new(cx.wall_ms, 0),
            start: cx.now,
            timer: None,
            let_go: false,
            inbox: VecDeque::new(),
            own: VecDeque::new(),
            effects: Vec::new(),
            conns: BTreeMap::new(),
            links: Links::default(),
            end: None,
        }
    }

    pub(super) fn awaits(&self, ask: Ask) -> bool {
        self.books.awaits(ask)
    }

    pub(super) fn machine(&self) -> &Meeting {
        &self.machine
    }

    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, answer: Answer) {
        match self.books.answered(cx, &self.room, answer) {
            None => {}
            Some(Done::Away) if cx.mutation == Some(Mutation::OutageEnds) && self.owns => {
                self.books.purge(cx, &self.room);
                self.phase = Phase::Closing(End::Over);
            }
            Some(Done::Away) => {}
            Some(Done::Replayed(replay)) => self.rebuild(cx, &replay),
            Some(Done::Appended) => self.appended(cx),
            Some(Done::Fenced) if self.phase == Phase::Opening && self.tries < TAKEOVER_TRIES => {
                self.reopens = Some(cx.now + RETRY_FIRST);
            }
            Some(Done::Fenced) => self.end = Some(End::Fenced),
            Some(Done::Snapshotted) => {
                if let Phase::Closing(end) = self.phase {
                    self.end = Some(end);
                }
            }
            Some(Done::Purged) if self.inbox.is_empty() => self.end = Some(End::Over),
            // somebody came at the moment at which it was over
            Some(Done::Purged) => self.begin_anew(),
        }
    }

    fn begin_anew(&mut self) {
        (self.machine, self.links, self.phase) = (Meeting::new(&self.room), Links::default(), Phase::Running);
        (self.begun, self.owns, self.fresh) = (false, false, true);
        self.own.clear();
    }

    fn rebuild(&mut self, cx: &mut Cx<'_>, replay: &Replay) {
        let mut last = 0;
        self.machine = Meeting::new(&self.room);
        if let Some((_, bytes)) = &replay.snapshot {
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
        (self.tenure, self.begun, self.fresh) = (Tenure::default(), false, replay.next == 0);
        (self.time, self.start) = (Time::new(cx.wall_ms, last), cx.now);
        self.links = Links::replayed(&self.machine.summary().bridges, self.millis(cx.now));
        let digest = digest(&self.machine.snapshot());
        cx.fact(Fact::Rebuilt { meeting: self.room.clone(), position: self.books.next(), by: cx.me, digest });
        if self.fresh {
            // what nobody has begun is owned with its first input
            self.phase = Phase::Running;
        } else {
            self.commit(cx, Vec::new());
        }
    }

    fn appended(&mut self, cx: &mut Cx<'_>) {
        self.owns = true;
        let due = self.tenure.handle_appended();
        self.apply(cx, &due);
        let was_unprotected = self.tenure.is_unprotected();
        self.effects.extend(self.tenure.release());
        if was_unprotected && !self.tenure.is_unprotected() {
            cx.fact(Fact::Protected { meeting: self.room.clone(), by: cx.me });
        }
        self.append(cx);
        if self.tenure.is_clean() {
            let digest = digest(&self.machine.snapshot());
            let position = self.books.next();
            cx.fact(Fact::Applied { meeting: self.room.clone(), position, by: cx.me, digest });
            if self.phase == Phase::Opening {
                self.phase = Phase::Running;
            }
        }
    }

    fn append(&mut self, cx: &mut Cx<'_>) {
        if let Some(records) = self.tenure.to_append(self.millis(cx.now)) {
            self.books.append(cx, &self.room, records);
        }
    }

    fn apply(&mut self, cx: &mut Cx<'_>, entries: &[Entry]) {
        for entry in entries {
            let mut entry = entry.clone();
            if cx.mutation == Some(Mutation::OwnChance) {
                entry.seed = [7; 32];
            }
            for effect in self.machine.apply(&entry) {
                let passed = self.tenure.pass(effect.clone());
                let broken = cx.mutation == Some(Mutation::EarlyPromises) && passed.is_none();
                self.effects.extend(if broken { Some(effect) } else { passed });
            }
        }
    }

    /// Does what can be done now; tells whether that was anything.
    pub(super) fn step(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.phase != Phase::Running || self.end.is_some() || !self.tenure.is_open(self.millis(cx.now)) {
            return false;
        }
        if self.let_go && self.tenure.is_clean() && self.books.is_at_rest() {
            self.write_down(cx);
        } else if self.let_go && self.tenure.is_clean() {
            return false;
        } else if !self.own.is_empty() || !self.inbox.is_empty() {
            let mut inputs: Vec<_> = self.own.drain(..).collect();
            let count = self.inbox.len().min(BATCH_MAX.saturating_sub(inputs.len()));
            inputs.extend(self.inbox.drain(..count));
            self.commit(cx, inputs);
        } else if self.books.is_snapshot_due() {
            // nobody waits for it but the next append
            self.books.snapshot(cx, &self.room, self.machine.snapshot());
        } else if self.is_over(cx.now) {
            self.finish(cx);
        } else {
            return false;
        }
        true
    }

    /// Where nothing has begun somebody only asked: he has some time to come.
    fn is_over(&self, now: Micros) -> bool {
        let waits = !self.begun && now < self.start + SNAPSHOT_IDLE;
        self.machine.is_idle()
            && self.tenure.is_clean()
            && self.books.is_at_rest()
            && self.effects.is_empty()
            && !waits
    }

    /// Nothing is left of it.
    fn finish(&mut self, cx: &mut Cx<'_>) {
        if self.owns {
            self.phase = Phase::Closing(End::Over);
            self.books.purge(cx, &self.room);
        } else {
            self.end = Some(End::Over);
        }
    }

    /// Leaves the meeting as a whole to whoever has it next.
    fn write_down(&mut self, cx: &mut Cx<'_>) {
        if self.owns {
            self.phase = Phase::Closing(End::Moved);
            self.books.snapshot(cx, &self.room, self.machine.snapshot());
        } else {
            self.end = Some(End::Moved);
        }
    }

    fn commit(&mut self, cx: &mut Cx<'_>, mut inputs: Vec<Input>) {
        if !self.begun {
            let settings = Settings::for_domain(crate::DOMAIN);
            inputs.insert(0, Input::Owner { shard: cx.me.to_string(), settings });
            self.begun = true;
        }
        let at = self.millis(cx.now);
        let entries = inputs.into_iter().map(|input| Entry { at, seed: cx.chance.bytes(), input }).collect();
        let due = self.tenure.offer(entries);
        self.apply(cx, &due);
        self.append(cx);
    }

    /// Its timer went off.
    pub(super) fn wake(&mut self, cx: &mut Cx<'_>) {
        self.timer = None;
        if self.reopens.is_some_and(|at| at <= cx.now) {
            (self.reopens, self.tries) = (None, self.tries + 1);
            self.books.replay(cx, &self.room);
        }
        self.books.wake(cx, &self.room);
        let now = self.millis(cx.now);
        if self.stalls_at().is_some_and(|at| at <= cx.now) {
            let due = self.tenure.handle_stall(now);
            if self.tenure.is_unprotected() {
                cx.fact(Fact::Unprotected { meeting: self.room.clone(), by: cx.me });
            }
            self.apply(cx, &due);
        }
        if self.ticks_at(cx.now).is_some_and(|at| at <= cx.now) {
            self.time.ticked(self.passed(cx.now));
            self.own.push_back(Input::Tick);
        }
    }

    /// After how long a timer is wanted that does not run yet.
    pub(super) fn due(&mut self, now: Micros) -> Option<Micros> {
        let idle = (!self.begun && self.phase == Phase::Running).then_some(self.start + SNAPSHOT_IDLE);
        let all = [self.books.again(), self.reopens, self.stalls_at(), self.ticks_at(now), idle];
        let due = all.into_iter().flatten().min()?;
        if self.timer.is_some_and(|timer| timer <= due && timer > now) {
            return None;
        }
        self.timer = Some(due.max(now + 1));
        Some(due.saturating_sub(now).max(1))
    }

    /// Nobody goes on unprotected with what is not his yet.
    fn stalls_at(&self) -> Option<Micros> {
        let at = self.tenure.stalls_at().filter(|_| self.owns)?;
        Some(self.start + self.time.due(at) * MS)
    }

    fn ticks_at(&self, now: Micros) -> Option<Micros> {
        let may = self.phase == Phase::Running && !self.let_go && self.tenure.is_open(self.millis(now));
        let deadline = self.machine.deadline().filter(|_| may)?;
        Some(self.start + self.time.due(deadline) * MS)
    }

    fn passed(&self, now: Micros) -> u64 {
        (now - self.start) / MS
    }

    pub(super) fn millis(&self, now: Micros) -> u64 {
        self.time.millis(self.passed(now))
    }
}

fn breach(cx: &mut Cx<'_>, what: String) {
    cx.fact(Fact::Breach(Invariant::ReplayIsLive, what));
}
