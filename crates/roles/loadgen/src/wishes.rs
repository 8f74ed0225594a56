//! What somebody wants of a run, by signals.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Heard from now on, and not before.
pub(crate) struct Wishes {
    /// SIGUSR1
    pub(crate) roll: Signal,
    pub(crate) end: Ends,
}

pub(crate) struct Ends {
    /// SIGINT
    in_order: Signal,
    /// SIGTERM
    at_once: Signal,
}

impl Wishes {
    pub(crate) fn hear() -> std::io::Result<Self> {
        let [roll, in_order, at_once] =
            [SignalKind::user_defined1(), SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        Ok(Self { roll: roll?, end: Ends { in_order: in_order?, at_once: at_once? } })
    }
}

impl Ends {
    /// How urgently: as many times as if it were asked for in order.
    pub(crate) async fn wanted(&mut self) -> u32 {
        tokio::select! {
            Some(()) = self.in_order.recv() => 1,
            Some(()) = self.at_once.recv() => 2,
            else => std::future::pending().await,
        }
    }
}
