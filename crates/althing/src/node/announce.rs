//! What a node says of itself in the registry, again and again.

use std::sync::Arc;
use std::time::Duration;

use journal::{Node, Registry};
use tokio::task::JoinHandle;

const INTERVAL: Duration = Duration::from_secs(2);

/// For the engine to take the farewell.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(1);

/// The announcements of a node; they stop when this is dropped.
pub(super) struct Announced {
    registry: Arc<dyn Registry>,
    id: String,
    task: JoinHandle<()>,
}

/// Announces at once, and every two seconds; an engine that is away is told when it is back.
pub(super) fn announce(
    registry: Arc<dyn Registry>,
    id: &str,
    node: impl Fn() -> Node + Send + 'static,
) -> Announced {
    let theirs = Arc::clone(&registry);
    let task = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            if let Err(error) = theirs.announce(node()).await {
                tracing::warn!(%error, "this node could not be announced");
            }
        }
    });
    Announced { registry, id: id.to_owned(), task }
}

impl Announced {
    /// The node leaves as planned.
    pub(super) async fn withdraw(self) {
        self.task.abort();
        let farewell = self.registry.withdraw(&self.id);
        if !matches!(tokio::time::timeout(FAREWELL_TIME_MAX, farewell).await, Ok(Ok(()))) {
            tracing::warn!("this node could not take its leave; the others will find it gone");
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.task.abort();
    }
}
