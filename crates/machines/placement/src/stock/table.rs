//! The table: where each room is, what the engine is asked about it, and when it is forgotten.

use super::choice::By;
use super::{Action, Balancer, Sharing, Standing};
use crate::limits::{IDLE_MS, REFRESH_MS, REQUESTS_MAX, RETRY_MS, ROOMS_MAX, STRANGE_MS};
use crate::steering::{Place, Placed};

#[derive(Debug, Default)]
pub(super) struct Room {
    place: Option<Kept>,
    /// of the engine's place that was heard last; 0: it has none
    revision: u64,
    /// requests under way here
    pub(super) clients: usize,
    /// the last request here
    used: u64,
    /// when the place was written or heard
    told: u64,
    /// the shard in the compare-and-set that is under way
    asked: Option<String>,
    /// when it is looked at
    due: Option<u64>,
}

#[derive(Debug)]
struct Kept {
    shard: String,
    /// the engine does not know it
    is_unwritten: bool,
}

/// What a request of a room meets.
enum Found {
    Usable(String),
    /// a check, an answer of the engine or a list will tell
    Unclear,
    Nowhere,
}

impl Room {
    pub(super) fn shard(&self) -> Option<&str> {
        self.place.as_ref().map(|kept| kept.shard.as_str())
    }

    pub(super) fn due(&self) -> Option<u64> {
        self.due
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Used here since the engine was told.
    fn is_news(&self) -> bool {
        self.clients > 0 || self.used > self.told
    }
}

impl Balancer {
    pub(super) fn look(&mut self, room: &str, now: u64) -> Option<String> {
        match self.find(room, now) {
            Found::Usable(shard) => Some(shard),
            Found::Unclear => None,
            Found::Nowhere => self.clear_choice(room, self.way()),
        }
    }

    pub(super) fn pin(&mut self, name: &str, now: u64) -> Option<String> {
        match self.find(name, now) {
            Found::Usable(shard) => {
                if let Some(room) = self.rooms.get_mut(name) {
                    room.used = now;
                }
                self.plan(name, now);
                Some(shard)
            }
            Found::Unclear => None,
            Found::Nowhere => self.give(name, now),
        }
    }

    fn find(&self, name: &str, now: u64) -> Found {
        let Some(room) = self.rooms.get(name) else { return Found::Nowhere };
        let Some(shard) = room.shard() else {
            return if room.asked.is_some() { Found::Unclear } else { Found::Nowhere };
        };
        match self.standing(shard) {
            Some(Standing::Ready | Standing::Draining | Standing::Weak | Standing::Recovering) => {
                Found::Usable(shard.to_owned())
            }
            Some(Standing::New | Standing::Doubtful) => Found::Unclear,
            // one question at a time
            _ if room.asked.is_some() => Found::Unclear,
            None if now < room.told.saturating_add(STRANGE_MS) => Found::Unclear,
            Some(Standing::Down) | None => Found::Nowhere,
        }
    }

    /// Whether the engine decides between two choices, as it can be asked now.
    fn way(&self) -> By {
        let is_answering =
            self.sharing == Sharing::Engine && self.away_until.is_none() && self.asking < REQUESTS_MAX;
        if is_answering { By::HashAndRooms } else { By::Hash }
    }

    /// A choice that no check is about to overthrow.
    fn clear_choice(&self, name: &str, by: By) -> Option<String> {
        let shard = self.choose(name, by)?;
        (self.standing(&shard) != Some(Standing::Doubtful)).then_some(shard)
    }

    /// A shard for a room that has none: from the engine if it answers, else at once.
    fn give(&mut self, name: &str, now: u64) -> Option<String> {
        let way = self.way();
        let shard = self.clear_choice(name, way)?;
        if !self.rooms.contains_key(name) && self.rooms.len() >= ROOMS_MAX {
            self.counts.unkept += 1;
            return self.clear_choice(name, By::Hash);
        }
        let room = self.rooms.entry(name.to_owned()).or_default();
        room.used = now;
        self.counts.redispatched += u64::from(room.place.is_some());
        if way == By::HashAndRooms {
            self.ask(name, shard);
            return None;
        }
        let is_unwritten = self.sharing == Sharing::Engine;
        self.set(name, Some(Kept { shard: shard.clone(), is_unwritten }));
        self.plan(name, now);
        Some(shard)
    }

    fn ask(&mut self, name: &str, shard: String) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.asked = Some(shard.clone());
        self.asking += 1;
        self.actions.push_back(Action::Place { room: name.to_owned(), shard, expected: room.revision });
    }

    pub(super) fn answered(&mut self, name: &str, placed: Placed, now: u64) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        let Some(shard) = room.asked.take() else { return };
        self.asking -= 1;
        match placed {
            Placed::Won(revision) => {
                self.away_until = None;
                self.accept(name, Place { shard, revision }, now);
            }
            Placed::Lost(Some(place)) => {
                self.away_until = None;
                self.accept(name, place, now);
            }
            Placed::Lost(None) => {
                self.away_until = None;
                room.revision = 0;
                self.set(name, Some(Kept { shard, is_unwritten: true }));
            }
            Placed::Away => {
                self.away_until = Some(now + RETRY_MS);
                // where it is stays so if a newer place was heard meanwhile, or it was only told again
                if !self.is_somewhere(name) {
                    self.set(name, Some(Kept { shard, is_unwritten: true }));
                }
            }
        }
        self.settle(name);
        self.plan(name, now);
    }

    /// On a shard that is there and not down.
    fn is_somewhere(&self, name: &str) -> bool {
        let standing = self.rooms.get(name).and_then(Room::shard).and_then(|shard| self.standing(shard));
        standing.is_some_and(|standing| standing != Standing::Down)
    }

    /// A place is known now, if it is newer than what was.
    pub(super) fn accept(&mut self, name: &str, place: Place, now: u64) {
        if !self.rooms.contains_key(name) && self.rooms.len() >= ROOMS_MAX {
            return;
        }
        let room = self.rooms.entry(name.to_owned()).or_default();
        if room.revision >= place.revision {
            return;
        }
        (room.revision, room.told) = (place.revision, now);
        let is_elsewhere = room.shard().is_some_and(|known| known != place.shard);
        if is_elsewhere && room.clients > 0 {
            self.actions.push_back(Action::Cut { room: name.to_owned() });
        }
        self.set(name, Some(Kept { shard: place.shard, is_unwritten: false }));
        self.settle(name);
        self.plan(name, now);
    }

    /// The engine has no place of the room any more: if it is in use here it gets one again.
    pub(super) fn lose(&mut self, name: &str, now: u64) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.revision = 0;
        if room.is_news() || room.asked.is_some() {
            if let Some(kept) = &mut room.place {
                kept.is_unwritten = true;
            }
            self.plan(name, now);
        } else {
            self.forget(name);
        }
    }

    pub(super) fn leave(&mut self, name: &str, now: u64) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.clients = room.clients.saturating_sub(1);
        room.used = now;
        self.plan(name, now);
    }

    /// A room whose time has come.
    pub(super) fn look_after(&mut self, name: &str, now: u64) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.due = None;
        let Some(kept) = room.place.as_ref().filter(|_| room.asked.is_none()) else { return };
        let (shard, is_unwritten) = (kept.shard.clone(), kept.is_unwritten);
        let last = room.used.max(room.told);
        if room.clients == 0 && last.saturating_add(IDLE_MS) <= now {
            let expected = room.revision;
            if self.sharing == Sharing::Engine && expected > 0 {
                self.actions.push_back(Action::Vacate { room: name.to_owned(), expected });
            }
            return self.forget(name);
        }
        let is_stale = room.is_news() && room.told.saturating_add(REFRESH_MS) <= now;
        if self.sharing == Sharing::Engine && (is_unwritten || is_stale) {
            if self.asking >= REQUESTS_MAX || self.away_until.is_some_and(|until| now < until) {
                return self.schedule(name, now + RETRY_MS);
            }
            return self.ask(name, shard);
        }
        self.plan(name, now);
    }

    /// When the room has to be looked at next.
    fn plan(&mut self, name: &str, now: u64) {
        let Some(room) = self.rooms.get(name) else { return };
        let Some(kept) = room.place.as_ref().filter(|_| room.asked.is_none()) else { return };
        let last = room.used.max(room.told);
        let at = match self.sharing {
            Sharing::Engine if kept.is_unwritten => self.away_until.unwrap_or(now).max(now),
            Sharing::Engine if room.is_news() => room.told.saturating_add(REFRESH_MS).max(now + RETRY_MS),
            // its last client brings it back here
            Sharing::Alone if room.clients > 0 => return,
            _ => last.saturating_add(IDLE_MS),
        };
        // Looking too early does no harm, and spares a change of the order with every request.
        if room.due.is_none_or(|due| at < due) {
            self.schedule(name, at);
        }
    }

    fn schedule(&mut self, name: &str, at: u64) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        if let Some(before) = room.due.replace(at) {
            self.due.remove(&(before, name.to_owned()));
        }
        self.due.insert((at, name.to_owned()));
    }

    fn set(&mut self, name: &str, place: Option<Kept>) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        let former = std::mem::replace(&mut room.place, place);
        if let Some(watched) = former.and_then(|kept| self.shards.get_mut(&kept.shard)) {
            watched.rooms = watched.rooms.saturating_sub(1);
        }
        if let Some(watched) = room.place.as_ref().and_then(|kept| self.shards.get_mut(&kept.shard)) {
            watched.rooms += 1;
        }
    }

    fn forget(&mut self, name: &str) {
        self.set(name, None);
        if let Some(due) = self.rooms.remove(name).and_then(|room| room.due) {
            self.due.remove(&(due, name.to_owned()));
        }
        self.forget_unlisted();
    }
}
