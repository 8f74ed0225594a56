//! What a shard has to be told.

use std::net::SocketAddr;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::limits;

/// See the fields; [`Config::for_domain`] has the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// name of the shard among its peers, e.g. `shard-1`
    pub name: String,
    pub settings: meeting::Settings,
    /// where the router finds the shard; port 0 takes a free one
    pub http: SocketAddr,
    /// where bridges log in, without TLS: loopback or a private network
    pub xmpp: SocketAddr,
    /// user names on `settings.auth_domain` with their passwords
    pub accounts: Vec<(String, String)>,
    /// bare JID of the bridges' room, e.g. `jvbbrewery@internal.auth.meet.example`
    pub brewery: String,
    /// the other shards; `None`: it stands alone, and every meeting of the journal is its own
    pub cluster: Option<Cluster>,
    pub limits: Limits,
}

/// The limits that an operator, or a test, may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// WebSockets that have no resource yet
    pub negotiations_max: usize,
    /// from the upgrade to the bind or resume request
    pub negotiation_time: Duration,
    /// sockets on the HTTP listener
    pub http_connections_max: usize,
    /// for the head of an HTTP request to arrive
    pub head_time: Duration,
    pub meetings_max: usize,
    /// of them, those without an occupant that a conference request may bring about
    pub empty_meetings_max: usize,
    /// for a bridge to answer a request
    pub bridge_answer_time: Duration,
    /// how fast one client is read
    pub ingress: Ingress,
}

/// What one client connection may send, for ever and at once; whatever is faster is read later. Rates of 0 count as 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ingress {
    pub bytes_per_second: u64,
    pub bytes_burst: u64,
    /// an acknowledgement counts as a tenth of one
    pub stanzas_per_second: u64,
    pub stanzas_burst: u64,
}

impl Default for Ingress {
    fn default() -> Self {
        Self {
            bytes_per_second: limits::INGRESS_BYTES_PER_SECOND,
            bytes_burst: limits::INGRESS_BYTES_BURST,
            stanzas_per_second: limits::INGRESS_STANZAS_PER_SECOND,
            stanzas_burst: limits::INGRESS_STANZAS_BURST,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            negotiations_max: limits::NEGOTIATIONS_MAX,
            negotiation_time: limits::NEGOTIATION_TIME,
            http_connections_max: limits::HTTP_CONNECTIONS_MAX,
            head_time: limits::HEAD_TIME,
            meetings_max: limits::MEETINGS_MAX,
            empty_meetings_max: limits::EMPTY_MEETINGS_MAX,
            bridge_answer_time: limits::BRIDGE_ANSWER_TIME,
            ingress: Ingress::default(),
        }
    }
}

impl Config {
    /// A shard of the deployment on `domain`, on free loopback ports, without accounts.
    pub fn for_domain(domain: &str) -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            name: "shard-1".to_owned(),
            settings: meeting::Settings::for_domain(domain),
            http: loopback,
            xmpp: loopback,
            accounts: Vec::new(),
            brewery: format!("jvbbrewery@internal.auth.{domain}"),
            cluster: None,
            limits: Limits::default(),
        }
    }
}
