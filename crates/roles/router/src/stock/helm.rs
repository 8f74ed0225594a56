//! The machine, and what obeys it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use placement::stock::{Action, Balancer, Listed, Rules, Sharing, Tier, Use};
use service::clock::Clock;
use service::metrics::Metrics;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::dial::{Dialer, Way};
use super::{Shard, is_backup};
use crate::Cluster;
use crate::kept::{Keeps, Kept, KeptCounts};
use crate::limits::BRIDGES_KNOWN_MAX;
use crate::metrics::{ShardCounts, StockCounts};
use crate::steer::{Holds, place};

#[derive(Debug)]
pub(crate) struct Helm {
    pub(crate) cluster: Option<Cluster>,
    pub(super) settings: service::config::Stock,
    pub(super) dialer: Dialer,
    keeps: Keeps<Way>,
    pub(super) counts: ShardCounts,
    stock_counts: StockCounts,
    /// the machine has been told something: its next timeout may be another
    pub(super) told: Notify,
    pub(super) ended: CancellationToken,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    balancer: Balancer,
    /// by room
    waiting: BTreeMap<String, Arc<Notify>>,
    holds: Holds,
    ways: BTreeMap<String, Way>,
    /// what an operator said to this router alone
    drained: BTreeSet<String>,
    /// by the id of a bridge: the shard that led to it
    bridges: BTreeMap<String, String>,
}

/// The shard that a request goes to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) way: Way,
    /// connections to it
    pub(super) kept: Arc<Kept>,
    /// cancelled when the shard is down or the room elsewhere
    pub(super) cut: CancellationToken,
    /// the room counts as in use for as long
    _held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    helm: Arc<Helm>,
    room: String,
}

/// Somebody waits for the shard of a room; dropped, he does so no longer.
struct Waiting<'a> {
    helm: &'a Helm,
    room: &'a str,
    settled: Arc<Notify>,
}

impl Helm {
    /// Begins to watch the shards.
    ///
    /// # Errors
    /// The certificates of `settings` cannot be used, or this machine has no name server.
    pub(crate) fn start(
        settings: service::config::Stock,
        cluster: Option<Cluster>,
        metrics: &Metrics,
    ) -> anyhow::Result<Arc<Self>> {
        let sharing = if cluster.is_some() { Sharing::Engine } else { Sharing::Alone };
        let state = State {
            balancer: Balancer::new(rules(&settings.patience), sharing),
            waiting: BTreeMap::new(),
            holds: Holds::default(),
            ways: BTreeMap::new(),
            drained: BTreeSet::new(),
            bridges: BTreeMap::new(),
        };
        let helm = Arc::new(Self {
            dialer: Dialer::new(&settings)?,
            keeps: Keeps::new(KeptCounts::new(metrics)),
            cluster,
            settings,
            counts: ShardCounts::new(metrics),
            stock_counts: StockCounts::new(metrics),
            told: Notify::new(),
            ended: CancellationToken::new(),
            start: Clock.now(),
            state: Mutex::new(state),
        });
        super::engine::start(&helm);
        super::discover::start(&helm)?;
        Ok(helm)
    }

    /// Watches and asks no more.
    pub(crate) fn end(&self) {
        self.ended.cancel();
        self.keeps.retain(|_, _| false);
    }

    /// The shard for a request of `room`; waits for one at most `patience`.
    pub(super) async fn shard(
        self: &Arc<Self>,
        room: &str,
        purpose: Use,
        patience: Duration,
    ) -> Option<Target> {
        let told = async {
            loop {
                let waiting = self.wait(room);
                let settled = waiting.settled.notified();
                tokio::pin!(settled);
                settled.as_mut().enable();
                if let Some(target) = self.request(room, purpose) {
                    return target;
                }
                settled.await;
            }
        };
        timeout(patience, told).await.ok()
    }

    fn wait<'a>(&'a self, room: &'a str) -> Waiting<'a> {
        let settled = Arc::clone(self.state().waiting.entry(room.to_owned()).or_default());
        Waiting { helm: self, room, settled }
    }

    fn request(self: &Arc<Self>, room: &str, purpose: Use) -> Option<Target> {
        if let Some(known) = self.cluster.as_ref().and_then(|cluster| cluster.places.known(room)) {
            self.step(|balancer, now| balancer.handle_place(room, place(known), now));
        }
        let mut target = None;
        self.step_all(|state, now| {
            let Some(shard) = state.balancer.handle_request(room, purpose, now) else { return };
            let Some(way) = state.ways.get(&shard).cloned() else { return };
            let is_held = purpose == Use::Pin;
            let cut = if is_held {
                state.balancer.handle_entered(room);
                state.holds.hold(room.to_owned(), &shard)
            } else {
                CancellationToken::new()
            };
            let held = is_held.then(|| Held { helm: Arc::clone(self), room: room.to_owned() });
            let kept = self.keeps.of(&shard, &way);
            target = Some(Target { id: shard, way, kept, cut, _held: held });
        });
        target
    }

    /// Those that may lead to the bridge, the best first: a shard's web server knows the bridges of its shard.
    pub(super) fn towards(&self, bridge: &str) -> Vec<(String, Way)> {
        let state = self.state();
        let known = state.bridges.get(bridge).cloned();
        let others = state.balancer.living().into_iter().filter(|id| Some(id) != known.as_ref());
        let all = known.clone().into_iter().chain(others);
        all.filter_map(|id| Some((id.clone(), state.ways.get(&id)?.clone()))).collect()
    }

    pub(super) fn learn(&self, bridge: &str, shard: &str) {
        let mut state = self.state();
        if state.bridges.len() < BRIDGES_KNOWN_MAX || state.bridges.contains_key(bridge) {
            state.bridges.insert(bridge.to_owned(), shard.to_owned());
        }
    }

    /// It refused a socket, or broke one.
    pub(super) fn doubt(self: &Arc<Self>, shard: &str) {
        self.step(|balancer, now| balancer.handle_doubt(shard, now));
    }

    /// All shards that there are.
    pub(super) fn list(self: &Arc<Self>, shards: Vec<(String, Tier, Way)>) {
        self.step_all(|state, now| {
            let listed = shards.iter().map(|(id, tier, _)| Listed { id: id.clone(), tier: *tier });
            state.balancer.handle_list(listed.collect::<Vec<_>>(), now);
            for (id, _, way) in shards {
                if state.drained.contains(&id) {
                    state.balancer.handle_drain(&id);
                }
                state.ways.insert(id, way);
            }
            let known: BTreeSet<_> = state.balancer.shards().map(|(id, ..)| id.to_owned()).collect();
            state.ways.retain(|id, _| known.contains(id));
            self.keeps.retain(|id, way| state.ways.get(id) == Some(way));
        });
        self.hear_all();
    }

    /// What an operator wants of a shard; gives whether there is one.
    pub(super) fn mark(self: &Arc<Self>, shard: &str, is_drained: bool) -> bool {
        let mut is_there = false;
        self.step_all(|state, _| {
            is_there = state.balancer.shards().any(|(id, ..)| id == shard);
            if is_drained {
                // one that comes back to the list is still drained
                if is_there {
                    state.drained.insert(shard.to_owned());
                }
                state.balancer.handle_drain(shard);
            } else {
                state.drained.remove(shard);
                state.balancer.handle_undrain(shard);
            }
        });
        is_there
    }

    pub(super) fn knows(&self, shard: &str) -> bool {
        self.state().ways.contains_key(shard)
    }

    pub(super) fn way(&self, shard: &str) -> Option<Way> {
        self.state().ways.get(shard).cloned()
    }

    pub(super) fn shard_ids(&self) -> Vec<String> {
        self.state().ways.keys().cloned().collect()
    }

    pub(super) fn shards(&self) -> Vec<Shard> {
        let state = self.state();
        let mut clients: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, shard, here) in state.balancer.rooms() {
            *clients.entry(shard).or_default() += here;
        }
        let shard = |(id, standing, tier, rooms): (&str, placement::stock::Standing, Tier, usize)| Shard {
            id: id.to_owned(),
            address: state.ways.get(id).and_then(Way::address),
            state: standing.into(),
            is_backup: is_backup(tier),
            rooms,
            clients: clients.get(id).copied().unwrap_or_default(),
        };
        state.balancer.shards().map(shard).collect()
    }

    pub(super) fn rooms(&self) -> Vec<(String, String, usize)> {
        let state = self.state();
        let rooms = state.balancer.rooms();
        rooms.map(|(room, shard, here)| (room.to_owned(), shard.to_owned(), here)).collect()
    }

    /// Tells the machine something, and obeys.
    pub(super) fn step(self: &Arc<Self>, tell: impl FnOnce(&mut Balancer, u64)) {
        self.step_all(|state, now| tell(&mut state.balancer, now));
    }

    fn step_all(self: &Arc<Self>, tell: impl FnOnce(&mut State, u64)) {
        let mut outside = Vec::new();
        {
            let mut state = self.state();
            tell(&mut state, self.now());
            while let Some(action) = state.balancer.poll_action() {
                match action {
                    Action::Settled { room } => state.settle(&room),
                    Action::Cut { room } => state.holds.cut(&room),
                    Action::Down { shard } => {
                        tracing::warn!(shard, "the shard is down: its rooms begin anew elsewhere");
                        state.holds.down(&shard);
                        self.keeps.end(&shard);
                    }
                    Action::Check { .. } | Action::Place { .. } | Action::Vacate { .. } => {
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
        let helm = Arc::clone(self);
        match action {
            Action::Check { shard } => {
                tokio::spawn(async move { helm.check(shard).await });
            }
            Action::Place { room, shard, expected } => {
                tokio::spawn(async move { helm.place(room, shard, expected).await });
            }
            Action::Vacate { room, expected } => {
                tokio::spawn(async move { helm.vacate(room, expected).await });
            }
            // obeyed with the lock held
            Action::Settled { .. } | Action::Cut { .. } | Action::Down { .. } => {}
        }
    }

    /// When the machine wants to be woken.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let at = self.state().balancer.poll_timeout()?;
        Some(self.start + Duration::from_millis(at))
    }

    /// What is worth counting.
    pub(super) fn count(&self) {
        let state = self.state();
        for (shard, standing, _, rooms) in state.balancer.shards() {
            self.counts.standing(shard, super::State::from(standing) != super::State::Down, rooms);
        }
        self.stock_counts.tell(state.balancer.counts());
    }

    fn now(&self) -> u64 {
        let passed = Clock.now().saturating_duration_since(self.start);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle(&mut self, room: &str) {
        if let Some(settled) = self.waiting.get(room) {
            settled.notify_waiters();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let helm = Arc::clone(&self.helm);
        if helm.state().holds.left(&self.room) {
            helm.step(|balancer, now| balancer.handle_left(&self.room, now));
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.helm.state();
        // the table's and this one's
        if Arc::strong_count(&self.settled) <= 2 {
            state.waiting.remove(self.room);
        }
    }
}

fn rules(patience: &service::config::Patience) -> Rules {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Rules {
        interval_ms: ms(patience.interval),
        fall: patience.fall,
        rise: patience.rise,
        settle_ms: ms(patience.settle),
        grace_ms: ms(patience.grace),
    }
}
