//! An engine that comes back without what it had, because it was started on empty files: its streams are made anew,
//! everything that was known of places is forgotten, and whoever follows a stream begins again. Those who have meetings
//! write them down again ([`crate::Error::Lost`]).

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_nats::jetstream::stream::{Info, Stream};
use tokio::sync::{Notify, watch as sync};

use super::Shared;
use super::faults::unavailable;
use super::patience::Patience;
use super::setup::Plan;
use crate::limits::RECONNECT_PAUSE_MAX;
use crate::{Error, NatsConfig};

#[derive(Debug)]
pub(super) struct Renewal {
    /// the connection stands again: the engine may have changed
    pub(super) connected: Arc<Notify>,
    /// when the stream of places was made, by the engine's clock
    made: Mutex<i128>,
    /// how often it was another one
    times: sync::Sender<u64>,
}

impl Renewal {
    pub(super) fn new(connected: Arc<Notify>, places: &Stream) -> Self {
        Self { connected, made: Mutex::new(made(places.cached_info())), times: sync::Sender::new(0) }
    }

    /// Changes when the streams are others than before.
    pub(super) fn times(&self) -> sync::Receiver<u64> {
        self.times.subscribe()
    }
}

/// Looks after every new connection, until the engine has answered.
pub(super) async fn watch(shared: Weak<Shared>, connected: Arc<Notify>) {
    loop {
        connected.notified().await;
        loop {
            let Some(shared) = shared.upgrade() else { return };
            let Err(error) = shared.look().await else { break };
            tracing::debug!(%error, "the engine does not tell yet what it has");
            drop(shared);
            tokio::time::sleep(RECONNECT_PAUSE_MAX).await;
        }
    }
}

impl Shared {
    async fn look(&self) -> Result<(), Error> {
        let (replicas, streams) = (Some(self.found.replicas), self.found.streams);
        let config = NatsConfig { replicas, streams, ..self.config.clone() };
        let patience = Patience::new(&config.node, config.patience);
        let plan = Plan {
            context: &self.context,
            names: &self.names,
            replicas: self.found.replicas,
            patience: &patience,
        };
        let there = plan.all(&config).await?;
        if there.count != streams {
            let count = there.count;
            let node = &self.config.node;
            return Err(Error::Unusable(format!(
                "{node}: the cluster has {count} streams now; start it again"
            )));
        }
        let now = made(there.places.cached_info());
        let former =
            std::mem::replace(&mut *self.renewal.made.lock().unwrap_or_else(PoisonError::into_inner), now);
        if former != now {
            let (node, cluster) = (&self.config.node, &self.config.cluster);
            tracing::error!(
                node,
                cluster,
                "the engine has lost all that it had; what runs is written down again. Was it started on other files?"
            );
            self.heads().clear();
            self.known_places.forget();
            self.renewal.times.send_modify(|times| *times += 1);
        }
        Ok(())
    }

    /// Whether this stream was made anew since this process began.
    pub(super) async fn is_another(&self, stream: &Stream) -> Result<bool, Error> {
        let now = stream.get_info().await.map_err(unavailable)?;
        Ok(made(&now) != made(stream.cached_info()))
    }
}

fn made(info: &Info) -> i128 {
    info.created.unix_timestamp_nanos()
}
