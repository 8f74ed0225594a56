//! Places as they change: a meeting that moved away is let go of, one that moved here is taken over. One that runs here
//! and has no place any more, because the engine has lost what it had, gets it again.

use std::sync::Arc;

use journal::{Change, Place};
use placement::Follow;
use tokio::sync::broadcast::error::RecvError;

use super::Cluster;
use crate::Shard;
use crate::limits::RETRY_LONGEST;
use crate::meetings::Meetings;

/// Follows the places until the shard ends.
pub(crate) async fn watch(shard: Arc<Shard>, cluster: Cluster) {
    let mut changes = cluster.places.changes();
    all(&shard, &cluster);
    loop {
        let change = tokio::select! {
            () = shard.stop.cancelled() => return,
            () = shard.drain.cancelled() => return,
            change = changes.recv() => change,
        };
        match change {
            Ok(Change { meeting, place }) => one(&shard, &meeting, place),
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "places changed faster than they were read");
                all(&shard, &cluster);
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Whatever is known by now.
fn all(shard: &Arc<Shard>, cluster: &Cluster) {
    for meeting in shard.meetings.rooms() {
        one(shard, &meeting, cluster.places.known(&meeting));
    }
    for (meeting, place) in cluster.places.known_of(&shard.config.name) {
        one(shard, &meeting, Some(place));
    }
}

fn one(shard: &Arc<Shard>, meeting: &str, place: Option<Place>) {
    let place = place.map(|place| place.shard);
    match placement::follow(&shard.config.name, place.as_deref(), shard.meetings.has(meeting)) {
        Follow::LetGo => shard.meetings.let_go(meeting),
        Follow::Adopt => {
            if let Err(full) = Meetings::adopt(shard, meeting) {
                tracing::warn!(meeting, %full, "a meeting of another shard cannot be taken over");
            }
        }
        Follow::Claim => drop(shard.tasks.spawn(place_again(Arc::clone(shard), meeting.to_owned()))),
        Follow::Nothing => {}
    }
}

/// Until it has a place, here or elsewhere, or runs no more.
async fn place_again(shard: Arc<Shard>, meeting: String) {
    let Some(cluster) = &shard.config.cluster else { return };
    while shard.meetings.has(&meeting) && !shard.stop.is_cancelled() {
        match cluster.places.place(&meeting, &shard.config.name, 0).await {
            Err(error) if error.is_transient() => {
                tracing::debug!(meeting, %error, "a meeting waits for its place");
                tokio::time::sleep(RETRY_LONGEST).await;
            }
            // whoever has it now is heard of
            Ok(_) | Err(_) => return shard.meetings.look(&meeting),
        }
    }
}
