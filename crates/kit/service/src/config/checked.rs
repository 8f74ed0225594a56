//! The second stage: a configuration that makes sense. Passed by value to whoever needs a part of it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

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
    pub bridge: Bridge,
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
