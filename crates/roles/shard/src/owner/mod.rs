//! One meeting's task: it takes what happened, appends it to the journal, applies it once it is durable, and obeys.
//!
//! In this order, as long as the engine answers: what a participant has seen can therefore be replayed, and what was not
//! committed was not seen. While it does not, the meeting goes on unprotected ([`meeting::Tenure`]).

mod books;
mod commit;
mod ledger;
mod obey;
mod open;
mod time;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use meeting::{Admission, BridgeId, ConnId, Input, Links, Meeting, RequestId, Tenure};
use service::clock::Clock;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument as _;

use crate::Shard;
use crate::cluster;
use crate::fleet::{Answered, View};
use crate::limits::{BATCH_MAX, SNAPSHOT_IDLE};
use crate::meetings::{Message, TaskNumber};
use crate::outbox::Outbox;
use books::Books;
use time::Time;

pub(crate) use open::Opened;

/// Runs a meeting until it is over, another shard owns it, or the shard stops.
pub(crate) async fn run(
    shard: Arc<Shard>,
    room: String,
    number: TaskNumber,
    messages: mpsc::Receiver<Message>,
    opened: Option<oneshot::Sender<Opened>>,
) {
    // whatever is logged of a meeting names both
    let span = tracing::error_span!("meeting", node = shard.config.name, room);
    live(shard, room, number, messages, opened).instrument(span).await;
}

async fn live(
    shard: Arc<Shard>,
    room: String,
    number: TaskNumber,
    mut messages: mpsc::Receiver<Message>,
    opened: Option<oneshot::Sender<Opened>>,
) {
    // nobody may want to know
    let tell = |how| drop(opened.map(|opened| opened.send(how)));
    let live = async {
        match open::take_over(&shard, &room, number).await {
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
    books: Books,
    tenure: Tenure,
    time: Time,
    /// the first entry of this ownership was made
    begun: bool,
    /// and is in the journal
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
    admission: Admission,
    view: watch::Receiver<Arc<View>>,
    answers: mpsc::UnboundedReceiver<Answered>,
    /// inputs that effects brought about
    own: VecDeque<Input>,
    last_active: Instant,
}

impl Owner {
    /// Tells whether the meeting is over.
    async fn run(mut self, messages: &mut mpsc::Receiver<Message>) -> bool {
        self.tell_occupied();
        let end = loop {
            let turn = self.turn(messages).await;
            match turn {
                Ok(()) => {}
                Err(End::Over) => {
                    if self.purge().await.is_err() {
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
            End::Stopped | End::Moved => self.write_down().await,
        }
        is_over
    }

    /// The meeting cannot go on: what there is of it is put where no replay meets it.
    async fn give_up(&mut self) {
        self.shard.counts.meetings_abandoned.inc();
        ledger::set_aside(&*self.shard.journal, &self.room).await;
    }

    /// Forgets a meeting that is over.
    async fn purge(&mut self) -> Result<(), journal::Error> {
        match self.books.rest().await {
            Some(ledger) if self.owns => ledger.purge().await,
            _ => Ok(()),
        }
    }

    /// Leaves the meeting as a whole to whoever has it next.
    async fn write_down(&mut self) {
        if self.flush().await.is_ok()
            && self.owns
            && let Some(ledger) = self.books.rest().await
        {
            ledger.snapshot(self.machine.snapshot()).await;
        }
    }

    fn begin_anew(&mut self) {
        self.machine = Meeting::new(&self.room);
        (self.begun, self.owns, self.fresh) = (false, false, true);
        self.links = Links::default();
        self.asked.forget_all(&self.shard.fleet);
        self.own.clear();
    }

    /// Waits for something to happen, makes it durable and obeys what comes of it.
    async fn turn(&mut self, messages: &mut mpsc::Receiver<Message>) -> Result<(), End> {
        if self.tenure.is_open(self.now()) {
            self.take_inputs(messages).await?;
        } else {
            self.await_engine().await?;
        }
        self.tell_occupied();
        if self.books.at_rest().is_some_and(|ledger| ledger.is_snapshot_due()) {
            self.snapshot();
        }
        // also where nothing has begun: somebody only asked
        let nothing_waits = self.own.is_empty() && self.admission.deadline().is_none();
        if self.machine.is_idle() && nothing_waits && self.tenure.is_clean() {
            return Err(End::Over);
        }
        Ok(())
    }

    async fn take_inputs(&mut self, messages: &mut mpsc::Receiver<Message>) -> Result<(), End> {
        let mut inputs = Vec::new();
        if self.own.is_empty() {
            self.wait(messages, &mut inputs).await?;
        }
        inputs.extend(self.own.drain(..));
        while inputs.len() < BATCH_MAX {
            let Ok(message) = messages.try_recv() else { break };
            self.take(message, &mut inputs);
        }
        inputs.extend(self.admission.admit(self.conns.len(), self.now()));
        if self.let_go && self.tenure.is_clean() {
            // what was not committed is sent again by whoever sent it
            return Err(End::Moved);
        }
        self.commit(inputs)
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
        let is_clean = self.tenure.is_clean();
        tokio::select! {
            () = self.shard.drain.cancelled(), if is_clean => return Err(End::Stopped),
            appended = self.books.appended() => self.handle_appended(appended)?,
            message = messages.recv() => match message {
                Some(message) => self.take(message, inputs),
                None => return Err(End::Stopped),
            },
            Some(answered) = self.answers.recv() => inputs.extend(self.asked.answered(answered)),
            Ok(()) = self.view.changed() => self.look_at_bridges(inputs),
            () = tokio::time::sleep_until(wake.into()) => self.woken(inputs),
        }
        Ok(())
    }

    /// When something has to be done though nothing happens.
    fn wake(&mut self) -> Instant {
        let quiet = self.last_active + SNAPSHOT_IDLE;
        let snapshot = self.has_news().then_some(quiet);
        let tick = self.machine.deadline().map(|deadline| self.time.instant(deadline));
        let links = self.links.deadline().map(|deadline| self.time.instant(deadline));
        let admission = self.admission.deadline().map(|deadline| self.time.instant(deadline));
        let all = [snapshot, tick, self.asked.deadline(), links, admission];
        // without any of them it looks again in a while
        all.into_iter().flatten().min().unwrap_or(Clock.now() + SNAPSHOT_IDLE)
    }

    fn woken(&mut self, inputs: &mut Vec<Input>) {
        let now = Clock.now();
        if self.machine.deadline().is_some_and(|deadline| self.time.instant(deadline) <= now) {
            self.time.ticked(now);
            inputs.push(Input::Tick);
        }
        inputs.extend(self.asked.expired(&self.shard, now));
        if self.links.deadline().is_some_and(|deadline| deadline <= self.now()) {
            self.look_at_bridges(inputs);
        }
        if inputs.is_empty() && self.has_news() && now >= self.last_active + SNAPSHOT_IDLE {
            self.snapshot();
            self.last_active = now;
        }
    }

    /// Only where nothing waits for the engine: the state is what the journal has.
    fn snapshot(&mut self) {
        if self.tenure.is_clean() {
            self.books.snapshot(|| self.machine.snapshot());
        }
    }

    /// Something has been written that no snapshot has.
    fn has_news(&mut self) -> bool {
        self.owns && self.books.at_rest().is_some_and(|ledger| ledger.has_news())
    }

    fn look_at_bridges(&mut self, inputs: &mut Vec<Input>) {
        let summary = self.machine.summary();
        let view = Arc::clone(&self.view.borrow_and_update());
        let news = self.links.handle(&summary.bridges, &view, self.now());
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
                self.arrive(conn, input, inputs);
            }
            // the meeting has let go of the connection: late input is not heard
            Message::Conn { conn, .. } if !self.conns.contains_key(&conn) => {}
            Message::Conn { conn, input } => {
                if matches!(input, Input::Dropped { .. }) {
                    self.detach(conn);
                }
                inputs.extend(self.admission.handle_input(conn, &input));
                inputs.push(input);
            }
            Message::Request { body, answer } => {
                self.requests_ever += 1;
                let request = RequestId(self.requests_ever);
                self.requests.insert(request, answer);
                inputs.push(Input::ConferenceRequest { request, body });
            }
            Message::LetGo => self.let_go = true,
            // whatever is appended finds out
            Message::Look => inputs.push(Input::Tick),
            Message::Summary(answer) => drop(answer.send(self.machine.summary())),
        }
    }

    /// Newcomers may have to wait; whoever comes back does not.
    fn arrive(&mut self, conn: ConnId, input: Input, inputs: &mut Vec<Input>) {
        if !matches!(input, Input::Bind { .. }) {
            return inputs.push(input);
        }
        let admitted = self.admission.arrive(conn, input, self.conns.len(), self.now());
        if admitted.is_empty() {
            self.shard.counts.newcomers_delayed.inc();
        }
        inputs.extend(admitted);
    }

    fn detach(&mut self, conn: ConnId) -> Option<Outbox> {
        self.admission.forget(conn);
        let outbox = self.conns.remove(&conn)?;
        self.shard.counts.connections.dec();
        Some(outbox)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.tenure.is_unprotected() {
            self.shard.counts.meetings_unprotected.dec();
        }
        self.shard.counts.connections.dec_by(i64::try_from(self.conns.len()).unwrap_or(i64::MAX));
        self.asked.forget_all(&self.shard.fleet);
    }
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
