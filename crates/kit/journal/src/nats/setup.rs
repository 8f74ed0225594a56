//! The first words with the engine: login, what it is, and the streams of the cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType, Stream};
use async_nats::jetstream::{self, ContextBuilder, ErrorCode};
use async_nats::{Client, ConnectOptions, Event, ServerError};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::config::{Credentials, NatsConfig};
use super::faults::{answered, refused, unavailable};
use super::patience::Patience;
use super::renewal::Renewal;
use super::subject::Names;
use super::{Shared, places, registry};
use crate::Error;
use crate::limits::{
    ACK_TIME, ASIDE_BYTES_MAX, CONNECT_PAUSE, DUPLICATES_TIME, MESSAGE_BYTES_MAX, RECONNECT_PAUSE_MAX,
    REQUEST_TIME,
};

/// What an engine turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// of the server that answered first
    pub version: String,
    /// name of the servers' cluster; `None`: one server alone
    pub servers: Option<String>,
    /// copies of everything
    pub replicas: usize,
    /// that meetings are spread over
    pub streams: u16,
}

/// What the first node of a cluster wrote down for all others.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Charter {
    deployment: String,
    streams: u16,
}

pub(super) async fn open(config: &NatsConfig, patience: &Patience) -> Result<Shared, Error> {
    config.check()?;
    let connected = Arc::new(Notify::new());
    let client = connect(config, patience, &connected).await?;
    let info = client.server_info();
    let max_payload = info.max_payload;
    if max_payload < MESSAGE_BYTES_MAX {
        let text = format!("max_payload is {max_payload} bytes; set it to {MESSAGE_BYTES_MAX} or more");
        return Err(Error::Unusable(text));
    }
    let context = ContextBuilder::new().timeout(REQUEST_TIME).ack_timeout(ACK_TIME).build(client);
    let names = Names::new(&config.cluster);
    let replicas = config.replicas.unwrap_or(if info.cluster.is_some() { 3 } else { 1 });
    let plan = Plan { context: &context, names: &names, replicas, patience };
    let Streams { count: streams, journals, places, nodes, aside } = plan.all(config).await?;
    // streams that were there keep what they have
    let replicas = places.cached_info().config.num_replicas;
    let found = Found { version: info.version, servers: info.cluster, replicas, streams };
    tracing::info!(
        version = found.version,
        servers = found.servers.as_deref().unwrap_or("one alone"),
        replicas,
        streams,
        cluster = config.cluster,
        "the engine is NATS JetStream"
    );
    Ok(Shared {
        config: config.clone(),
        context,
        names,
        found,
        renewal: Renewal::new(connected, &places),
        journals,
        places,
        nodes,
        aside,
        heads: Mutex::new(BTreeMap::new()),
        known_places: places::Known::default(),
        known_nodes: registry::Known::default(),
    })
}

async fn connect(config: &NatsConfig, patience: &Patience, connected: &Arc<Notify>) -> Result<Client, Error> {
    let urls = config.shown();
    loop {
        let options = options(config, Arc::clone(connected)).await?;
        match options.connect(config.urls.as_slice()).await {
            Ok(client) => return Ok(client),
            Err(error) => patience.after(refused(&urls, &error)).await?,
        }
    }
}

/// `connected` is told of every connection that stands.
async fn options(config: &NatsConfig, connected: Arc<Notify>) -> Result<ConnectOptions, Error> {
    let node = config.node.clone();
    let options = ConnectOptions::new()
        .name(format!("althing {node}").trim_end())
        .event_callback(move |event| {
            tell(&node, &event);
            if matches!(event, Event::Connected) {
                connected.notify_one();
            }
            std::future::ready(())
        })
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(Duration::from_secs(2))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempt| {
            let pause = CONNECT_PAUSE * u32::try_from(attempt).unwrap_or(u32::MAX).min(1000);
            pause.min(RECONNECT_PAUSE_MAX)
        });
    let options = match &config.tls_ca {
        Some(path) => options.add_root_certificates(path.clone()).require_tls(true),
        None => options,
    };
    Ok(match &config.credentials {
        Credentials::None => options,
        Credentials::Password { user, password } => options.user_and_password(user.clone(), password.clone()),
        Credentials::Token(token) => options.token(token.clone()),
        Credentials::File(path) => options.credentials_file(path).await.map_err(|error| {
            Error::Unusable(format!("the credentials in {} cannot be read: {error}", path.display()))
        })?,
    })
}

/// Whoever looks for the reason of an outage finds it in the log of each node. The events hold no login.
fn tell(node: &str, event: &Event) {
    match event {
        Event::Connected => tracing::info!(node, "the connection to the engine stands"),
        Event::Disconnected => tracing::warn!(node, "the connection to the engine broke; it is tried again"),
        Event::ServerError(ServerError::AuthorizationViolation) => {
            tracing::error!(node, "the engine refuses the login; check its user, password or token");
        }
        other => tracing::warn!(node, event = %other, "the engine's connection"),
    }
}

/// Streams as they should be.
pub(super) struct Plan<'a> {
    pub(super) context: &'a jetstream::Context,
    pub(super) names: &'a Names,
    pub(super) replicas: usize,
    pub(super) patience: &'a Patience,
}

/// The streams of a cluster, as they are.
pub(super) struct Streams {
    /// of the journals
    pub(super) count: u16,
    journals: Vec<Stream>,
    pub(super) places: Stream,
    nodes: Stream,
    aside: Stream,
}

impl Plan<'_> {
    /// Those that are missing are made; the places after the journals.
    pub(super) async fn all(&self, config: &NatsConfig) -> Result<Streams, Error> {
        let count = self.charter(config).await?.streams;
        let journals = try_join_all((0..count).map(|number| self.journal(number))).await?;
        let (places, nodes, aside) =
            tokio::try_join!(self.latest("places"), self.latest("nodes"), self.aside())?;
        Ok(Streams { count, journals, places, nodes, aside })
    }

    async fn journal(&self, number: u16) -> Result<Stream, Error> {
        let (name, subjects) = (self.names.journal_stream(number), self.names.journal_subjects(number));
        // a limit that an operator sets shall refuse the new, not take the old away
        let discard = DiscardPolicy::New;
        let config =
            Config { name, subjects: vec![subjects], discard, allow_rollup: true, ..Config::default() };
        let stream = self.stream(config).await?;
        if stream.cached_info().config.allow_rollup {
            return Ok(stream);
        }
        // one that an earlier version made
        let config = Config { allow_rollup: true, ..stream.cached_info().config.clone() };
        self.context.update_stream(&config).await.map_err(unavailable)?;
        Ok(stream)
    }

    /// One message a subject.
    async fn latest(&self, kind: &str) -> Result<Stream, Error> {
        let (name, subjects) = (self.names.stream(kind), vec![self.names.subjects(kind)]);
        self.stream(Config { name, subjects, max_messages_per_subject: 1, ..Config::default() }).await
    }

    async fn aside(&self) -> Result<Stream, Error> {
        let (name, subjects) = (self.names.stream("aside"), vec![self.names.subjects("aside")]);
        let max_bytes = ASIDE_BYTES_MAX;
        self.stream(Config { name, subjects, max_bytes, discard: DiscardPolicy::Old, ..Config::default() })
            .await
    }

    /// Writes it down, or reads what was written.
    async fn charter(&self, config: &NatsConfig) -> Result<Charter, Error> {
        let stream = self.latest("cluster").await?;
        let ours = Charter { deployment: config.deployment.clone(), streams: config.streams };
        let text = serde_json::to_vec(&ours).map_err(unavailable)?;
        let written = loop {
            match self.propose(&stream, text.clone()).await {
                Ok(written) => break written,
                // a stream that is new has no leader for a moment
                Err(error) => self.patience.after(error).await?,
            }
        };
        let written: Charter = serde_json::from_slice(&written).map_err(|_| {
            Error::Unusable(format!("cluster {} on this engine is not one of althing's", config.cluster))
        })?;
        if written.deployment != ours.deployment {
            return Err(Error::Unusable(format!(
                "the cluster {} on this engine belongs to {}, not to {}: give this one another name, or another engine",
                config.cluster, written.deployment, ours.deployment
            )));
        }
        Ok(written)
    }

    /// Gives what stands there: `charter`, or what was there before.
    async fn propose(&self, stream: &Stream, charter: Vec<u8>) -> Result<Vec<u8>, Error> {
        let subject = self.names.subject("cluster", "charter");
        let message = PublishMessage::build().payload(charter.into()).expected_last_subject_sequence(0);
        let sent = self.context.send_publish(subject.clone(), message).await.map_err(unavailable)?;
        // refused: there is one; no answer: whatever there is will be read
        let _ = sent.await;
        let written = stream.get_last_raw_message_by_subject(&subject).await.map_err(unavailable)?;
        Ok(written.payload.to_vec())
    }

    async fn stream(&self, config: Config) -> Result<Stream, Error> {
        let config = Config {
            storage: StorageType::File,
            num_replicas: self.replicas,
            duplicate_window: DUPLICATES_TIME,
            allow_direct: false,
            ..config
        };
        loop {
            match self.context.get_or_create_stream(config.clone()).await {
                Ok(stream) => return Ok(stream),
                Err(error) => self.patience.after(self.explain(&error)).await?,
            }
        }
    }

    fn explain(&self, error: &CreateStreamError) -> Error {
        let replicas = self.replicas;
        match error.kind() {
            CreateStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED =>
            {
                Error::Unusable(format!("{replicas} replicas need as many servers; this one stands alone"))
            }
            CreateStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::CLUSTER_NO_PEERS => {
                Error::Unavailable(format!(
                    "{replicas} replicas need as many servers with JetStream: {error}"
                ))
            }
            CreateStreamErrorKind::JetStream(error) => answered(&error),
            CreateStreamErrorKind::JetStreamUnavailable => {
                Error::Unusable("JetStream is off; start nats-server with -js".to_owned())
            }
            _ => unavailable(error),
        }
    }
}
