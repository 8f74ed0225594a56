//! The engine that all nodes of a cluster share.

use std::sync::Arc;

use anyhow::Context as _;
use journal::{Credentials, Journal, Nats, NatsConfig, Places, Registry};
use service::config::{Cluster, Config, Login};

/// One connection, seen as the three things that it is.
pub(super) struct Engine {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) registry: Arc<dyn Registry>,
    pub(super) places: Arc<dyn Places>,
}

/// # Errors
/// It does not answer, refuses the login, or is no engine for us: the cluster and the engine are named.
pub(super) async fn connect(config: &Config, cluster: &Cluster) -> anyhow::Result<Engine> {
    let nats = Nats::connect(&told(config, cluster)).await;
    let urls = || cluster.journal.urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let nats = nats.with_context(|| format!("cluster {:?} on the engine {}", cluster.name, urls()))?;
    tracing::info!(cluster = cluster.name, found = ?nats.found(), "connected to the engine");
    let nats = Arc::new(nats);
    Ok(Engine { journal: nats.clone(), registry: nats.clone(), places: nats })
}

fn told(config: &Config, cluster: &Cluster) -> NatsConfig {
    let journal = &cluster.journal;
    // Two installations that were given one engine by mistake differ in their domain.
    let mut told = NatsConfig::new("", &cluster.name, &config.xmpp.domain);
    told.urls = journal.urls.iter().map(|url| url.0.clone()).collect();
    told.credentials = match journal.login.clone() {
        Login::None => Credentials::None,
        Login::Password { user, password } => Credentials::Password { user, password },
        Login::Token(token) => Credentials::Token(token),
        Login::Credentials(path) => Credentials::File(path),
    };
    told.tls_ca.clone_from(&journal.tls_ca);
    told.replicas = journal.replicas;
    told.streams = journal.streams.unwrap_or(told.streams);
    told
}
