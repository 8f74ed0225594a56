//! Places as they change: a meeting that moved away is let go of, one that moved here is taken over.

use journal::{Place, Role};

use super::Shard;
use super::owner::Owner;
use crate::node::{Cx, Request};

impl Shard {
    pub(super) fn heard_place(&mut self, cx: &mut Cx<'_>, meeting: String, place: Option<Place>) {
        let Some(place) = place else {
            self.places.remove(&meeting);
            return;
        };
        let is_ours = place.shard == self.me.to_string();
        self.places.insert(meeting.clone(), place);
        if is_ours {
            self.adopt(cx, &meeting);
        } else if let Some(owner) = self.owners.get_mut(&meeting) {
            owner.let_go = true;
            self.settle(cx, &meeting);
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
        let others = self.nodes.values().filter(|node| node.role == Role::Shard && node.id != own);
        let others: Vec<_> = others
            .map(|node| placement::Shard {
                id: node.id.clone(),
                region: node.region.clone(),
                load: node.load,
                recent: 0,
                draining: node.draining,
                healthy: true,
            })
            .collect();
        let Some(heir) = placement::pick_shard(&others, None, &[]) else { return };
        for room in self.owners.keys().cloned().collect::<Vec<_>>() {
            let place = self.places.get(&room).filter(|place| place.shard == own);
            if let Some(expected) = place.map(|place| place.revision) {
                let request = Request::Place { meeting: room.clone(), shard: heir.id.clone(), expected };
                self.handovers.insert(cx.request(request), room);
            }
        }
    }
}
