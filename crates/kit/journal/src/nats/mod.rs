//! The engine of a cluster: NATS JetStream, on files.
//!
//! A pool of streams holds the journals, one subject a meeting; the fence is the sequence that the subject's last
//! message has (`Nats-Expected-Last-Subject-Sequence`). One message carries the records of one append, or a part of a
//! snapshot ([`envelope`]). Places and nodes are streams with one message a subject, watched by every process.
//!
//! Reads that decide something ask the leader of a stream, never a replica.

mod config;
mod envelope;
mod faults;
mod head;
mod log;
mod patience;
mod places;
mod registry;
mod removal;
mod renewal;
mod replay;
mod setup;
mod subject;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_nats::jetstream::{self, stream::Stream};
use tokio::task::JoinSet;

use crate::Error;
use crate::limits::REQUEST_TIME;
use patience::Patience;

pub use config::{Credentials, NatsConfig};
pub use setup::Found;

/// A connection to the engine; clones share it. It lasts until the last of them is dropped.
#[derive(Clone)]
pub struct Nats {
    shared: Arc<Shared>,
    _watchers: Arc<JoinSet<()>>,
}

struct Shared {
    config: NatsConfig,
    context: jetstream::Context,
    names: subject::Names,
    found: Found,
    /// of the journals, by number
    journals: Vec<Stream>,
    places: Stream,
    nodes: Stream,
    aside: Stream,
    /// where each meeting's subject ends, as far as known
    heads: Mutex<BTreeMap<String, head::Head>>,
    known_places: places::Known,
    known_nodes: registry::Known,
    renewal: renewal::Renewal,
}

impl Nats {
    /// Connects, and creates what the cluster does not have yet. Where the engine is not ready it is waited for, as long as
    /// `config` says.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where nobody answers; [`Error::Unusable`] for whatever only a change of configuration
    /// mends: a refused login, no JetStream, another deployment with this cluster's name.
    pub async fn connect(config: &NatsConfig) -> Result<Self, Error> {
        let patience = Patience::new(&config.node, config.patience);
        let shared = Arc::new(setup::open(config, &patience).await?);
        let mut watchers = JoinSet::new();
        watchers.spawn(places::watch(Arc::downgrade(&shared), shared.places.clone()));
        watchers.spawn(registry::watch(Arc::downgrade(&shared), shared.nodes.clone()));
        watchers.spawn(renewal::watch(Arc::downgrade(&shared), shared.renewal.connected.clone()));
        let nats = Self { shared, _watchers: Arc::new(watchers) };
        let heard = async {
            nats.shared.known_places.heard().await;
            nats.shared.known_nodes.heard().await;
        };
        let heard = tokio::time::timeout(patience.left().max(REQUEST_TIME), heard).await;
        heard.map_err(|_| Error::Unavailable("NATS does not tell what the cluster has".to_owned()))?;
        Ok(nats)
    }

    /// What it runs on.
    pub fn found(&self) -> &Found {
        &self.shared.found
    }

    /// The stream of a meeting, and its subject there.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn stream_of(&self, meeting: &str) -> (&Stream, String) {
        self.shared.stream(meeting)
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn context(&self) -> &jetstream::Context {
        &self.shared.context
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Nats").field(self.found()).finish()
    }
}

#[cfg(test)]
mod tests;
