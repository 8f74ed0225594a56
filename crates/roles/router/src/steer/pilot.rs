//! The machine, and what obeys it.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use journal::Role;
use placement::steering::{Action, Place, Standing, Steering, Want};
use service::clock::Clock;
use service::metrics::Metrics;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::Target;
use super::heartbeat::Hearts;
use super::holds::Holds;
use super::sign::Signs;
use crate::Cluster;
use crate::kept::{Keeps, KeptCounts};
use crate::metrics::ShardCounts;

#[derive(Debug)]
pub(crate) struct Pilot {
    pub(super) cluster: Cluster,
    pub(super) counts: ShardCounts,
    pub(super) hearts: Hearts,
    pub(super) signs: Signs,
    pub(super) keeps: Keeps<SocketAddr>,
    /// the machine has been told something: its next timeout may be another
    pub(super) told: Notify,
    pub(super) ended: CancellationToken,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    steering: Steering,
    next: Want,
    waiting: BTreeMap<Want, Waiting>,
    holds: Holds,
}

#[derive(Debug)]
struct Waiting {
    meeting: String,
    tell: oneshot::Sender<Target>,
}

/// Somebody has a socket of this meeting, or is about to.
#[derive(Debug)]
pub(super) struct Held {
    pilot: Weak<Pilot>,
    meeting: String,
}

/// Somebody waits; dropped, he does so no longer.
struct Patience<'a> {
    pilot: &'a Arc<Pilot>,
    want: Want,
}

impl Pilot {
    pub(super) fn start(cluster: Cluster, metrics: &Metrics) -> Arc<Self> {
        let steering = Steering::new(&cluster.id, cluster.region.as_deref());
        let state = State { steering, next: 0, waiting: BTreeMap::new(), holds: Holds::default() };
        let pilot = Arc::new(Self {
            cluster,
            counts: ShardCounts::new(metrics),
            hearts: Hearts::default(),
            signs: Signs::default(),
            keeps: Keeps::new(KeptCounts::new(metrics)),
            told: Notify::new(),
            ended: CancellationToken::new(),
            start: Clock.now(),
            state: Mutex::new(state),
        });
        super::watch::start(&pilot);
        pilot
    }

    /// Watches and asks no more.
    pub(super) fn end(&self) {
        self.ended.cancel();
        self.keeps.retain(|_, _| false);
    }

    /// Waits until there is a shard; drop it to wait no longer.
    pub(super) async fn told(self: &Arc<Self>, meeting: &str) -> Target {
        let (tell, told) = oneshot::channel();
        let _patience = self.want(meeting, tell);
        match told.await {
            Ok(target) => target,
            // Only dropped patience takes the other half away.
            Err(_) => pending().await,
        }
    }

    fn want(self: &Arc<Self>, meeting: &str, tell: oneshot::Sender<Target>) -> Patience<'_> {
        let want = {
            let mut state = self.state();
            state.next += 1;
            let want = state.next;
            state.waiting.insert(want, Waiting { meeting: meeting.to_owned(), tell });
            want
        };
        let known = self.cluster.places.known(meeting);
        self.step(|steering, now| {
            if let Some(known) = known {
                steering.handle_place(meeting, place(known), now);
            }
            steering.handle_want(meeting, want, now);
        });
        Patience { pilot: self, want }
    }

    /// Tells the machine something, and obeys.
    pub(super) fn step(self: &Arc<Self>, tell: impl FnOnce(&mut Steering, u64)) {
        let mut outside = Vec::new();
        // Targets that nobody waits for any more: dropping one steps again.
        let mut unwanted = Vec::new();
        {
            let mut state = self.state();
            tell(&mut state.steering, self.now());
            while let Some(action) = state.steering.poll_action() {
                match action {
                    Action::Tell { want, shard } => unwanted.extend(self.tell(&mut state, want, shard)),
                    Action::Cut { meeting } => state.holds.cut(&meeting),
                    Action::Down { shard } => self.down(&mut state, &shard),
                    Action::Probe { .. }
                    | Action::Place { .. }
                    | Action::Read { .. }
                    | Action::Adopt { .. } => {
                        outside.push(action);
                    }
                }
            }
        }
        self.told.notify_one();
        for action in outside {
            self.obey(action);
        }
    }

    fn obey(self: &Arc<Self>, action: Action) {
        let pilot = Arc::clone(self);
        match action {
            Action::Probe { shard, patience_ms } => {
                tokio::spawn(async move { pilot.probe(shard, patience_ms).await });
            }
            Action::Place { meeting, shard, expected } => {
                tokio::spawn(async move { pilot.place(meeting, shard, expected).await });
            }
            Action::Read { meeting } => {
                tokio::spawn(async move { pilot.read(meeting).await });
            }
            Action::Adopt { meeting, shard } => {
                tokio::spawn(async move { pilot.adopt(meeting, shard).await });
            }
            // obeyed with the lock held
            Action::Tell { .. } | Action::Cut { .. } | Action::Down { .. } => {}
        }
    }

    /// Gives the target back if nobody waits for it.
    fn tell(self: &Arc<Self>, state: &mut State, want: Want, shard: String) -> Option<Target> {
        let waiting = state.waiting.remove(&want);
        let meeting = waiting.as_ref().map(|waiting| waiting.meeting.clone())?;
        let held = Arc::new(Held { pilot: Arc::downgrade(self), meeting: meeting.clone() });
        let cut = state.holds.hold(meeting, &shard);
        // It left the registry in this moment: whoever connects is refused, doubts it and asks again.
        let address = self.http(&shard, Role::Shard).unwrap_or(super::heartbeat::NOWHERE);
        let sign = self.signs.of(&shard);
        let kept = self.keeps.of(&shard, &address);
        let target = Target { id: shard, address, cut, sign, kept, held: Some(held) };
        waiting.and_then(|waiting| waiting.tell.send(target).err())
    }

    fn down(&self, state: &mut State, shard: &str) {
        tracing::warn!(shard, "the shard is down: its meetings go elsewhere");
        state.holds.down(shard);
        self.keeps.end(shard);
        let now = self.now();
        for (meeting, known) in self.cluster.places.known_of(shard) {
            state.steering.handle_place(&meeting, place(known), now);
        }
    }

    fn left(self: &Arc<Self>, meeting: &str) {
        if self.state().holds.left(meeting) {
            self.step(|steering, now| steering.handle_left(meeting, now));
        }
    }

    /// HTTP of a node, as it says itself.
    pub(super) fn http(&self, id: &str, role: Role) -> Option<SocketAddr> {
        let nodes = self.cluster.registry.nodes();
        let nodes = nodes.borrow();
        nodes.get(id).filter(|node| node.role == role)?.http
    }

    pub(super) fn bridge(&self, id: &str) -> Option<SocketAddr> {
        self.http(id, Role::Bridge)
    }

    /// When the machine wants to be woken.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let at = self.state().steering.poll_timeout()?;
        Some(self.start + std::time::Duration::from_millis(at))
    }

    /// What is worth counting, per shard.
    pub(super) fn count(&self) {
        let state = self.state();
        let rooms = state.steering.rooms_by_shard();
        for (shard, standing) in state.steering.shards() {
            let is_up = matches!(standing, Standing::Ready | Standing::Draining | Standing::Unsure);
            self.counts.standing(shard, is_up, rooms.get(shard).copied().unwrap_or_default());
        }
    }

    fn now(&self) -> u64 {
        let passed = Clock.now().saturating_duration_since(self.start);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(pilot) = self.pilot.upgrade() {
            pilot.left(&self.meeting);
        }
    }
}

impl Drop for Patience<'_> {
    fn drop(&mut self) {
        {
            // Both at once: a `Tell` for somebody who waits no longer would count a client that never leaves.
            let mut state = self.pilot.state();
            if state.waiting.remove(&self.want).is_none() {
                return;
            }
            state.steering.handle_given_up(self.want, self.pilot.now());
        }
        self.pilot.step(|_, _| {});
    }
}

pub(crate) fn place(known: journal::Place) -> Place {
    Place { shard: known.shard, revision: known.revision }
}
