//! A shard among others: which meetings are its own to run, and how they go from one to another.
//!
//! A place is advice, the position in the journal decides. But a shard begins with a meeting only where the place names
//! it, so that a router with old news takes nothing away from anybody.

mod announce;
mod handover;
mod watch;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use journal::{Error, Place, Places, Registry};
use placement::Claim;

use crate::Shard;
use crate::limits::{CLAIM_TIME, RETRY_FIRST};

pub(crate) use announce::announce;
pub use handover::Handover;
pub(crate) use handover::{hand_over, hand_over_all};
pub(crate) use watch::watch;

/// What a shard among others needs.
#[derive(Clone)]
pub struct Cluster {
    pub registry: Arc<dyn Registry>,
    pub places: Arc<dyn Places>,
    pub region: Option<String>,
    /// where operators find it
    pub admin: Option<SocketAddr>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cluster").field("region", &self.region).field("admin", &self.admin).finish()
    }
}

/// Why a meeting is not for this shard.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOurs {
    #[error("this meeting is on {0}")]
    Elsewhere(String),
    #[error("where this meeting is cannot be told now: {0}; try again")]
    Unknown(Error),
    #[error("this server takes no new meetings; try again")]
    Draining,
}

/// Whether this shard may run the meeting; one that has no place gets it here. An engine that is away is waited for.
pub(crate) async fn claim(shard: &Shard, meeting: &str) -> Result<(), NotOurs> {
    let Some(cluster) = &shard.config.cluster else { return Ok(()) };
    if shard.meetings.has(meeting) {
        return Ok(());
    }
    let ask = async {
        loop {
            match ask(shard, cluster, meeting).await {
                Err(NotOurs::Unknown(error)) if error.is_transient() => {
                    tracing::debug!(meeting, %error, "the place of a meeting cannot be read; it is tried again");
                    tokio::time::sleep(RETRY_FIRST).await;
                }
                answer => return answer,
            }
        }
    };
    let late = || NotOurs::Unknown(Error::Unavailable("the engine does not answer".to_owned()));
    tokio::time::timeout(CLAIM_TIME, ask).await.unwrap_or_else(|_| Err(late()))
}

async fn ask(shard: &Shard, cluster: &Cluster, meeting: &str) -> Result<(), NotOurs> {
    let own = &shard.config.name;
    let place = cluster.places.placed(meeting).await.map_err(NotOurs::Unknown)?;
    let place = match placement::claim(own, shard_of(place.as_ref()), shard.is_draining()) {
        Claim::Ours => return Ok(()),
        Claim::Elsewhere(other) => return Err(NotOurs::Elsewhere(other)),
        Claim::Refused => return Err(NotOurs::Draining),
        Claim::Free => match cluster.places.place(meeting, own, 0).await {
            Ok(_) => return Ok(()),
            Err(Error::Placed { place, .. }) => place,
            Err(error) => return Err(NotOurs::Unknown(error)),
        },
    };
    match placement::claim(own, shard_of(place.as_ref()), false) {
        Claim::Ours => Ok(()),
        Claim::Elsewhere(other) => Err(NotOurs::Elsewhere(other)),
        Claim::Free | Claim::Refused => {
            Err(NotOurs::Unknown(Error::Unavailable("its place has just changed".to_owned())))
        }
    }
}

fn shard_of(place: Option<&Place>) -> Option<&str> {
    place.map(|place| place.shard.as_str())
}

/// The meeting is over: its room can begin anywhere.
pub(crate) async fn vacate(shard: &Shard, meeting: &str) {
    let Some(cluster) = &shard.config.cluster else { return };
    let place = cluster.places.known(meeting).filter(|place| place.shard == shard.config.name);
    let Some(place) = place else { return };
    if let Err(error) = cluster.places.vacate(meeting, place.revision).await {
        tracing::warn!(meeting, %error, "the place of a meeting that is over stays taken");
    }
}
