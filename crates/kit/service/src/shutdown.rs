//! The end of the process: one signal, seen by everybody who waits for it.

use anyhow::Context as _;
use tokio::sync::watch;

/// Clones share the signal. Once triggered it stays so.
#[derive(Clone, Debug)]
pub struct Shutdown {
    triggered: watch::Sender<bool>,
}

impl Shutdown {
    pub fn new() -> Self {
        Self { triggered: watch::Sender::new(false) }
    }

    /// A signal that Ctrl-C and SIGTERM trigger. A second one ends the process at once, for the operator who has
    /// waited long enough. Needs a tokio runtime with I/O.
    ///
    /// # Errors
    /// The kernel refused the signal handlers.
    pub fn on_signals() -> anyhow::Result<Self> {
        let (shutdown, hurry) = Self::twice_on_signals()?;
        tokio::spawn(async move {
            hurry.wait().await;
            std::process::exit(130);
        });
        Ok(shutdown)
    }

    /// Like [`Shutdown::on_signals`], but the second signal is handed out too: for a process that must not go before
    /// its children.
    ///
    /// # Errors
    /// The kernel refused the signal handlers.
    pub fn twice_on_signals() -> anyhow::Result<(Self, Self)> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let (first, second) = (Self::new(), Self::new());
        let theirs = [first.clone(), second.clone()];
        tokio::spawn(async move {
            for shutdown in theirs {
                let name = tokio::select! {
                    _ = interrupt.recv() => "interrupt",
                    _ = terminate.recv() => "SIGTERM",
                };
                tracing::info!(signal = name, "ending");
                shutdown.trigger();
            }
        });
        Ok((first, second))
    }

    pub fn trigger(&self) {
        self.triggered.send_replace(true);
    }

    pub fn is_triggered(&self) -> bool {
        *self.triggered.borrow()
    }

    /// Resolves when the signal is triggered; at once if it already was. Safe to drop and to call again.
    pub async fn wait(&self) {
        let mut seen = self.triggered.subscribe();
        seen.wait_for(|triggered| *triggered).await.expect("the sender lives in self");
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_trigger_wakes_every_clone() {
        let shutdown = Shutdown::new();
        let waiting =
            [shutdown.clone(), shutdown.clone()].map(|s| tokio::spawn(async move { s.wait().await }));
        assert!(!shutdown.is_triggered());

        shutdown.trigger();
        for task in waiting {
            task.await.unwrap();
        }
        assert!(shutdown.is_triggered());
    }

    #[tokio::test]
    async fn who_comes_late_does_not_wait() {
        let shutdown = Shutdown::new();
        shutdown.trigger();
        shutdown.wait().await;
        shutdown.clone().wait().await;
    }
}
