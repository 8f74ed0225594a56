//! What has to be known of an engine to use it.

use std::path::PathBuf;

use super::subject::is_token;
use crate::Error;
use crate::limits::STREAMS_MAX;

/// See the fields; [`NatsConfig::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// `nats://HOST:PORT` or `tls://...`; any server of the engine, better several
    pub urls: Vec<String>,
    pub credentials: Credentials,
    /// certificate authorities beside those of the system, PEM
    pub tls_ca: Option<PathBuf>,
    /// letters, digits, `-` and `_`, up to 32: clusters of several names share an engine
    pub cluster: String,
    /// Something that only this deployment has, such as its XMPP domain. Two deployments with the same cluster name on
    /// one engine are told apart by it.
    pub deployment: String,
    /// copies of everything; unless given 3 where servers form a cluster, else 1
    pub replicas: Option<usize>,
    /// Streams that meetings are spread over; what the first node of a cluster says holds for all.
    pub streams: u16,
}

#[derive(Clone, Debug, Default)]
pub enum Credentials {
    #[default]
    None,
    Password {
        user: String,
        password: String,
    },
    Token(String),
    /// a `.creds` file: JWT and NKey
    File(PathBuf),
}

impl NatsConfig {
    pub fn new(url: &str, cluster: &str, deployment: &str) -> Self {
        Self {
            urls: vec![url.to_owned()],
            credentials: Credentials::None,
            tls_ca: None,
            cluster: cluster.to_owned(),
            deployment: deployment.to_owned(),
            replicas: None,
            streams: 16,
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let unusable = |why: String| Err(Error::Unusable(why));
        if !is_token(&self.cluster) {
            let name = &self.cluster;
            return unusable(format!(
                "the cluster's name {name:?} may have letters, digits, - and _, up to 32"
            ));
        }
        if !(1..=STREAMS_MAX).contains(&self.streams) {
            return unusable(format!("1 to {STREAMS_MAX} streams are possible, not {}", self.streams));
        }
        if let Some(replicas @ (0 | 6..)) = self.replicas {
            return unusable(format!("1 to 5 replicas are possible, not {replicas}"));
        }
        Ok(())
    }
}
