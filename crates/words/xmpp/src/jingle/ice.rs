//! The ICE-UDP transport with its DTLS fingerprint (XEP-0176, XEP-0320) and Jitsi's additions to it.

use std::net::IpAddr;

/// `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceUdp {
    pub ufrag: Option<String>,
    pub pwd: Option<String>,
    /// Jitsi's `ice-generation`; `None` where untagged
    pub generation: Option<u32>,
    pub rtcp_mux: bool,
    pub candidates: Vec<Candidate>,
    pub fingerprints: Vec<Fingerprint>,
    /// Addresses of the bridge channel's WebSocket (`http://jitsi.org/protocol/colibri`)
    pub web_sockets: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub id: String,
    pub foundation: String,
    pub component: u8,
    pub generation: u32,
    pub network: u32,
    pub protocol: String,
    pub priority: u32,
    pub ip: IpAddr,
    pub port: u16,
    pub kind: CandidateKind,
    pub related: Option<(IpAddr, u16)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relay,
}

/// `<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0'/>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// e.g. `sha-256`
    pub hash: String,
    pub setup: Setup,
    /// colon-separated hexadecimal, upper case
    pub value: String,
}

/// RFC 4145 / RFC 8842
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    ActPass,
    Active,
    Passive,
}
