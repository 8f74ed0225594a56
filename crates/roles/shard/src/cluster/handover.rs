//! Giving meetings to other shards, as planned.

use journal::{Error, Role};
use placement::steering::Announced;

use super::Cluster;
use crate::Shard;

/// Why a meeting stays.
#[derive(Debug, thiserror::Error)]
pub enum Handover {
    #[error("this shard stands alone")]
    Alone,
    #[error("there is no meeting {0} on this shard")]
    NoMeeting(String),
    #[error("no other shard takes meetings now")]
    Nobody,
    #[error("there is no shard {0} that takes meetings")]
    NoShard(String),
    #[error("the meeting has just gone to {0}")]
    Gone(String),
    #[error(transparent)]
    Engine(Error),
}

/// Gives a meeting to `to`, or to whoever has the least to do. It is let go of when the new place is heard of.
pub(crate) async fn hand_over(shard: &Shard, meeting: &str, to: Option<&str>) -> Result<String, Handover> {
    let cluster = shard.config.cluster.as_ref().ok_or(Handover::Alone)?;
    let place = cluster.places.placed(meeting).await.map_err(Handover::Engine)?;
    let place = place.filter(|place| place.shard == shard.config.name);
    let place = place.ok_or_else(|| Handover::NoMeeting(meeting.to_owned()))?;
    let heir = heir(shard, cluster, to)?;
    match cluster.places.place(meeting, &heir, place.revision).await {
        Ok(_) => Ok(heir),
        Err(Error::Placed { place: Some(place), .. }) => Err(Handover::Gone(place.shard)),
        Err(Error::Placed { place: None, .. }) => Err(Handover::NoMeeting(meeting.to_owned())),
        Err(error) => Err(Handover::Engine(error)),
    }
}

/// Gives away everything that runs here, one after the other. What nobody takes stays.
pub(crate) async fn hand_over_all(shard: &Shard) {
    for meeting in shard.meetings.rooms() {
        match hand_over(shard, &meeting, None).await {
            Ok(to) => tracing::info!(meeting, to, "handed over"),
            Err(error) => tracing::warn!(meeting, %error, "not handed over"),
        }
    }
}

fn heir(shard: &Shard, cluster: &Cluster, to: Option<&str>) -> Result<String, Handover> {
    let nodes = cluster.registry.nodes();
    let nodes = nodes.borrow();
    let shards = nodes.values().filter(|node| node.role == Role::Shard).map(|node| Announced {
        id: node.id.clone(),
        region: node.region.clone(),
        draining: node.draining,
        load: node.load,
        started: node.started,
    });
    let heir = placement::heir(shards, &shard.config.name, cluster.region.as_deref(), to);
    heir.ok_or_else(|| to.map_or(Handover::Nobody, |to| Handover::NoShard(to.to_owned())))
}
