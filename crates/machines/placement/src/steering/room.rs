//! One meeting: where it is, who waits for it, what is asked about it; and what follows from that.

use std::collections::BTreeSet;

use super::pick_shard;
use super::{
    Action, JITTER_MS, OTHERS_AFTER_MS, Place, REQUESTS_MAX, RETRY_MS, Standing, Steering, Want, Watched,
};
use crate::hash;

#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) place: Option<Place>,
    pub(super) wants: BTreeSet<Want>,
    /// who was told and has not left
    pub(super) clients: usize,
    /// the one request to the engine that is under way
    pub(super) asked: Option<Asked>,
    /// when it is looked at
    pub(super) due: Option<u64>,
    /// the engine was away: nothing is asked before `due`
    pub(super) is_retry: bool,
    /// the time of its own router is over
    pub(super) is_ripe: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Place { shard: String, expected: u64 },
    Read,
}

impl Room {
    pub(super) fn is_on(&self, shard: &str) -> bool {
        self.place.as_ref().is_some_and(|place| place.shard == shard)
    }

    fn is_nothing(&self) -> bool {
        self.place.is_none() && self.wants.is_empty() && self.clients == 0 && self.asked.is_none()
    }
}

impl Steering {
    /// Does what is to be done about a meeting now.
    pub(super) fn consider(&mut self, meeting: &str, now: u64) {
        let Some(room) = self.rooms.get(meeting) else { return };
        if room.asked.is_some() {
            return;
        }
        if room.is_nothing() {
            self.unschedule(meeting);
            self.stranded.remove(meeting);
            self.rooms.remove(meeting);
            return;
        }
        let is_wanted = !room.wants.is_empty();
        let Some(place) = room.place.clone() else {
            if is_wanted {
                self.give(meeting, 0, now);
            }
            return;
        };
        let standing = self.shards.get(&place.shard).map_or(Standing::Unsure, Watched::standing);
        match standing {
            Standing::Ready => self.tell(meeting, &place.shard),
            Standing::Draining if is_wanted && self.pick(now).is_some() => {
                self.give(meeting, place.revision, now)
            }
            Standing::Draining => self.tell(meeting, &place.shard),
            Standing::Unsure => {}
            Standing::Down => self.take_from_the_dead(meeting, place.revision, now),
        }
    }

    fn take_from_the_dead(&mut self, meeting: &str, revision: u64, now: u64) {
        let Some(room) = self.rooms.get(meeting) else { return };
        let has_clients = !room.wants.is_empty() || room.clients > 0;
        if has_clients || room.is_ripe && self.asking < REQUESTS_MAX {
            self.give(meeting, revision, now);
        } else if room.due.is_none() {
            let wait = if room.is_ripe { 0 } else { OTHERS_AFTER_MS + self.jitter(meeting) };
            self.schedule(meeting, now + wait);
        }
    }

    /// Asks the engine to give the meeting to the best shard; with none the meeting waits for one.
    fn give(&mut self, meeting: &str, expected: u64, now: u64) {
        if self.rooms.get(meeting).is_some_and(|room| room.is_retry && room.due.is_some()) {
            return;
        }
        self.unschedule(meeting);
        let Some(shard) = self.pick(now) else {
            self.stranded.insert(meeting.to_owned());
            return;
        };
        self.stranded.remove(meeting);
        if let Some(watched) = self.shards.get_mut(&shard) {
            watched.take_meeting(now);
        }
        if let Some(room) = self.rooms.get_mut(meeting) {
            room.asked = Some(Asked::Place { shard: shard.clone(), expected });
            self.asking += 1;
            self.actions.push_back(Action::Place { meeting: meeting.to_owned(), shard, expected });
        }
    }

    fn pick(&self, now: u64) -> Option<String> {
        let candidates: Vec<_> =
            self.shards.iter().filter_map(|(id, watched)| watched.as_candidate(id, now)).collect();
        pick_shard(&candidates, self.region.as_deref(), &[]).map(|shard| shard.id.clone())
    }

    fn tell(&mut self, meeting: &str, shard: &str) {
        self.unschedule(meeting);
        self.stranded.remove(meeting);
        let Some(room) = self.rooms.get_mut(meeting) else { return };
        room.is_ripe = false;
        for want in std::mem::take(&mut room.wants) {
            room.clients += 1;
            self.wants.remove(&want);
            self.actions.push_back(Action::Tell { want, shard: shard.to_owned() });
        }
    }

    /// A place is known now, if it is newer than what was.
    pub(super) fn accept(&mut self, meeting: &str, place: Place, now: u64) {
        let room = self.rooms.entry(meeting.to_owned()).or_default();
        if room.place.as_ref().is_some_and(|known| known.revision >= place.revision) {
            return;
        }
        self.shards.entry(place.shard.clone()).or_insert_with(|| Watched::unlisted(now));
        let is_elsewhere = room.place.as_ref().is_some_and(|known| known.shard != place.shard);
        if is_elsewhere && room.clients > 0 {
            self.actions.push_back(Action::Cut { meeting: meeting.to_owned() });
        }
        room.is_ripe = false;
        room.place = Some(place);
    }

    /// The place of this revision is no more.
    pub(super) fn forget(&mut self, meeting: &str, revision: u64) {
        if let Some(room) = self.rooms.get_mut(meeting) {
            room.place = room.place.take().filter(|place| place.revision > revision);
        }
    }

    pub(super) fn answered(&mut self, meeting: &str) -> Option<Asked> {
        let room = self.rooms.get_mut(meeting)?;
        let asked = room.asked.take()?;
        self.asking -= 1;
        Some(asked)
    }

    pub(super) fn retry(&mut self, meeting: &str, now: u64) {
        self.schedule(meeting, now + RETRY_MS);
        if let Some(room) = self.rooms.get_mut(meeting) {
            room.is_retry = true;
        }
    }

    /// A shard is down: the meetings of clients here at once, the others later.
    pub(super) fn fallen(&mut self, shard: &str, now: u64) {
        self.actions.push_back(Action::Down { shard: shard.to_owned() });
        let on = self.rooms.iter().filter(|(_, room)| room.is_on(shard));
        let mut meetings: Vec<_> =
            on.map(|(meeting, room)| (room.clients == 0 && room.wants.is_empty(), meeting.clone())).collect();
        meetings.sort();
        for (_, meeting) in meetings {
            self.consider(&meeting, now);
        }
    }

    /// A shard may take something: those that found none try again.
    pub(super) fn rescue(&mut self, now: u64) {
        if self.stranded.is_empty() || self.pick(now).is_none() {
            return;
        }
        for meeting in std::mem::take(&mut self.stranded) {
            self.consider(&meeting, now);
        }
    }

    fn schedule(&mut self, meeting: &str, at: u64) {
        self.unschedule(meeting);
        if let Some(room) = self.rooms.get_mut(meeting) {
            room.due = Some(at);
            self.due.insert((at, meeting.to_owned()));
        }
    }

    fn unschedule(&mut self, meeting: &str) {
        let Some(room) = self.rooms.get_mut(meeting) else { return };
        room.is_retry = false;
        if let Some(at) = room.due.take() {
            self.due.remove(&(at, meeting.to_owned()));
        }
    }

    fn jitter(&self, meeting: &str) -> u64 {
        hash::of([&self.name, meeting]) % JITTER_MS
    }
}
