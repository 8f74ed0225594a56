//! One meeting's task: it takes what happened, appends it to the journal, applies it once it is durable, and obeys.
//!
//! In this order, always. What a participant has seen can therefore be replayed; what was not committed was not seen.

mod ledger;
mod links;
mod obey;
mod time;

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use journal::{Error, Replay};
use meeting::{BridgeId, CodecError, ConnId, Effect, Entry, Input, Meeting, RequestId, SnapshotError};
use service::clock::Clock;
use tokio::sync::{mpsc, oneshot, watch};

use crate::Shard;
use crate::cluster;
use crate::fleet::{Answered, View};
use crate::limits::{BATCH_MAX, RETRY_FIRST, SNAPSHOT_IDLE, TAKEOVER_TRIES};
use crate::meetings::{Message, TaskNumber};
use crate::outbox::Outbox;
use crate::seed::seed;
use ledger::Ledger;
use links::Links;
use time::Time;

/// Runs a meeting until it is over, another shard owns it, or the shard stops.
pub(crate) async fn run(
    shard: Arc<Shard>,
    room: String,
    number: TaskNumber,
    mut messages: mpsc::Receiver<Message>,
    opened: Option<oneshot::Sender<Opened>>,
) {
    // nobody may want to know
    let tell = |how| drop(opened.map(|opened| opened.send(how)));
    let live = async {
        match take_over(&shard, &room, number).await {
            Ok(owner) => {
                tell(Ok(()));
                if owner.run(&mut messages).await {
                    cluster::vacate(&shard, &room).await;
                }
            }
            Err(error) => {
                tracing::error!(%error, "a meeting cannot be replayed");
                tell(Err(error));
            }
        }
    };
    tokio::select! {
        () = shard.stop.cancelled() => {}
        () = live => {}
    }
    shard.meetings.ended(&shard, &room, number);
}

/// Replays a meeting and becomes its owner. Who owned it before may write until then; what it wrote is replayed too.
async fn take_over(shard: &Arc<Shard>, room: &str, number: TaskNumber) -> Result<Owner, Refusal> {
    for _ in 0..TAKEOVER_TRIES {
        let mut owner = Owner::open(shard, room, number).await?;
        // what nobody has begun is owned with its first input
        let owned = if owner.fresh { Ok(()) } else { owner.commit(Vec::new()).await };
        match owned {
            Ok(()) => return Ok(owner),
            Err(End::Fenced) => tokio::time::sleep(RETRY_FIRST).await,
            Err(_) => owner.give_up().await,
        }
    }
    Err(Refusal::Outrun(room.to_owned()))
}

/// Whether a meeting could be replayed.
pub(crate) type Opened = Result<(), Refusal>;

/// Why a meeting is not run. What the journal has of it stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "meeting {room}: the journal has it in format {found}, this version knows {known}; use the {} version of \
         althing that wrote it, or move the data directory away",
        if found > known { "newer" } else { "older" }
    )]
    Format { room: String, found: u32, known: u32 },
    #[error("meeting {0}: another shard goes on with it")]
    Outrun(String),
    #[error(transparent)]
    Journal(#[from] Error),
}

/// Why a meeting's task ends.
enum End {
    /// Nothing is left of it.
    Over,
    /// Another shard is to own it.
    Moved,
    /// Another shard owns it. Its sockets are let go of; their clients come back over the router.
    Fenced,
    /// The machine failed, or the journal has something that cannot be read.
    Broken,
    /// The shard stops as planned.
    Stopped,
}

struct Owner {
    shard: Arc<Shard>,
    room: String,
    number: TaskNumber,
    machine: Meeting,
    ledger: Ledger,
    time: Time,
    /// the first entry of this ownership is in the journal
    owns: bool,
    /// nothing was replayed: the meeting begins with the first input
    fresh: bool,
    /// another shard is to own it
    let_go: bool,
    conns: BTreeMap<ConnId, Outbox>,
    requests: BTreeMap<RequestId, oneshot::Sender<(u16, String)>>,
    requests_ever: u64,
    /// somebody has come or gone in this turn
    occupants_changed: bool,
    asked: obey::Asked,
    links: Links,
    view: watch::Receiver<Arc<View>>,
    answers: mpsc::UnboundedReceiver<Answered>,
    /// inputs that effects brought about
    own: VecDeque<Input>,
    last_active: Instant,
}

impl Owner {
    async fn open(shard: &Arc<Shard>, room: &str, number: TaskNumber) -> Result<Self, Refusal> {
        let (mut ledger, replay) = match Ledger::open(Arc::clone(&shard.journal), room).await {
            Err(error @ Error::Damaged { .. }) => {
                // it can be neither continued nor guessed at; the room must not stay closed for ever
                tracing::error!(%error, "a meeting is given up: its participants join a new one");
                shard.counts.meetings_abandoned.inc();
                shard.journal.set_aside(room).await?;
                Ledger::open(Arc::clone(&shard.journal), room).await?
            }
            other => other?,
        };
        let now = Clock.now();
        let (machine, last, fresh) = match rebuild(room, &replay) {
            Ok((machine, last)) => (machine, last, replay.next == 0),
            Err(Unreadable::Format { found, known }) => {
                return Err(Refusal::Format { room: room.to_owned(), found, known });
            }
            Err(Unreadable::Damaged(why)) => {
                tracing::error!(why, "a meeting is given up: its participants join a new one");
                shard.counts.meetings_abandoned.inc();
                ledger.set_aside().await;
                (Meeting::new(room), 0, true)
            }
        };
        let (answers_in, answers) = mpsc::unbounded_channel();
        let used = machine.summary().bridges;
        let mut view = shard.fleet.view();
        if !fresh {
            // bridges that are there already are news to it
            view.mark_changed();
        }
        Ok(Self {
            shard: Arc::clone(shard),
            room: room.to_owned(),
            number,
            machine,
            ledger,
            time: Time::new(now, Clock.millis(), last),
            owns: false,
            fresh,
            let_go: false,
            conns: BTreeMap::new(),
            requests: BTreeMap::new(),
            requests_ever: 0,
            occupants_changed: true,
            asked: obey::Asked::new(answers_in),
            links: Links::replayed(&used, now),
            view,
            answers,
            own: VecDeque::new(),
            last_active: now,
        })
    }

    /// Tells whether the meeting is over.
    async fn run(mut self, messages: &mut mpsc::Receiver<Message>) -> bool {
        self.tell_occupied();
        let end = loop {
            let turn = self.turn(messages).await;
            match turn {
                Ok(()) => {}
                Err(End::Over) => {
                    if self.owns && self.ledger.purge().await.is_err() {
                        break End::Fenced;
                    }
                    if self.shard.meetings.end(&self.room, self.number, messages) {
                        break End::Over;
                    }
                    // somebody came at this moment: the room begins anew, in the same task
                    self.begin_anew();
                }
                Err(end) => break end,
            }
        };
        // whoever wants to say something now is sent to the next task
        messages.close();
        let is_over = matches!(end, End::Over);
        match end {
            End::Over => tracing::debug!("a meeting is over"),
            End::Fenced => tracing::info!("another shard owns a meeting of ours: its sockets are let go of"),
            End::Broken => self.give_up().await,
            End::Stopped | End::Moved => {
                let bytes = self.machine.snapshot();
                if self.owns {
                    self.ledger.snapshot(bytes).await;
                }
            }
        }
        is_over
    }

    /// The meeting cannot go on: what there is of it is put where no replay meets it.
    async fn give_up(&mut self) {
        self.shard.counts.meetings_abandoned.inc();
        self.ledger.set_aside().await;
    }

    fn begin_anew(&mut self) {
        self.machine = Meeting::new(&self.room);
        (self.owns, self.fresh) = (false, true);
        self.links = Links::default();
        self.asked.forget_all(&self.shard.fleet);
        self.own.clear();
    }

    /// Waits for something to happen, makes it durable and obeys what comes of it.
    async fn turn(&mut self, messages: &mut mpsc::Receiver<Message>) -> Result<(), End> {
        let mut inputs = Vec::new();
        if self.own.is_empty() {
            self.wait(messages, &mut inputs).await?;
        }
        inputs.extend(self.own.drain(..));
        while inputs.len() < BATCH_MAX {
            let Ok(message) = messages.try_recv() else { break };
            self.take(message, &mut inputs);
        }
        if self.let_go {
            // what was not committed is sent again by whoever sent it
            return Err(End::Moved);
        }
        self.commit(inputs).await?;
        self.tell_occupied();
        if self.ledger.is_snapshot_due() {
            self.ledger.snapshot(self.machine.snapshot()).await;
        }
        // also where nothing has begun: somebody only asked
        if self.machine.is_idle() && self.own.is_empty() {
            return Err(End::Over);
        }
        Ok(())
    }

    /// Whether somebody is in the room, where that may have changed.
    fn tell_occupied(&mut self) {
        if std::mem::take(&mut self.occupants_changed) {
            let occupied = !self.machine.summary().participants.is_empty();
            self.shard.meetings.occupied(&self.room, self.number, occupied);
        }
    }

    async fn wait(
        &mut self,
        messages: &mut mpsc::Receiver<Message>,
        inputs: &mut Vec<Input>,
    ) -> Result<(), End> {
        let wake = self.wake();
        tokio::select! {
            () = self.shard.drain.cancelled() => return Err(End::Stopped),
            message = messages.recv() => match message {
                Some(message) => self.take(message, inputs),
                None => return Err(End::Stopped),
            },
            Some(answered) = self.answers.recv() => inputs.extend(self.asked.answered(answered)),
            Ok(()) = self.view.changed() => self.look_at_bridges(inputs),
            () = tokio::time::sleep_until(wake.into()) => self.woken(inputs).await,
        }
        Ok(())
    }

    /// When something has to be done though nothing happens.
    fn wake(&self) -> Instant {
        let quiet = self.last_active + SNAPSHOT_IDLE;
        let snapshot = (self.owns && self.ledger.has_news()).then_some(quiet);
        let tick = self.machine.deadline().map(|deadline| self.time.instant(deadline));
        let all = [snapshot, tick, self.asked.deadline(), self.links.deadline()];
        // without any of them it looks again in a while
        all.into_iter().flatten().min().unwrap_or(Clock.now() + SNAPSHOT_IDLE)
    }

    async fn woken(&mut self, inputs: &mut Vec<Input>) {
        let now = Clock.now();
        if self.machine.deadline().is_some_and(|deadline| self.time.instant(deadline) <= now) {
            self.time.ticked(now);
            inputs.push(Input::Tick);
        }
        inputs.extend(self.asked.expired(&self.shard, now));
        if self.links.deadline().is_some_and(|deadline| deadline <= now) {
            self.look_at_bridges(inputs);
        }
        if inputs.is_empty() && self.owns && self.ledger.has_news() && now >= self.last_active + SNAPSHOT_IDLE
        {
            self.ledger.snapshot(self.machine.snapshot()).await;
            self.last_active = now;
        }
    }

    fn look_at_bridges(&mut self, inputs: &mut Vec<Input>) {
        let summary = self.machine.summary();
        let view = Arc::clone(&self.view.borrow_and_update());
        let news = self.links.handle(&summary.bridges, &view, Clock.now());
        for lost in news.iter().filter_map(lost_bridge) {
            let moved = summary.participants.iter().filter(|who| who.bridge.as_ref() == Some(lost)).count();
            self.shard.counts.participants_moved.inc_by(moved as u64);
        }
        inputs.extend(news);
        let arrivals = self.links.arrivals(&view).into_iter().filter(|bridge| self.machine.awaits(bridge));
        inputs.extend(arrivals.map(|bridge| Input::BridgeUp { bridge }));
    }

    fn take(&mut self, message: Message, inputs: &mut Vec<Input>) {
        match message {
            Message::Attach { conn, outbox, input } => {
                self.conns.insert(conn, outbox);
                self.shard.counts.connections.inc();
                inputs.push(input);
            }
            // the meeting has let go of the connection: late input is not heard
            Message::Conn { conn, .. } if !self.conns.contains_key(&conn) => {}
            Message::Conn { conn, input } => {
                if matches!(input, Input::Dropped { .. }) {
                    self.detach(conn);
                }
                inputs.push(input);
            }
            Message::Request { body, answer } => {
                self.requests_ever += 1;
                let request = RequestId(self.requests_ever);
                self.requests.insert(request, answer);
                inputs.push(Input::ConferenceRequest { request, body });
            }
            Message::LetGo => self.let_go = true,
            Message::Summary(answer) => drop(answer.send(self.machine.summary())),
        }
    }

    fn detach(&mut self, conn: ConnId) -> Option<Outbox> {
        let outbox = self.conns.remove(&conn)?;
        self.shard.counts.connections.dec();
        Some(outbox)
    }

    async fn commit(&mut self, mut inputs: Vec<Input>) -> Result<(), End> {
        if !self.owns && (!inputs.is_empty() || !self.fresh) {
            let settings = self.shard.config.settings.clone();
            inputs.insert(0, Input::Owner { shard: self.shard.config.name.clone(), settings });
        }
        if inputs.is_empty() {
            return Ok(());
        }
        let now = Clock.now();
        self.last_active = now;
        let at = self.time.millis(now);
        let entries: Vec<_> = inputs.into_iter().map(|input| Entry { at, seed: seed(), input }).collect();
        let records = entries.iter().map(Entry::to_bytes).collect();
        self.ledger.append(records).await.map_err(|error| {
            tracing::warn!(%error, "an append was refused");
            if matches!(error, Error::WrongPosition { .. }) { End::Fenced } else { End::Broken }
        })?;
        self.owns = true;
        self.shard.counts.entries_appended.inc_by(entries.len() as u64);
        for entry in &entries {
            let effects = apply(&mut self.machine, entry).map_err(|why| {
                tracing::error!(why, "a meeting is given up: its participants join a new one");
                End::Broken
            })?;
            effects.into_iter().for_each(|effect| self.obey(effect));
        }
        Ok(())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shard.counts.connections.dec_by(i64::try_from(self.conns.len()).unwrap_or(i64::MAX));
        self.asked.forget_all(&self.shard.fleet);
    }
}

/// What a meeting cannot be rebuilt from.
enum Unreadable {
    /// Another version wrote it, and can read it.
    Format {
        found: u32,
        known: u32,
    },
    Damaged(&'static str),
}

/// The machine after everything that the journal has, and the time of the last entry.
fn rebuild(room: &str, replay: &Replay) -> Result<(Meeting, u64), Unreadable> {
    let mut machine = match &replay.snapshot {
        Some((_, bytes)) => Meeting::restore(room, bytes).map_err(|error| match error {
            SnapshotError::UnknownFormat { found, known } => Unreadable::Format { found, known },
            SnapshotError::Damaged => Unreadable::Damaged("its snapshot cannot be read"),
        })?,
        None => Meeting::new(room),
    };
    let mut last = 0;
    for record in &replay.records {
        let entry = Entry::from_bytes(record).map_err(|error| match error {
            CodecError::UnknownFormat { found, known } => Unreadable::Format { found, known },
            CodecError::Damaged => Unreadable::Damaged("one of its entries cannot be read"),
        })?;
        last = entry.at;
        apply(&mut machine, &entry).map_err(Unreadable::Damaged)?;
    }
    Ok((machine, last))
}

/// A fault of the machine costs one meeting, not the shard.
fn apply(machine: &mut Meeting, entry: &Entry) -> Result<Vec<Effect>, &'static str> {
    std::panic::catch_unwind(AssertUnwindSafe(|| machine.apply(entry))).map_err(|_| "its machine has failed")
}

fn lost_bridge(input: &Input) -> Option<&BridgeId> {
    match input {
        Input::BridgeLost { bridge } => Some(bridge),
        _ => None,
    }
}

fn lost(bridge: BridgeId, id: u64) -> Input {
    Input::BridgeAnswered { bridge, id, answer: None }
}
