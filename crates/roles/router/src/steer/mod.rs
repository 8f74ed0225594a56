//! Which shard has a meeting, and which bridge has a name.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Upstreams;

/// Clones share what is known.
#[derive(Clone, Debug)]
pub(crate) struct Steer {
    inner: Arc<Fixed>,
}

/// The shard that a meeting has now.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) id: String,
    /// HTTP
    pub(crate) address: SocketAddr,
    /// cancelled when the shard is declared down or the meeting has its place elsewhere: the socket is to be dropped
    pub(crate) cut: CancellationToken,
}

/// Why there is none, after waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoShard {
    #[error("no shard is ready to take the meeting")]
    Nobody,
}

#[derive(Debug)]
struct Fixed {
    shard: SocketAddr,
    bridges: BTreeMap<String, SocketAddr>,
}

impl Steer {
    pub(crate) fn new(upstreams: Upstreams) -> Self {
        match upstreams {
            Upstreams::Fixed { shard, bridges } => Self { inner: Arc::new(Fixed { shard, bridges }) },
        }
    }

    /// The shard of `meeting` (`ROOM` or `[TENANT]ROOM`); placed if it has none. Waits for one at most `patience`.
    #[expect(clippy::unused_async, reason = "a single shard needs no waiting")]
    pub(crate) async fn shard(&self, _meeting: &str, _patience: Duration) -> Result<Target, NoShard> {
        Ok(Target {
            id: "shard".to_owned(),
            address: self.inner.shard,
            cut: CancellationToken::new(),
        })
    }

    /// It broke or refused: its health is looked at again.
    #[expect(clippy::unused_self, reason = "there is no other shard")]
    pub(crate) fn doubt(&self, _target: &Target) {}

    /// HTTP of the bridge with this id.
    pub(crate) fn bridge(&self, id: &str) -> Option<SocketAddr> {
        self.inner.bridges.get(id).copied()
    }
}
