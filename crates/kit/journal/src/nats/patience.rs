//! How long an engine that is not ready is waited for.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Error;
use crate::limits::{CONNECT_PAUSE, WAIT_WORD_INTERVAL};

pub(super) struct Patience {
    node: String,
    ends: Instant,
    /// when it is next said that somebody waits
    next_word: Mutex<Instant>,
}

impl Patience {
    pub(super) fn new(node: &str, time: Duration) -> Self {
        let began = Instant::now();
        Self { node: node.to_owned(), ends: began + time, next_word: Mutex::new(began) }
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Returns when it is time to try again what failed with `error`.
    ///
    /// # Errors
    /// `error`, where trying again does not help or patience is at its end.
    pub(super) async fn after(&self, error: Error) -> Result<(), Error> {
        if !error.is_transient() || self.left().is_zero() {
            return Err(error);
        }
        self.say(&error);
        sleep(CONNECT_PAUSE).await;
        Ok(())
    }

    fn say(&self, error: &Error) {
        let now = Instant::now();
        let mut next = self.next_word.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= *next {
            *next = now + WAIT_WORD_INTERVAL;
            let (node, left) = (&self.node, self.left().as_secs());
            tracing::warn!(node, %error, "the engine is not ready; it is tried again, {left} s more");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_last_error() {
        let away = || Error::Unavailable("away".to_owned());
        let patience = Patience::new("shard-1", Duration::from_secs(10));
        let mut tries = 0;
        let error = loop {
            match patience.after(away()).await {
                Ok(()) => tries += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((tries, error.to_string()), (100, away().to_string()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_time_mends_is_not_waited_for() {
        let patience = Patience::new("shard-1", Duration::from_secs(10));
        let began = Instant::now();
        assert!(patience.after(Error::Unusable("a wrong login".to_owned())).await.is_err());
        assert_eq!(began, Instant::now());
    }
}
