//! Room for sockets: the usual soft limit of 1024 open files is used up by 300 participants.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A client's socket, the router's to the shard, and the shard's.
const FILES_PER_CONNECTION: u64 = 3;

/// The journal, the listeners, the media sockets, the bridge's, and a margin.
const FILES_OF_OUR_OWN: u64 = 256;

/// Raises the soft limit of open files to the hard one, and says so where that is not enough for `connections`.
pub(crate) fn raise(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let have = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let need = u64::try_from(connections).unwrap_or(u64::MAX).saturating_mul(FILES_PER_CONNECTION)
        + FILES_OF_OUR_OWN;
    if let Some(have) = have.filter(|&have| have < need) {
        tracing::warn!(
            have,
            need,
            "fewer open files are allowed than limits.connections may need; raise \"ulimit -Hn\" or lower the limit"
        );
    }
}
