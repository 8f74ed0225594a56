//! What the parts of a running bridge share.

use std::collections::BTreeMap;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::media::Doors;
use crate::signalling::Signalling;
use crate::vitals::Vitals;

#[derive(Debug)]
pub(crate) struct Bridge {
    config: Config,
    doors: Doors,
    /// by the shards' names
    signalling: watch::Sender<BTreeMap<String, Signalling>>,
    draining: watch::Sender<bool>,
    vitals: watch::Sender<Vitals>,
    stop: CancellationToken,
}

impl Bridge {
    pub(crate) fn new(config: Config, doors: Doors) -> Self {
        Self {
            config,
            doors,
            signalling: watch::Sender::default(),
            draining: watch::Sender::default(),
            vitals: watch::Sender::default(),
            stop: CancellationToken::new(),
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn doors(&self) -> &Doors {
        &self.doors
    }

    /// Cancelled when the bridge ends.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// How far it is with a shard.
    pub(crate) fn note(&self, shard: &str, state: Signalling) {
        self.signalling.send_if_modified(|known| known.insert(shard.to_owned(), state) != Some(state));
    }

    /// The shard is not tried any more.
    pub(crate) fn forget(&self, shard: &str) {
        self.signalling.send_if_modified(|known| known.remove(shard).is_some());
    }

    pub(crate) fn signalling(&self) -> watch::Receiver<BTreeMap<String, Signalling>> {
        self.signalling.subscribe()
    }

    /// How many shards' breweries it is in.
    pub(crate) fn shards_entered(&self) -> usize {
        self.signalling.borrow().values().filter(|state| **state == Signalling::Entered).count()
    }

    pub(crate) fn drain(&self, draining: bool) {
        self.draining.send_if_modified(|known| std::mem::replace(known, draining) != draining);
    }

    pub(crate) fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    pub(crate) fn observe(&self, vitals: Vitals) {
        self.vitals.send_replace(vitals);
    }

    pub(crate) fn vitals(&self) -> Vitals {
        *self.vitals.borrow()
    }
}
