//! The shard of a new room: the best tier that there is, and in it the rendezvous hash of the room and the shards
//! (Thaler and Ravishankar): when a shard comes or goes, only its own rooms move.

use super::{Balancer, Standing, Tier};
use crate::hash;
use crate::limits::ROOMS_PERCENT_OF_MEAN_MAX;

/// How a shard is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// by the hash alone: every router that sees the same shards chooses the same
    Hash,
    /// The next in the order of the hash that is not too full. How full a shard is depends on what a router has
    /// heard: only where the engine decides between two choices.
    HashAndRooms,
}

impl Balancer {
    /// `None`: nobody can take it now, or it is too early to tell.
    pub(super) fn choose(&self, room: &str, by: By) -> Option<String> {
        if !self.has_list || self.shards.keys().any(|id| self.standing(id) == Some(Standing::New)) {
            return None;
        }
        let ranked = self.ranked(room);
        let best = ranked.first()?.1;
        let peers: Vec<&str> =
            ranked.iter().take_while(|(_, rank)| *rank == best).map(|(id, _)| *id).collect();
        let chosen = match by {
            By::Hash => peers.first(),
            By::HashAndRooms => peers.iter().find(|id| self.has_room(id, &peers)).or(peers.first()),
        };
        chosen.map(|&id| id.to_owned())
    }

    /// All that may take rooms: by their rank, then by the hash.
    pub(super) fn ranked(&self, room: &str) -> Vec<(&str, (u8, Tier))> {
        let fit =
            self.shards.iter().filter_map(|(id, watched)| Some((id.as_str(), watched.rank(&self.rules)?)));
        let mut ranked: Vec<_> = fit.collect();
        ranked.sort_by_key(|(id, rank)| (*rank, std::cmp::Reverse(hash::mixed([id, room])), *id));
        ranked
    }

    /// Whether one more room leaves it within the bound over the mean of its peers.
    fn has_room(&self, id: &str, peers: &[&str]) -> bool {
        let rooms = |id: &str| self.shards.get(id).map_or(0, |watched| watched.rooms);
        let all = 1 + peers.iter().map(|id| rooms(id)).sum::<usize>();
        rooms(id) < (all * ROOMS_PERCENT_OF_MEAN_MAX).div_ceil(100 * peers.len().max(1))
    }
}
