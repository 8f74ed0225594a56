//! Between a meeting and its journal: which entries may be applied, which effects obeyed.
//!
//! As long as the engine is well, an entry is applied when it is durable, and nothing else is taken meanwhile. When an
//! append takes longer than [`STALL_MS`], the meeting is *unprotected*: it goes on, entries are applied as they come
//! and are written down behind it, in order. What would be a promise is withheld until the journal has caught up:
//!
//! - acknowledgements (XEP-0198), so that a client sends again what was lost with this owner; whoever takes a stream up
//!   meanwhile waits for the answer, which is an acknowledgement, or a refusal that nothing durable may stand behind;
//! - new streams: who comes meanwhile waits for a resource, and for a token, that the next owner would not know;
//! - requests that make a bridge expire something, and what is asked of that bridge after them.
//!
//! What waits for the engine is bounded ([`STALL_MS_MAX`], [`WAITING_ENTRIES_MAX`], [`WAITING_BYTES_MAX`]). Beyond that
//! nothing more is taken, and the meeting waits; an outage never ends it. Whoever is fenced meanwhile lets go of it all:
//! nothing that was withheld is obeyed.
//!
//! A pure machine. The owner calls [`Tenure::offer`] with entries, writes what [`Tenure::to_append`] gives, and tells how
//! that went; entries that come back are to be applied at once, in this order, and every effect goes through
//! [`Tenure::pass`].

mod withheld;

use std::collections::VecDeque;

use crate::effect::Effect;
use crate::entry::{Entry, Millis};
use withheld::Withheld;

/// An append that takes longer makes the meeting unprotected.
pub const STALL_MS: Millis = 500;

/// So long an unprotected meeting takes more. JetStream was seen to take 4 to 19 s for an election.
pub const STALL_MS_MAX: Millis = 30_000;

/// Entries that wait for the engine.
pub const WAITING_ENTRIES_MAX: usize = 10_000;

/// Bytes of them.
pub const WAITING_BYTES_MAX: usize = 16 << 20;

/// Bytes of one append, or one entry.
const APPEND_BYTES_MAX: usize = 1 << 20;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Tenure {
    /// what is not durable yet, oldest first
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// so many of them are being appended
    appending: usize,
    /// since when
    since: Millis,
    /// since when the meeting is unprotected
    unprotected: Option<Millis>,
    withheld: Withheld,
}

#[derive(Debug)]
struct Waiting {
    record: Vec<u8>,
    /// `None`: applied already
    entry: Option<Entry>,
}

impl Tenure {
    /// Takes entries; gives back those that are to be applied at once.
    pub fn offer(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let records = entries.iter().map(Entry::to_bytes);
        self.bytes += records.clone().map(|record| record.len()).sum::<usize>();
        let unprotected = self.unprotected.is_some();
        if unprotected {
            entries.iter().for_each(|entry| self.withheld.watch(&entry.input));
        }
        let waiting = records.zip(&entries);
        let waiting =
            waiting.map(|(record, entry)| Waiting { record, entry: (!unprotected).then(|| entry.clone()) });
        self.waiting.extend(waiting);
        if unprotected { entries } else { Vec::new() }
    }

    /// What is to be appended now; `None` where an append is under way, or nothing waits.
    pub fn to_append(&mut self, now: Millis) -> Option<Vec<Vec<u8>>> {
        if self.appending > 0 || self.waiting.is_empty() {
            return None;
        }
        let mut bytes = 0;
        let fitting = self.waiting.iter().take_while(|waiting| {
            bytes += waiting.record.len();
            bytes <= APPEND_BYTES_MAX
        });
        self.appending = fitting.count().max(1);
        self.since = now;
        Some(self.waiting.iter().take(self.appending).map(|waiting| waiting.record.clone()).collect())
    }

    /// The append is durable; gives back what is to be applied.
    pub fn handle_appended(&mut self) -> Vec<Entry> {
        let durable: Vec<Waiting> = self.waiting.drain(..self.appending).collect();
        self.appending = 0;
        self.bytes -= durable.iter().map(|waiting| waiting.record.len()).sum::<usize>();
        durable.into_iter().filter_map(|waiting| waiting.entry).collect()
    }

    /// When [`Tenure::handle_stall`] is to be called, if nothing else happens before.
    pub fn stalls_at(&self) -> Option<Millis> {
        (self.appending > 0 && self.unprotected.is_none()).then(|| self.since.saturating_add(STALL_MS))
    }

    /// The append takes too long; gives back what is to be applied without it.
    pub fn handle_stall(&mut self, now: Millis) -> Vec<Entry> {
        if self.stalls_at().is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.unprotected = Some(self.since);
        self.take_up()
    }

    /// The engine has lost the whole journal, so that the append cannot succeed. Gives back what is to be applied; after
    /// that the state of the meeting, which stands for what was written and for the [`Tenure::appending`] entries that
    /// wait, is to be written instead. It is unprotected so long.
    pub fn handle_lost(&mut self) -> Vec<Entry> {
        self.unprotected.get_or_insert(self.since);
        self.appending = self.waiting.len();
        self.take_up()
    }

    /// What is applied without being durable.
    fn take_up(&mut self) -> Vec<Entry> {
        let due: Vec<Entry> = self.waiting.iter_mut().filter_map(|waiting| waiting.entry.take()).collect();
        due.iter().for_each(|entry| self.withheld.watch(&entry.input));
        due
    }

    /// So many entries are being written down.
    pub fn appending(&self) -> usize {
        self.appending
    }

    /// Everything is durable again: what was withheld may be obeyed, in this order.
    pub fn release(&mut self) -> Vec<Effect> {
        if !self.is_clean() || self.unprotected.take().is_none() {
            return Vec::new();
        }
        self.withheld.release()
    }

    /// The effect, if it may be obeyed now; otherwise it is withheld.
    pub fn pass(&mut self, effect: Effect) -> Option<Effect> {
        match self.unprotected {
            None => Some(effect),
            Some(_) => self.withheld.pass(effect),
        }
    }

    /// Whether more entries may be offered.
    pub fn is_open(&self, now: Millis) -> bool {
        match self.unprotected {
            None => self.appending == 0,
            Some(since) => {
                now < since.saturating_add(STALL_MS_MAX)
                    && self.waiting.len() < WAITING_ENTRIES_MAX
                    && self.bytes < WAITING_BYTES_MAX
            }
        }
    }

    /// Nothing waits for the engine.
    pub fn is_clean(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn is_unprotected(&self) -> bool {
        self.unprotected.is_some()
    }
}

#[cfg(test)]
mod tests;
