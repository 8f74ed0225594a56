//! The engine: places of rooms, and what an operator wants of a shard, which stands there as a place of its own.

use std::sync::{Arc, Weak};

use journal::{Change, Error, Place};
use placement::steering::Placed;
use tokio::time::timeout;

use super::helm::Helm;
use crate::limits::ENGINE_TIME_MAX;
use crate::steer::engine::compare_and_set;
use crate::steer::place;
use crate::steer::watch::{COUNTED_EVERY, follow, keep_time};

/// In front of the id of a drained shard. No room has a space in its name.
const MARK: &str = "drained ";

/// Tries to write a mark that somebody else changes at the same time.
const MARK_TRIES: u32 = 3;

pub(super) fn start(helm: &Arc<Helm>) {
    tokio::spawn(places(Arc::clone(helm)));
    tokio::spawn(time(Arc::clone(helm)));
    tokio::spawn(count(Arc::downgrade(helm)));
}

async fn places(helm: Arc<Helm>) {
    let Some(cluster) = &helm.cluster else { return };
    let hears = |change| match change {
        Some(Change { meeting, place }) => helm.hear(&meeting, place),
        None => helm.hear_all(),
    };
    follow(cluster, &helm.ended, hears).await;
}

async fn time(helm: Arc<Helm>) {
    let wake = || helm.step(|balancer, now| balancer.handle_timeout(now));
    keep_time(&helm.ended, &helm.told, || helm.timeout(), wake).await;
}

async fn count(helm: Weak<Helm>) {
    loop {
        tokio::time::sleep(COUNTED_EVERY).await;
        match helm.upgrade() {
            Some(helm) if !helm.ended.is_cancelled() => helm.count(),
            _ => return,
        }
    }
}

impl Helm {
    fn hear(self: &Arc<Self>, room: &str, known: Option<Place>) {
        if let Some(shard) = room.strip_prefix(MARK) {
            self.mark(shard, known.is_some());
            return;
        }
        self.step(|balancer, now| match known {
            Some(known) => balancer.handle_place(room, place(known), now),
            None => balancer.handle_vacated(room, now),
        });
    }

    /// Every place on the shards here that this process has heard of.
    pub(super) fn hear_all(self: &Arc<Self>) {
        let Some(cluster) = &self.cluster else { return };
        for shard in self.shard_ids() {
            for (room, known) in cluster.places.known_of(&shard) {
                self.hear(&room, Some(known));
            }
        }
    }

    pub(super) async fn place(self: Arc<Self>, room: String, shard: String, expected: u64) {
        let placed = match &self.cluster {
            Some(cluster) => compare_and_set(cluster, &room, &shard, expected).await,
            None => Placed::Away,
        };
        self.counts.answered(&shard, &placed);
        self.step(|balancer, now| balancer.handle_placed(&room, placed, now));
    }

    pub(super) async fn vacate(self: Arc<Self>, room: String, expected: u64) {
        let Some(cluster) = &self.cluster else { return };
        if let Ok(Err(error)) = timeout(ENGINE_TIME_MAX, cluster.places.vacate(&room, expected)).await {
            tracing::debug!(%error, "the place of an idle room stays");
        }
    }

    pub(super) async fn drain(self: &Arc<Self>, shard: &str) -> Result<bool, Error> {
        if !self.knows(shard) {
            return Ok(false);
        }
        if let Some(cluster) = &self.cluster {
            match in_time(cluster.places.place(&mark(shard), shard, 0)).await {
                // it is drained already
                Ok(_) | Err(Error::Placed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.mark(shard, true))
    }

    pub(super) async fn undrain(self: &Arc<Self>, shard: &str) -> Result<bool, Error> {
        if !self.knows(shard) {
            return Ok(false);
        }
        if let Some(cluster) = &self.cluster {
            for _ in 0..MARK_TRIES {
                let Some(known) = in_time(cluster.places.placed(&mark(shard))).await? else { break };
                in_time(cluster.places.vacate(&mark(shard), known.revision)).await?;
            }
        }
        Ok(self.mark(shard, false))
    }
}

fn mark(shard: &str) -> String {
    format!("{MARK}{shard}")
}

async fn in_time<T>(asked: journal::Answer<'_, T>) -> Result<T, Error> {
    let answer = timeout(ENGINE_TIME_MAX, asked).await;
    answer.unwrap_or_else(|_| Err(Error::Unavailable("it does not answer".to_owned())))
}
