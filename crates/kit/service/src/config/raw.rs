//! The first stage: what the sources say, before anybody asks whether it makes sense.

use serde::Deserialize;

use super::stock::RawStock;

const ANY_LOOPBACK: &str = "127.0.0.1:0";

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawConfig {
    pub(super) http: String,
    pub(super) admin: String,
    pub(super) data: String,
    pub(super) public_url: Option<String>,
    pub(super) media_port: u64,
    pub(super) advertise: Vec<String>,
    pub(super) tls_cert: Option<String>,
    pub(super) tls_key: Option<String>,
    pub(super) tls_self_signed: bool,
    pub(super) tls_names: Vec<String>,
    pub(super) shard_name: Option<String>,
    pub(super) region: Option<String>,
    pub(super) log: String,
    pub(super) log_level: String,
    pub(super) xmpp: RawXmpp,
    pub(super) cluster: RawCluster,
    pub(super) journal: RawJournal,
    pub(super) router: RawRouter,
    pub(super) shard: RawShard,
    pub(super) bridge: RawBridge,
    pub(super) stock: RawStock,
    pub(super) web: RawWeb,
    pub(super) limits: RawLimits,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawXmpp {
    pub(super) domain: String,
    pub(super) muc_domain: Option<String>,
    pub(super) focus_domain: Option<String>,
    pub(super) auth_domain: Option<String>,
    pub(super) internal_muc_domain: Option<String>,
    pub(super) brewery: String,
    pub(super) listen: String,
    pub(super) resume_time: String,
    pub(super) services: Vec<RawService>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawService {
    pub(super) kind: String,
    pub(super) host: String,
    pub(super) port: u64,
    #[serde(default)]
    pub(super) transport: Option<String>,
    #[serde(default)]
    pub(super) username: Option<String>,
    #[serde(default)]
    pub(super) password: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawCluster {
    pub(super) name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawJournal {
    pub(super) url: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) token: Option<String>,
    pub(super) credentials: Option<String>,
    pub(super) tls_ca: Option<String>,
    pub(super) replicas: Option<u64>,
    pub(super) streams: Option<u64>,
    pub(super) wait: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRouter {
    pub(super) id: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawShard {
    pub(super) id: String,
    pub(super) http: String,
    pub(super) admin: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawBridge {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) media_address: String,
    pub(super) threads: u64,
    pub(super) http: String,
    pub(super) admin: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawWeb {
    pub(super) p2p: bool,
    pub(super) p2p_stun_servers: Vec<String>,
    pub(super) start_audio_muted: Option<u64>,
    pub(super) start_video_muted: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawLimits {
    pub(super) occupants: u64,
    pub(super) connections: u64,
    pub(super) half_open: u64,
    pub(super) header_time: String,
    pub(super) header_size: String,
    pub(super) body_size: String,
}

impl Default for RawConfig {
    fn default() -> Self {
        Self {
            http: "127.0.0.1:8000".to_owned(),
            admin: "127.0.0.1:8001".to_owned(),
            data: "./data".to_owned(),
            public_url: None,
            media_port: 10_000,
            advertise: Vec::new(),
            tls_cert: None,
            tls_key: None,
            tls_self_signed: false,
            tls_names: Vec::new(),
            shard_name: None,
            region: None,
            log: "human".to_owned(),
            log_level: "info".to_owned(),
            xmpp: RawXmpp::default(),
            cluster: RawCluster::default(),
            journal: RawJournal::default(),
            router: RawRouter::default(),
            shard: RawShard::default(),
            bridge: RawBridge::default(),
            stock: RawStock::default(),
            web: RawWeb::default(),
            limits: RawLimits::default(),
        }
    }
}

impl Default for RawXmpp {
    fn default() -> Self {
        Self {
            domain: "meet.internal".to_owned(),
            muc_domain: None,
            focus_domain: None,
            auth_domain: None,
            internal_muc_domain: None,
            brewery: "jvbbrewery".to_owned(),
            listen: ANY_LOOPBACK.to_owned(),
            resume_time: "90s".to_owned(),
            services: Vec::new(),
        }
    }
}

impl Default for RawCluster {
    fn default() -> Self {
        Self { name: "althing".to_owned() }
    }
}

impl Default for RawRouter {
    fn default() -> Self {
        Self { id: "router-1".to_owned() }
    }
}

impl Default for RawShard {
    fn default() -> Self {
        Self { id: "shard-1".to_owned(), http: ANY_LOOPBACK.to_owned(), admin: ANY_LOOPBACK.to_owned() }
    }
}

impl Default for RawBridge {
    fn default() -> Self {
        Self {
            id: "bridge-1".to_owned(),
            user: "jvb".to_owned(),
            password: None,
            media_address: "0.0.0.0".to_owned(),
            threads: 0,
            http: ANY_LOOPBACK.to_owned(),
            admin: ANY_LOOPBACK.to_owned(),
        }
    }
}

impl Default for RawWeb {
    fn default() -> Self {
        Self { p2p: true, p2p_stun_servers: Vec::new(), start_audio_muted: None, start_video_muted: None }
    }
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            occupants: 500,
            connections: 5_000,
            half_open: 1_000,
            header_time: "10s".to_owned(),
            header_size: "16KiB".to_owned(),
            body_size: "64KiB".to_owned(),
        }
    }
}
