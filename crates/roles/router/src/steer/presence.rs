//! This router, as it announces itself to the cluster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use journal::{Node, Role};
use service::clock::Clock;
use service::shutdown::Shutdown;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::Cluster;
use crate::limits::{ANNOUNCED_EVERY, ENGINE_TIME_MAX};

/// Whether this router still takes clients. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presence {
    is_draining: Arc<AtomicBool>,
    changed: Arc<Notify>,
}

impl Presence {
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Says every few seconds that it is there, until the end; then that it leaves. `load` is asked each time: that,
    /// and how many sockets of clients there are.
    pub(crate) async fn announce(
        self,
        cluster: Cluster,
        http: SocketAddr,
        shutdown: Shutdown,
        load: impl Fn() -> (f64, usize),
    ) {
        let started = Clock.millis();
        loop {
            let (load, participants) = load();
            let node = Node {
                id: cluster.id.clone(),
                role: Role::Router,
                pid: std::process::id(),
                region: cluster.region.clone(),
                draining: self.is_draining(),
                http: Some(http),
                xmpp: None,
                media: None,
                admin: cluster.admin,
                load,
                meetings: 0,
                participants,
                started,
            };
            if let Ok(Err(error)) = timeout(ENGINE_TIME_MAX, cluster.registry.announce(node)).await {
                tracing::debug!(%error, "not announced");
            }
            tokio::select! {
                () = tokio::time::sleep(ANNOUNCED_EVERY) => {}
                () = self.changed.notified() => {}
                () = shutdown.wait() => break,
            }
        }
        let _ = timeout(ENGINE_TIME_MAX, cluster.registry.withdraw(&cluster.id)).await;
    }
}
