//! How many streams are resumed at a shard at a time, so that one that gets a dead one's meetings is not buried.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::RESUMES_AT_ONCE;

#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// by the id of the shard; those at which somebody resumes or waits
    shards: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// A resume may be under way while this lives.
#[derive(Debug)]
pub(super) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Pace {
    /// Waits for a turn at this shard; first come, first served.
    pub(super) async fn turn(&self, shard: &str) -> Turn {
        let semaphore = self.of(shard);
        // it is never closed
        Turn { _permit: semaphore.acquire_owned().await.ok() }
    }

    fn of(&self, shard: &str) -> Arc<Semaphore> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        // every turn, and everybody who waits for one, holds its semaphore
        shards.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        let semaphore =
            shards.entry(shard.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(RESUMES_AT_ONCE)));
        Arc::clone(semaphore)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn as_many_as_may_each_shard_for_itself() {
        let pace = Pace::default();
        let mut turns = Vec::new();
        for _ in 0..RESUMES_AT_ONCE {
            turns.push(pace.turn("a").await);
        }
        let soon = Duration::from_millis(1);
        assert!(timeout(soon, pace.turn("a")).await.is_err());
        assert!(timeout(soon, pace.turn("b")).await.is_ok());
        turns.pop();
        assert!(timeout(soon, pace.turn("a")).await.is_ok());
    }

    #[tokio::test]
    async fn shards_that_nobody_goes_to_are_forgotten() {
        let pace = Pace::default();
        for n in 0..100 {
            pace.turn(&n.to_string()).await;
        }
        assert!(pace.shards.lock().unwrap().len() <= 2);
    }
}
