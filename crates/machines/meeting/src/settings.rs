//! What the operator decides for every meeting of a deployment. Travels in the `Owner` entry.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `meet.example`: the domain of guests
    pub domain: String,
    /// `conference.meet.example`
    pub muc_domain: String,
    /// `focus.meet.example`: where conference requests go
    pub focus_domain: String,
    /// `auth.meet.example`: the focus is `focus@` it
    pub auth_domain: String,
    /// the constant that all nodes of a deployment tell, if any (disco identity `shard`)
    pub shard_name: Option<String>,
    pub region: Option<String>,
    /// how long a dropped session may be resumed
    pub hibernation_ms: u64,
    /// occupants of one room, the focus not counted
    pub occupants_max: u32,
    /// STUN and TURN for the clients (XEP-0215); empty: the query is refused, so that clients keep their own
    pub services: Vec<ExternalService>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExternalService {
    /// `stun`, `turn` or `turns`
    pub kind: String,
    pub host: String,
    pub port: u16,
    /// `udp` or `tcp`
    pub transport: String,
    pub username: Option<String>,
    pub password: Option<String>,
}

impl Settings {
    /// The settings of a deployment on `domain` with everything else at its default.
    pub fn for_domain(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            muc_domain: format!("conference.{domain}"),
            focus_domain: format!("focus.{domain}"),
            auth_domain: format!("auth.{domain}"),
            shard_name: None,
            region: None,
            hibernation_ms: 90_000,
            occupants_max: 500,
            services: Vec::new(),
        }
    }
}
