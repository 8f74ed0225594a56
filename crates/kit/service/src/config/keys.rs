//! The table of keys: how each is spelled as a variable, and which names of docker-jitsi-meet mean the same.

/// What a variable's text becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Flag,
    /// separated by commas
    List,
    /// a table or a list of tables: only the file can say it
    Tables,
}

#[derive(Debug)]
pub(super) struct Key {
    /// in the TOML file, with dots
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    /// other variables that mean the same; the later ones win
    pub(super) aliases: &'static [&'static str],
}

pub(super) const PREFIX: &str = "ALTHING_";

/// Variables with the prefix that are no keys: the path of the file itself, and those of the workshop's tests and
/// dev server, which a process inherits from them.
pub(super) const RESERVED: &[&str] =
    &["ALTHING_CONFIG", "ALTHING_BINARY", "ALTHING_CHROMIUM", "ALTHING_UPSTREAM", "ALTHING_URL"];

pub(super) const KEYS: &[Key] = &[
    key("http", Kind::Text, &[]),
    key("admin", Kind::Text, &[]),
    key("data", Kind::Text, &[]),
    key("public-url", Kind::Text, &["PUBLIC_URL"]),
    key("media-port", Kind::Number, &["JVB_PORT"]),
    key("advertise", Kind::List, &["DOCKER_HOST_ADDRESS", "JVB_ADVERTISE_IPS"]),
    key("tls-cert", Kind::Text, &[]),
    key("tls-key", Kind::Text, &[]),
    key("tls-self-signed", Kind::Flag, &[]),
    key("tls-names", Kind::List, &[]),
    key("shard-name", Kind::Text, &["DEPLOYMENTINFO_SHARD"]),
    key("region", Kind::Text, &["DEPLOYMENTINFO_REGION"]),
    key("log", Kind::Text, &[]),
    key("log-level", Kind::Text, &["LOG_LEVEL", "RUST_LOG"]),
    key("xmpp.domain", Kind::Text, &["XMPP_DOMAIN"]),
    key("xmpp.muc-domain", Kind::Text, &["XMPP_MUC_DOMAIN"]),
    key("xmpp.focus-domain", Kind::Text, &[]),
    key("xmpp.auth-domain", Kind::Text, &["XMPP_AUTH_DOMAIN"]),
    key("xmpp.internal-muc-domain", Kind::Text, &["XMPP_INTERNAL_MUC_DOMAIN"]),
    key("xmpp.brewery", Kind::Text, &["JVB_BREWERY_MUC"]),
    key("xmpp.listen", Kind::Text, &[]),
    key("xmpp.resume-time", Kind::Text, &[]),
    key("xmpp.services", Kind::Tables, &[]),
    key("cluster.name", Kind::Text, &[]),
    key("journal.url", Kind::Text, &[]),
    key("journal.user", Kind::Text, &[]),
    key("journal.password", Kind::Text, &[]),
    key("journal.token", Kind::Text, &[]),
    key("journal.credentials", Kind::Text, &[]),
    key("journal.tls-ca", Kind::Text, &[]),
    key("journal.replicas", Kind::Number, &[]),
    key("journal.streams", Kind::Number, &[]),
    key("journal.wait", Kind::Text, &[]),
    key("router.id", Kind::Text, &[]),
    key("shard.id", Kind::Text, &[]),
    key("shard.http", Kind::Text, &[]),
    key("shard.admin", Kind::Text, &[]),
    key("bridge.id", Kind::Text, &["JVB_INSTANCE_ID"]),
    key("bridge.user", Kind::Text, &["JVB_AUTH_USER"]),
    key("bridge.password", Kind::Text, &["JVB_AUTH_PASSWORD"]),
    key("bridge.media-address", Kind::Text, &[]),
    key("bridge.threads", Kind::Number, &[]),
    key("bridge.http", Kind::Text, &[]),
    key("bridge.admin", Kind::Text, &[]),
    key("stock.shards", Kind::List, &[]),
    key("stock.backups", Kind::List, &[]),
    key("stock.dns", Kind::Text, &[]),
    key("stock.dns-server", Kind::Text, &[]),
    key("stock.dns-interval", Kind::Text, &[]),
    key("stock.check-path", Kind::Text, &[]),
    key("stock.check-interval", Kind::Text, &[]),
    key("stock.check-timeout", Kind::Text, &[]),
    key("stock.fall", Kind::Number, &[]),
    key("stock.rise", Kind::Number, &[]),
    key("stock.settle", Kind::Text, &[]),
    key("stock.grace", Kind::Text, &[]),
    key("stock.tls-ca", Kind::Text, &[]),
    key("stock.tls-name", Kind::Text, &[]),
    key("stock.tls-insecure", Kind::Flag, &[]),
    key("stock.tell-shard", Kind::Flag, &[]),
    key("web.p2p", Kind::Flag, &["ENABLE_P2P"]),
    key("web.p2p-stun-servers", Kind::List, &["P2P_STUN_SERVERS"]),
    key("web.start-audio-muted", Kind::Number, &["START_AUDIO_MUTED"]),
    key("web.start-video-muted", Kind::Number, &["START_VIDEO_MUTED"]),
    key("limits.occupants", Kind::Number, &["MAX_PARTICIPANTS"]),
    key("limits.connections", Kind::Number, &[]),
    key("limits.half-open", Kind::Number, &[]),
    key("limits.header-time", Kind::Text, &[]),
    key("limits.header-size", Kind::Text, &[]),
    key("limits.body-size", Kind::Text, &[]),
];

impl Key {
    /// `xmpp.muc-domain` is `ALTHING_XMPP_MUC_DOMAIN`.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.path.replace(['.', '-'], "_").to_uppercase())
    }
}

pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

pub(super) fn of_variable(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.variable() == name)
}

const fn key(path: &'static str, kind: Kind, aliases: &'static [&'static str]) -> Key {
    Key { path, kind, aliases }
}
