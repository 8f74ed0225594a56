//! What happened becomes durable and is applied; what comes of it is obeyed.

use std::panic::AssertUnwindSafe;

use journal::Error;
use meeting::{Effect, Entry, Input, Meeting, Millis};
use service::clock::Clock;

use super::{End, Owner};
use crate::seed::seed;

impl Owner {
    /// Takes what happened. It is applied and obeyed once it is durable, or at once while the meeting is unprotected.
    pub(super) fn commit(&mut self, mut inputs: Vec<Input>) -> Result<(), End> {
        if !self.begun && (!inputs.is_empty() || !self.fresh) {
            let settings = self.shard.config.settings.clone();
            inputs.insert(0, Input::Owner { shard: self.shard.config.name.clone(), settings });
            self.begun = true;
        }
        if inputs.is_empty() {
            return Ok(());
        }
        self.last_active = Clock.now();
        let at = self.now();
        let entries = inputs.into_iter().map(|input| Entry { at, seed: seed(), input }).collect();
        let due = self.tenure.offer(entries);
        self.apply(&due)?;
        self.append();
        Ok(())
    }

    /// The meeting is ours when this returns.
    pub(super) async fn claim(&mut self) -> Result<(), End> {
        self.commit(Vec::new())?;
        self.flush().await
    }

    /// Waits until everything is durable.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        while !self.tenure.is_clean() {
            let appended = self.books.appended().await;
            self.handle_appended(appended)?;
        }
        Ok(())
    }

    /// Waits for the engine, and for nothing else. Nobody goes on unprotected with what is not his yet.
    pub(super) async fn await_engine(&mut self) -> Result<(), End> {
        let stall = self.tenure.stalls_at().filter(|_| self.owns).map(|at| self.time.instant(at));
        let stalls = async {
            match stall {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            appended = self.books.appended() => self.handle_appended(appended),
            () = stalls => self.handle_stall(),
        }
    }

    /// So many entries are durable.
    pub(super) fn handle_appended(&mut self, appended: Result<u64, Error>) -> Result<(), End> {
        let count = match appended {
            Ok(count) => count,
            Err(Error::Lost { .. }) if self.owns => return self.restore(),
            Err(error) => {
                tracing::warn!(%error, "an append was refused");
                let fenced = matches!(error, Error::WrongPosition { .. } | Error::Lost { .. });
                return Err(if fenced { End::Fenced } else { End::Broken });
            }
        };
        self.owns = true;
        self.shard.counts.entries_appended.inc_by(count);
        let due = self.tenure.handle_appended();
        self.apply(&due)?;
        let was_unprotected = self.tenure.is_unprotected();
        let released = self.tenure.release();
        if was_unprotected && !self.tenure.is_unprotected() {
            self.tell_unprotected(false);
        }
        released.into_iter().for_each(|effect| self.obey(effect));
        self.append();
        Ok(())
    }

    /// The engine has lost what it had of the meeting. Here everything of it is known: it is written down anew.
    fn restore(&mut self) -> Result<(), End> {
        tracing::error!("the engine has lost the journal of the meeting: it is written down anew");
        if !self.tenure.is_unprotected() {
            self.tell_unprotected(true);
        }
        let due = self.tenure.handle_lost();
        self.apply(&due)?;
        self.books.restore(self.machine.snapshot(), self.tenure.appending() as u64);
        Ok(())
    }

    fn handle_stall(&mut self) -> Result<(), End> {
        let due = self.tenure.handle_stall(self.now());
        if self.tenure.is_unprotected() {
            self.tell_unprotected(true);
        }
        self.apply(&due)
    }

    fn tell_unprotected(&self, unprotected: bool) {
        self.shard.meetings.unprotected(&self.room, self.number, unprotected);
        if unprotected {
            self.shard.counts.meetings_unprotected.inc();
            tracing::warn!("the journal does not answer: the meeting goes on unprotected");
        } else {
            self.shard.counts.meetings_unprotected.dec();
            tracing::warn!("the journal has caught up: the meeting is protected again");
        }
    }

    fn append(&mut self) {
        if let Some(records) = self.tenure.to_append(self.now()) {
            self.books.begin(records);
        }
    }

    fn apply(&mut self, entries: &[Entry]) -> Result<(), End> {
        for entry in entries {
            let effects = apply(&mut self.machine, entry).map_err(|why| {
                tracing::error!(why, "a meeting is given up: its participants join a new one");
                End::Broken
            })?;
            for effect in effects {
                if let Some(effect) = self.tenure.pass(effect) {
                    self.obey(effect);
                }
            }
        }
        Ok(())
    }

    /// The time of the meeting.
    pub(super) fn now(&self) -> Millis {
        self.time.millis(Clock.now())
    }
}

/// A fault of the machine costs one meeting, not the shard.
pub(super) fn apply(machine: &mut Meeting, entry: &Entry) -> Result<Vec<Effect>, &'static str> {
    std::panic::catch_unwind(AssertUnwindSafe(|| machine.apply(entry))).map_err(|_| "its machine has failed")
}
