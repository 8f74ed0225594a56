//! A router in front of stock shards: which of them live, which room is on which, and where a new one goes.
//!
//! A stock shard is a web server, a Prosody and a Jicofo that know nothing of other shards. A room lives on exactly one,
//! so routers share a table from room to shard, and every request of a room goes where the table says. What dies
//! with a shard is lost: its rooms begin anew on another one, with the clients that come back.
//!
//! The driver tells what happens with the time, in milliseconds of a clock that never runs backward, then obeys
//! [`Balancer::poll_action`] until it is empty, and calls [`Balancer::handle_timeout`] at [`Balancer::poll_timeout`].
//! Every [`Action::Check`] is answered by one [`Balancer::handle_check`], every [`Action::Place`] by one
//! [`Balancer::handle_placed`].
//!
//! The table is in the engine where there is one, written by compare-and-set. Without an engine, and while it is away,
//! a new room goes where a rendezvous hash of its name and the shards says: routers that see the same shards agree
//! without a word. What was decided so is written when the engine is back; where two routers disagreed the one that
//! wrote first is right, and the other drops its sockets.
//!
//! A shard that fails is down when [`Rules::fall`] checks in a row say so, and up again when it was well for
//! [`Rules::settle_ms`]. One that answers late keeps its rooms for [`Rules::grace_ms`] and gets no new ones. A room
//! on a backup stays there until it is empty, whoever comes back.

mod choice;
mod health;
mod table;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use health::Watched;
pub use health::{Check, Listed, Standing, Tier};
use table::Room;

use crate::steering::{Place, Placed};

/// How patient the checks are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// from one check of a shard to the next
    pub interval_ms: u64,
    /// failed checks in a row that make a shard count as down, or as weak if they were soft
    pub fall: u32,
    /// good checks in a row after which a shard that was down may be used, if no better one is there
    pub rise: u32,
    /// good checks for so long, until a shard that was down is as good as the others
    pub settle_ms: u64,
    /// a weak shard keeps its rooms for so long
    pub grace_ms: u64,
}

/// Whether routers share a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// through an engine
    Engine,
    /// each for itself
    Alone,
}

/// What a request is to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// it goes where the room is, and says nothing of whether there will be one: a page
    Look,
    /// the room is in use: it gets its place, and keeps it
    Pin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// ask the shard how it is
    Check { shard: String },
    /// compare-and-set
    Place { room: String, shard: String, expected: u64 },
    /// nobody uses the room: forget the place of this revision; has no answer
    Vacate { room: String, expected: u64 },
    /// whoever waits for the room's shard shall ask again
    Settled { room: String },
    /// the room is elsewhere now: drop its sockets to the former shard
    Cut { room: String },
    /// the shard is down: drop every socket to it
    Down { shard: String },
}

/// What was done since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// rooms that got another shard because theirs was down or gone
    pub redispatched: u64,
    /// requests of rooms that the table had no room for
    pub unkept: u64,
}

/// See the module for the order of calls.
#[derive(Debug)]
pub struct Balancer {
    rules: Rules,
    sharing: Sharing,
    shards: BTreeMap<String, Watched>,
    has_list: bool,
    rooms: BTreeMap<String, Room>,
    /// rooms that are looked at at a time
    due: BTreeSet<(u64, String)>,
    /// rooms with requests that wait
    waiting: BTreeSet<String>,
    /// the engine did not answer: it is asked again at this time
    away_until: Option<u64>,
    asking: usize,
    counts: Counts,
    actions: VecDeque<Action>,
}

impl Balancer {
    pub fn new(rules: Rules, sharing: Sharing) -> Self {
        Self {
            rules,
            sharing,
            shards: BTreeMap::new(),
            has_list: false,
            rooms: BTreeMap::new(),
            due: BTreeSet::new(),
            waiting: BTreeSet::new(),
            away_until: None,
            asking: 0,
            counts: Counts::default(),
            actions: VecDeque::new(),
        }
    }

    /// All shards that there are. One that is not among them any more keeps its rooms while it is well.
    pub fn handle_list(&mut self, list: impl IntoIterator<Item = Listed>, now: u64) {
        let is_first = !std::mem::replace(&mut self.has_list, true);
        self.shards.values_mut().for_each(|watched| watched.is_listed = false);
        for Listed { id, tier } in list {
            let rooms = &self.rooms;
            let watched = self.shards.entry(id).or_insert_with_key(|id| {
                let on = rooms.values().filter(|room| room.shard() == Some(id)).count();
                Watched::new(tier, is_first, on, now)
            });
            (watched.is_listed, watched.tier) = (true, tier);
        }
        self.forget_unlisted();
        self.settle_all();
        self.handle_timeout(now);
    }

    pub fn handle_check(&mut self, shard: &str, check: Check, now: u64) {
        let Some(watched) = self.shards.get_mut(shard) else { return };
        let before = watched.standing(&self.rules);
        if watched.checked(check, &self.rules, now) {
            self.actions.push_back(Action::Down { shard: shard.to_owned() });
        }
        let is_other = self.standing(shard) != Some(before);
        self.forget_unlisted();
        if is_other {
            self.settle_all();
        }
        self.handle_timeout(now);
    }

    /// A socket to the shard broke, or it refused one.
    pub fn handle_doubt(&mut self, shard: &str, now: u64) {
        if let Some(watched) = self.shards.get_mut(shard) {
            watched.doubt(now);
        }
        self.handle_timeout(now);
    }

    /// An operator wants the shard to get no new rooms.
    pub fn handle_drain(&mut self, shard: &str) {
        self.drain(shard, true);
    }

    /// It shall get rooms again.
    pub fn handle_undrain(&mut self, shard: &str) {
        self.drain(shard, false);
    }

    fn drain(&mut self, shard: &str, is_drained: bool) {
        if let Some(watched) = self.shards.get_mut(shard) {
            watched.is_drained = is_drained;
            self.settle_all();
        }
    }

    /// The shard for a request of `room`, which is empty where it names none. `None`: nobody knows yet, ask again after
    /// [`Action::Settled`].
    pub fn handle_request(&mut self, room: &str, purpose: Use, now: u64) -> Option<String> {
        let shard = match purpose {
            Use::Look => self.look(room, now),
            Use::Pin => self.pin(room, now),
        };
        if shard.is_none() && self.waiting.len() < crate::limits::ROOMS_WAITING_MAX {
            self.waiting.insert(room.to_owned());
        }
        shard
    }

    /// A request of the room is under way, until [`Balancer::handle_left`]: it is in use for as long.
    pub fn handle_entered(&mut self, room: &str) {
        if let Some(room) = self.rooms.get_mut(room) {
            room.clients += 1;
        }
    }

    pub fn handle_left(&mut self, room: &str, now: u64) {
        self.leave(room, now);
        self.handle_timeout(now);
    }

    /// A place that was heard of; an older one than is known changes nothing.
    pub fn handle_place(&mut self, room: &str, place: Place, now: u64) {
        self.accept(room, place, now);
        self.handle_timeout(now);
    }

    /// The room has no place in the engine any more.
    pub fn handle_vacated(&mut self, room: &str, now: u64) {
        self.lose(room, now);
        self.handle_timeout(now);
    }

    /// What came of [`Action::Place`].
    pub fn handle_placed(&mut self, room: &str, placed: Placed, now: u64) {
        self.answered(room, placed, now);
        self.handle_timeout(now);
    }

    pub fn handle_timeout(&mut self, now: u64) {
        for (id, watched) in &mut self.shards {
            if watched.begins(now) {
                self.actions.push_back(Action::Check { shard: id.clone() });
            }
        }
        while let Some((at, _)) = self.due.first() {
            if *at > now {
                return;
            }
            if let Some((_, room)) = self.due.pop_first() {
                self.look_after(&room, now);
            }
        }
    }

    /// When [`Balancer::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<u64> {
        let checks = self.shards.values().filter_map(Watched::timeout).min();
        let rooms = self.due.first().map(|(at, _)| *at);
        checks.into_iter().chain(rooms).min()
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// In the order of their ids: how they stand, whose turn they are, and how many rooms they have.
    pub fn shards(&self) -> impl Iterator<Item = (&str, Standing, Tier, usize)> {
        let of = |watched: &Watched| (watched.standing(&self.rules), watched.tier, watched.rooms);
        self.shards.iter().map(move |(id, watched)| {
            let (standing, tier, rooms) = of(watched);
            (id.as_str(), standing, tier, rooms)
        })
    }

    /// In the order of their names: their shards, and the requests under way here.
    pub fn rooms(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.rooms.iter().filter_map(|(name, room)| Some((name.as_str(), room.shard()?, room.clients)))
    }

    /// The shards that can be asked something, those that get new rooms first.
    pub fn living(&self) -> Vec<String> {
        let best: Vec<_> = self.ranked("").into_iter().map(|(id, _)| id.to_owned()).collect();
        let others = self.shards.keys().filter(|id| {
            !best.contains(id) && !matches!(self.standing(id), Some(Standing::New | Standing::Down))
        });
        let others: Vec<_> = others.cloned().collect();
        best.into_iter().chain(others).collect()
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// For tests, after every step.
    ///
    /// # Panics
    /// A count or an index says something else than the table.
    pub fn check_invariants(&self) {
        for (id, watched) in &self.shards {
            let on = self.rooms.values().filter(|room| room.shard() == Some(id)).count();
            assert_eq!(watched.rooms, on, "rooms on {id}");
        }
        let due = self.rooms.iter().filter_map(|(name, room)| Some((room.due()?, name.clone())));
        assert_eq!(self.due, due.collect::<BTreeSet<_>>());
        assert_eq!(self.asking, self.rooms.values().filter(|room| room.is_asked()).count());
        for (name, room) in &self.rooms {
            let is_seen_to = room.due().is_some() || room.is_asked() || room.clients > 0;
            assert!(is_seen_to, "nobody looks after {name}: {room:?}");
        }
    }

    fn standing(&self, shard: &str) -> Option<Standing> {
        self.shards.get(shard).map(|watched| watched.standing(&self.rules))
    }

    /// Whoever waits looks again.
    fn settle_all(&mut self) {
        for room in std::mem::take(&mut self.waiting) {
            self.actions.push_back(Action::Settled { room });
        }
    }

    fn settle(&mut self, room: &str) {
        if let Some(room) = self.waiting.take(room) {
            self.actions.push_back(Action::Settled { room });
        }
    }

    /// Of a shard that nobody lists any more nothing is left once it is empty or down.
    fn forget_unlisted(&mut self) {
        let rules = &self.rules;
        self.shards.retain(|_, watched| {
            let is_of_use = watched.rooms > 0 && watched.standing(rules) != Standing::Down;
            watched.is_listed || is_of_use
        });
    }
}
