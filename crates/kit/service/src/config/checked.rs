//! The second stage: a configuration that makes sense. Passed by value to whoever needs a part of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::stock::Stock;
use super::url::PublicUrl;
use crate::telemetry::Format;

#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// where browsers come in
    pub http: SocketAddr,
    /// where operators come in
    pub admin: SocketAddr,
    /// the journal and what else survives a restart
    pub data: PathBuf,
    /// `None`: the web client takes the address that it was loaded from
    pub public_url: Option<PublicUrl>,
    /// UDP; 0: any free one
    pub media_port: u16,
    /// the addresses told to clients; empty: those of this machine's interfaces
    pub advertise: Vec<IpAddr>,
    pub tls: Tls,
    /// the constant that every node of the deployment tells
    pub shard_name: Option<String>,
    pub region: Option<String>,
    pub log: Log,
    pub xmpp: Xmpp,
    /// what the cluster is called on the engine
    pub cluster: String,
    /// `None`: a file in the data directory, for one process
    pub journal: Option<Journal>,
    pub router: Router,
    pub shard: Shard,
    pub bridge: Bridge,
    /// `None`: the router stands in front of shards of our own
    pub stock: Option<Stock>,
    pub web: Web,
    pub limits: Limits,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    Off,
    /// PEM files
    Files {
        cert: PathBuf,
        key: PathBuf,
    },
    /// Made at the first start and kept in the data directory, for these host names and addresses.
    SelfSigned {
        names: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub format: Format,
    pub level: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xmpp {
    pub domain: String,
    pub muc_domain: String,
    pub focus_domain: String,
    pub auth_domain: String,
    /// the room where bridges meet the focus: a bare JID
    pub brewery: String,
    /// where bridges log in over TCP; port 0: any free one
    pub listen: SocketAddr,
    /// how long a client that lost its connection may come back to its stream
    pub resume_time: Duration,
    pub services: Vec<Service>,
}

/// STUN or TURN for the clients (XEP-0215).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `stun`, `turn` or `turns`
    pub kind: String,
    pub host: String,
    pub port: u16,
    /// `udp` or `tcp`
    pub transport: String,
    pub username: Option<String>,
    pub password: Option<String>,
}

/// Where the engine of the journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// NATS servers, at least one
    pub urls: Vec<Url>,
    pub login: Login,
    /// the authority of the servers' certificates, PEM
    pub tls_ca: Option<PathBuf>,
    /// `None`: as many as the engine can keep, at most 3
    pub replicas: Option<usize>,
    /// `None`: the journal's own choice
    pub streams: Option<u16>,
    /// for an engine that is not ready when a node starts; `None`: the journal's own choice
    pub wait: Option<Duration>,
}

/// The address of an engine. It may hold a password: it is shown without.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(pub String);

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
            Some((scheme, host)) => write!(f, "{scheme}://...@{host}"),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// the engine asks for none, or the URL has it
    None,
    Password {
        user: String,
        password: String,
    },
    Token(String),
    /// a file with credentials
    Credentials(PathBuf),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password { .. } => "Password",
            Self::Token(_) => "Token",
            Self::Credentials(_) => "Credentials",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    pub id: String,
    /// where routers find it
    pub http: SocketAddr,
    /// where operators find it
    pub admin: SocketAddr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// its nick in the brewery, and its name in `/colibri-ws/`
    pub id: String,
    pub user: String,
    /// `None`: drawn anew at each start
    pub password: Option<String>,
    pub media_address: IpAddr,
    /// 0: one for each core
    pub threads: usize,
    /// where routers find its channels, in a cluster
    pub http: SocketAddr,
    /// where operators find it, in a cluster
    pub admin: SocketAddr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// two participants talk directly
    pub p2p: bool,
    /// `host:port` each
    pub p2p_stun_servers: Vec<String>,
    /// participants after this many come in muted
    pub start_audio_muted: Option<u32>,
    pub start_video_muted: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// of one room, the focus not counted
    pub occupants: u32,
    /// open at once on the public address
    pub connections: usize,
    /// of those, the ones that have not sent a whole request yet
    pub half_open: usize,
    /// for the head of a request, TLS included
    pub header_time: Duration,
    /// bytes
    pub header_size: usize,
    /// bytes
    pub body_size: usize,
}
