//! What has to be known of an engine to use it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::subject::is_token;
use crate::Error;
use crate::limits::{START_TIME, STREAMS_MAX};

/// See the fields; [`NatsConfig::new`] has the defaults.
#[derive(Clone)]
pub struct NatsConfig {
    /// who connects, e.g. `shard-1`: NATS tells it of the connection, and our log with what happens to it
    pub node: String,
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
    /// how long a start waits for an engine that is not there, or has no leaders
    pub patience: Duration,
}

#[derive(Clone, Default)]
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

/// Without what is secret.
impl fmt::Debug for NatsConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (&self.cluster, self.shown());
        formatter.debug_tuple("NatsConfig").field(&shown).finish()
    }
}

/// Without what is secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Password { .. } => "Password",
            Self::Token(_) => "Token",
            Self::File(_) => "File",
        })
    }
}

impl NatsConfig {
    pub fn new(url: &str, cluster: &str, deployment: &str) -> Self {
        Self {
            node: String::new(),
            urls: vec![url.to_owned()],
            credentials: Credentials::None,
            tls_ca: None,
            cluster: cluster.to_owned(),
            deployment: deployment.to_owned(),
            replicas: None,
            streams: 16,
            patience: START_TIME,
        }
    }

    /// The addresses, for people: a login that one of them holds is not shown.
    pub(super) fn shown(&self) -> String {
        let shown = self.urls.iter().map(|url| match url.split_once("://") {
            Some((scheme, rest)) => match rest.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://...@{host}"),
                None => url.clone(),
            },
            None => "...".to_owned(),
        });
        shown.collect::<Vec<_>>().join(", ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let urls =
            ["nats://u:hunter2@a:4222", "tls://hunter2@b", "nats://c:4222", "hunter2"].map(str::to_owned);
        let credentials = Credentials::Token("hunter2".to_owned());
        let config = NatsConfig { urls: urls.into(), credentials, ..NatsConfig::new("", "test", "x") };
        assert_eq!(config.shown(), "nats://...@a:4222, tls://...@b, nats://c:4222, ...");
        assert_eq!(format!("{:?}", config.credentials), "Token");
    }
}
