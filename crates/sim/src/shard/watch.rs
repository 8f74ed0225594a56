//! Places as they change: a meeting that moved away is let go of, one that moved here is taken over.

use journal::Place;
use placement::Follow;

use super::Shard;
use super::owner::Owner;
use crate::engine::announced;
use crate::node::{Cx, Request};

impl Shard {
    pub(super) fn heard_place(&mut self, cx: &mut Cx<'_>, meeting: String, place: Option<Place>) {
        let own = self.me.to_string();
        let runs = self.owners.contains_key(&meeting);
        let change = placement::follow(&own, place.as_ref().map(|place| place.shard.as_str()), runs);
        match place {
            Some(place) => self.places.insert(meeting.clone(), place),
            None => self.places.remove(&meeting),
        };
        match change {
            Follow::Adopt => self.adopt(cx, &meeting),
            Follow::LetGo => {
                if let Some(owner) = self.owners.get_mut(&meeting) {
                    owner.let_go = true;
                    self.settle(cx, &meeting);
                }
            }
            Follow::Claim => {
                let shard = self.me.to_string();
                let ask = cx.request(Request::Place { meeting: meeting.clone(), shard, expected: 0 });
                self.handovers.insert(ask, meeting);
            }
            Follow::Nothing => {}
        }
    }

    /// Takes a meeting over, unless it runs here already.
    pub(super) fn adopt(&mut self, cx: &mut Cx<'_>, room: &str) {
        if !self.owners.contains_key(room) {
            let owner = Owner::open(cx, room);
            self.owners.insert(room.to_owned(), owner);
            self.settle(cx, room);
        }
    }

    /// Gives everything to other shards.
    pub(super) fn drain(&mut self, cx: &mut Cx<'_>) {
        self.draining = true;
        let own = self.me.to_string();
        let Some(heir) = placement::heir(announced(&self.nodes), &own, None, None) else { return };
        for room in self.owners.keys().cloned().collect::<Vec<_>>() {
            let place = self.places.get(&room).filter(|place| place.shard == own);
            if let Some(expected) = place.map(|place| place.revision) {
                let request = Request::Place { meeting: room.clone(), shard: heir.clone(), expected };
                self.handovers.insert(cx.request(request), room);
            }
        }
    }
}
