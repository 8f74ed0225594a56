//! The engine that all nodes of a cluster share.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hyper::Method;
use journal::{Credentials, Journal, Nats, NatsConfig, Places, Registry};
use service::admin::{self, NodeState};
use service::config::{Cluster, Config, Login};

use crate::ask::ask;

/// For a node of the same name to say that it lives.
const LIFE_TIME_MAX: Duration = Duration::from_secs(1);

/// Of routers in front of stock shards. A cluster of ours with the same name on the same engine is told apart by it.
const BESIDE: &str = "stock shards";

/// One connection, seen as the three things that it is.
pub(super) struct Engine {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) registry: Arc<dyn Registry>,
    pub(super) places: Arc<dyn Places>,
}

/// # Errors
/// It does not answer, refuses the login, or is no engine for us, or has a node of this name already: node, cluster and
/// engine are named.
pub(super) async fn connect(node: &str, config: &Config, cluster: &Cluster) -> anyhow::Result<Engine> {
    // Two installations that were given one engine by mistake differ in their domain.
    open(node, told(&config.xmpp.domain, cluster), cluster).await
}

/// For routers in front of stock shards, which keep no journal.
///
/// # Errors
/// As [`connect`].
pub(super) async fn connect_beside(node: &str, cluster: &Cluster) -> anyhow::Result<Engine> {
    let told = told(BESIDE, cluster);
    open(node, NatsConfig { streams: 1, ..told }, cluster).await
}

async fn open(node: &str, told: NatsConfig, cluster: &Cluster) -> anyhow::Result<Engine> {
    let nats = Nats::connect(&NatsConfig { node: node.to_owned(), ..told }).await;
    let urls = || cluster.journal.urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let nats =
        nats.with_context(|| format!("{node}: cluster {:?} on the engine {}", cluster.name, urls()))?;
    tracing::info!(node, cluster = cluster.name, found = ?nats.found(), "connected to the engine");
    alone(node, cluster, &nats).await?;
    let nats = Arc::new(nats);
    Ok(Engine { journal: nats.clone(), registry: nats.clone(), places: nats })
}

/// One of the same name that lives is somebody else: of a second cluster that was given the same name, or of a copied
/// configuration. A former life of this node does not answer any more.
async fn alone(node: &str, cluster: &Cluster, registry: &dyn Registry) -> anyhow::Result<()> {
    let other = registry.nodes().borrow().get(node).cloned();
    let Some((other, admin)) = other.and_then(|other| Some((other.pid, other.admin?))) else { return Ok(()) };
    let Ok(answer) = ask(admin, Method::GET, "/api/v1/nodes", LIFE_TIME_MAX).await else { return Ok(()) };
    let nodes: Vec<admin::Node> = serde_json::from_str(&answer.body).unwrap_or_default();
    let lives = |told: &admin::Node| told.id == node && told.pid == other && told.state != NodeState::Down;
    if nodes.iter().any(lives) {
        bail!(
            "{node}: the cluster {:?} has a node of this name already, which lives at {admin} (pid {other}); give this one \
             another name, or, if it is of another cluster, that one another cluster.name",
            cluster.name
        );
    }
    Ok(())
}

fn told(deployment: &str, cluster: &Cluster) -> NatsConfig {
    let journal = &cluster.journal;
    let mut told = NatsConfig::new("", &cluster.name, deployment);
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
    told.patience = journal.wait.unwrap_or(told.patience);
    told
}
