//! What one entry brings along and leaves behind.

use std::collections::BTreeSet;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use crate::effect::{Close, Effect, Fact};
use crate::entry::{ConnId, Entry, Millis};
use crate::session::SessionId;

pub(crate) struct Turn {
    pub(crate) now: Millis,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) effects: Vec<Effect>,
    /// sessions over their limit; they end when the entry is done
    pub(crate) doomed: BTreeSet<SessionId>,
}

impl Turn {
    /// `now` is the later one of the entry's time and `clock`: time never runs backward.
    pub(crate) fn new(entry: &Entry, clock: Millis) -> Self {
        Self {
            now: entry.at.max(clock),
            rng: ChaCha20Rng::from_seed(entry.seed),
            effects: Vec::new(),
            doomed: BTreeSet::new(),
        }
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.effects.push(Effect::Fact(fact));
    }

    pub(crate) fn send(&mut self, conn: ConnId, text: String) {
        self.effects.push(Effect::Send { conn, text });
    }

    pub(crate) fn close(&mut self, conn: ConnId, how: Close) {
        self.effects.push(Effect::Close { conn, how });
    }
}
