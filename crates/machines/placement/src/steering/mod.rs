//! A router's decisions: which shards live, which shard has which meeting, and where the meetings of a dead one go.
//!
//! The driver brings what it hears with the time, then asks [`Steering::poll_action`] until it is empty, obeys in
//! order, and calls [`Steering::handle_timeout`] at [`Steering::poll_timeout`]. Times are milliseconds of a clock that
//! never runs backward. Every [`Action::Probe`] is answered by one [`Steering::handle_heartbeat`], every
//! [`Action::Place`] by one [`Steering::handle_placed`], every [`Action::Read`] by one [`Steering::handle_read`]; the
//! other actions have no answer.
//!
//! A place is written by compare-and-set only, and one request for a meeting is under way at a time: so a router
//! never holds two opinions, and of several routers one wins and the others follow it. While the engine is away, a
//! meeting that has a place on a living shard is served; everybody else waits.

mod health;
mod room;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use health::Watched;
use room::{Asked, Room};

use crate::limits::{JITTER_MS, OTHERS_AFTER_MS, REQUESTS_MAX, RETRY_MS};
use crate::pick_shard;

/// A number that the driver gives to somebody who waits for a shard; used once.
pub type Want = u64;

/// What the registry says of a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Announced {
    pub id: String,
    pub region: Option<String>,
    pub draining: bool,
    /// 1.0: it should not take more
    pub load: f64,
    /// tells one life of it from the next
    pub started: u64,
}

/// What came of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    Answered {
        draining: bool,
    },
    /// nobody listens there, or it broke
    Refused,
    /// no answer in time
    Missed,
}

/// Where a meeting is, as the engine has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub shard: String,
    /// grows with every change
    pub revision: u64,
}

/// What came of [`Action::Place`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// with this revision
    Won(u64),
    /// the place has changed before; `None`: there is none any more
    Lost(Option<Place>),
    /// nobody knows
    Away,
}

/// What came of [`Action::Read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    Place(Option<Place>),
    Away,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// ask the shard whether it lives, and wait this long
    Probe { shard: String, patience_ms: u64 },
    /// compare-and-set
    Place { meeting: String, shard: String, expected: u64 },
    /// ask the engine for the place
    Read { meeting: String },
    /// the shard has got a running meeting: let it take it over now
    Adopt { meeting: String, shard: String },
    /// here is the shard; counts as a client until [`Steering::handle_left`]
    Tell { want: Want, shard: String },
    /// the meeting went elsewhere: drop its sockets to the former shard
    Cut { meeting: String },
    /// the shard is down: drop every socket to it, and bring every place on it that is known
    Down { shard: String },
}

/// How a shard stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Ready,
    /// it keeps what it has
    Draining,
    /// it has not been heard yet, or a socket to it broke
    Unsure,
    Down,
}

/// See the module for the order of calls.
#[derive(Debug)]
pub struct Steering {
    /// of this router: two of them do not try the same thing at the same moment
    name: String,
    region: Option<String>,
    shards: BTreeMap<String, Watched>,
    rooms: BTreeMap<String, Room>,
    wants: BTreeMap<Want, String>,
    /// meetings that are looked at at a time
    due: BTreeSet<(u64, String)>,
    /// meetings that wait for any shard
    stranded: BTreeSet<String>,
    asking: usize,
    actions: VecDeque<Action>,
}

impl Steering {
    pub fn new(name: &str, region: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            region: region.map(str::to_owned),
            shards: BTreeMap::new(),
            rooms: BTreeMap::new(),
            wants: BTreeMap::new(),
            due: BTreeSet::new(),
            stranded: BTreeSet::new(),
            asking: 0,
            actions: VecDeque::new(),
        }
    }

    /// All shards of the registry.
    pub fn handle_nodes(&mut self, nodes: impl IntoIterator<Item = Announced>, now: u64) {
        let mut missing: BTreeSet<String> = self.shards.keys().cloned().collect();
        for node in nodes {
            missing.remove(&node.id);
            let id = node.id.clone();
            let watched = self.shards.entry(id.clone()).or_insert_with(|| Watched::unlisted(now));
            if watched.list(node, now) {
                self.actions.push_back(Action::Down { shard: id });
            }
        }
        for id in missing {
            if self.shards.get_mut(&id).is_some_and(|watched| watched.unlist(now)) {
                self.fallen(&id, now);
            }
        }
        let rooms = &self.rooms;
        self.shards.retain(|id, watched| watched.is_listed() || rooms.values().any(|room| room.is_on(id)));
        self.rescue(now);
        self.handle_timeout(now);
    }

    pub fn handle_heartbeat(&mut self, shard: &str, beat: Beat, now: u64) {
        let Some(watched) = self.shards.get_mut(shard) else { return };
        let before = watched.standing();
        if watched.beat(beat, now) {
            self.fallen(shard, now);
        } else if watched.standing() != before {
            let settled = watched.standing();
            let on = self.rooms.iter().filter(|(_, room)| room.is_on(shard) && !room.wants.is_empty());
            for meeting in on.map(|(meeting, _)| meeting.clone()).collect::<Vec<_>>() {
                self.consider(&meeting, now);
            }
            if settled == Standing::Ready {
                self.rescue(now);
            }
        }
        self.handle_timeout(now);
    }

    /// A socket to the shard broke, or it refused a request.
    pub fn handle_doubt(&mut self, shard: &str, now: u64) {
        if let Some(watched) = self.shards.get_mut(shard) {
            watched.doubt(now);
        }
        self.handle_timeout(now);
    }

    /// A place that was heard of; an older one than is known changes nothing.
    pub fn handle_place(&mut self, meeting: &str, place: Place, now: u64) {
        self.accept(meeting, place, now);
        self.consider(meeting, now);
    }

    /// The meeting has no place any more.
    pub fn handle_vacated(&mut self, meeting: &str, now: u64) {
        if let Some(room) = self.rooms.get_mut(meeting) {
            room.place = None;
        }
        self.consider(meeting, now);
    }

    /// Somebody wants the shard of the meeting, and waits for [`Action::Tell`].
    pub fn handle_want(&mut self, meeting: &str, want: Want, now: u64) {
        self.wants.insert(want, meeting.to_owned());
        self.rooms.entry(meeting.to_owned()).or_default().wants.insert(want);
        self.consider(meeting, now);
    }

    /// He waits no longer. Does nothing where he was told already.
    pub fn handle_given_up(&mut self, want: Want, now: u64) {
        let Some(meeting) = self.wants.remove(&want) else { return };
        if let Some(room) = self.rooms.get_mut(&meeting) {
            room.wants.remove(&want);
        }
        self.consider(&meeting, now);
    }

    /// One who was told has gone.
    pub fn handle_left(&mut self, meeting: &str, now: u64) {
        if let Some(room) = self.rooms.get_mut(meeting) {
            room.clients = room.clients.saturating_sub(1);
        }
        self.consider(meeting, now);
    }

    /// The shard said that the meeting is not its own: what is known is old.
    pub fn handle_misdirected(&mut self, meeting: &str, now: u64) {
        let room = self.rooms.entry(meeting.to_owned()).or_default();
        if room.asked.is_none() {
            room.asked = Some(Asked::Read);
            self.asking += 1;
            self.actions.push_back(Action::Read { meeting: meeting.to_owned() });
        }
        self.handle_timeout(now);
    }

    pub fn handle_placed(&mut self, meeting: &str, placed: Placed, now: u64) {
        let Some(Asked::Place { shard, expected }) = self.answered(meeting) else { return };
        match placed {
            Placed::Won(revision) => {
                self.accept(meeting, Place { shard: shard.clone(), revision }, now);
                if expected != 0 {
                    self.actions.push_back(Action::Adopt { meeting: meeting.to_owned(), shard });
                }
            }
            Placed::Lost(Some(place)) if place.revision != expected => self.accept(meeting, place, now),
            Placed::Lost(None) if expected != 0 => self.forget(meeting, expected),
            // What was expected stands there, and was refused: the engine's servers do not agree yet.
            Placed::Lost(_) | Placed::Away => self.retry(meeting, now),
        }
        self.consider(meeting, now);
        self.handle_timeout(now);
    }

    pub fn handle_read(&mut self, meeting: &str, read: Read, now: u64) {
        let Some(Asked::Read) = self.answered(meeting) else { return };
        match read {
            Read::Place(Some(place)) => self.accept(meeting, place, now),
            Read::Place(None) => {
                let known = self.rooms.get(meeting).and_then(|room| room.place.as_ref()).map(|p| p.revision);
                self.forget(meeting, known.unwrap_or_default());
            }
            Read::Away => self.retry(meeting, now),
        }
        self.consider(meeting, now);
        self.handle_timeout(now);
    }

    /// What is due by now.
    pub fn handle_timeout(&mut self, now: u64) {
        let mut fallen = Vec::new();
        for (id, watched) in &mut self.shards {
            if let Some(patience_ms) = watched.probe(now) {
                self.actions.push_back(Action::Probe { shard: id.clone(), patience_ms });
            } else if watched.is_gone(now) {
                fallen.push(id.clone());
            }
        }
        for id in fallen {
            self.fallen(&id, now);
        }
        while self.asking < REQUESTS_MAX && self.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, meeting)) = self.due.pop_first() else { break };
            if let Some(room) = self.rooms.get_mut(&meeting) {
                room.due = None;
                room.is_ripe = true;
            }
            self.consider(&meeting, now);
        }
    }

    /// When [`Steering::handle_timeout`] is to be called, if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<u64> {
        let due = self.due.first().map(|(at, _)| *at).filter(|_| self.asking < REQUESTS_MAX);
        self.shards.values().filter_map(Watched::timeout).chain(due).min()
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// All shards that are known, and how they stand.
    pub fn shards(&self) -> impl Iterator<Item = (&str, Standing)> {
        self.shards.iter().map(|(id, watched)| (id.as_str(), watched.standing()))
    }

    /// The place of a meeting, as far as this router knows.
    pub fn place(&self, meeting: &str) -> Option<&Place> {
        self.rooms.get(meeting)?.place.as_ref()
    }

    /// How many meetings have their place on each shard.
    pub fn rooms_by_shard(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for place in self.rooms.values().filter_map(|room| room.place.as_ref()) {
            *counts.entry(place.shard.as_str()).or_default() += 1;
        }
        counts
    }

    /// For tests, after every call.
    ///
    /// # Panics
    /// What should always hold does not.
    pub fn check_invariants(&self) {
        let asking = self.rooms.values().filter(|room| room.asked.is_some()).count();
        assert_eq!(self.asking, asking, "requests under way");
        let wants: usize = self.rooms.values().map(|room| room.wants.len()).sum();
        assert_eq!(self.wants.len(), wants, "everybody who waits waits for a meeting");
        for (at, meeting) in &self.due {
            assert_eq!(self.rooms.get(meeting).and_then(|room| room.due), Some(*at), "{meeting}: is due");
        }
    }
}
