//! The flags, and the configuration that they are the last word of.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use service::config::{self, Config, Flags, Sources};

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    file: File,
    /// Where browsers come in [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    /// Where operators come in [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<String>,
    /// The directory of the journal; meetings survive a restart with it [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address under which people know the installation, such as `https://meet.example.org`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The UDP port for audio and video [default: 10000]
    #[arg(long, value_name = "PORT")]
    media_port: Option<u16>,
    /// Addresses at which clients reach the media port, when they are not this machine's own
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    advertise: Vec<String>,
    /// The certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Make a certificate and keep it in the data directory; browsers will warn of it
    #[arg(long, conflicts_with = "tls_cert")]
    tls_self_signed: bool,
    /// Further host names and addresses for that certificate
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    tls_names: Vec<String>,
    /// The domain inside the XMPP stanzas; it needs no DNS [default: meet.internal]
    #[arg(long, value_name = "DOMAIN")]
    xmpp_domain: Option<String>,
    /// How logs are written: human or json
    #[arg(long, value_name = "FORMAT")]
    log: Option<String>,
    /// error, warn, info, debug or trace, or a list such as info,shard=debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How many shards
    #[arg(long, default_value_t = 1)]
    shards: u32,
    /// How many bridges
    #[arg(long, default_value_t = 1)]
    bridges: u32,
    /// How many routers
    #[arg(long, default_value_t = 1)]
    routers: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Ctl {
    #[command(flatten)]
    file: File,
    /// The admin address of the server [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    admin: Option<String>,
    /// Print the answer of the server as it is
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) question: Question,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Question {
    /// All nodes
    Nodes,
    /// All meetings
    Meetings,
    /// One meeting and who is in it
    Meeting {
        /// As in its address; with a tenant `[TENANT]ROOM`
        room: String,
    },
}

#[derive(Debug, Args)]
struct File {
    /// The configuration file, TOML; "althing config" prints one
    #[arg(long, value_name = "FILE", env = "ALTHING_CONFIG")]
    config: Option<PathBuf>,
}

impl Up {
    pub(crate) fn configuration(&self) -> anyhow::Result<Config> {
        for (flag, count) in [("shards", self.shards), ("bridges", self.bridges), ("routers", self.routers)] {
            if count != 1 {
                bail!(
                    "--{flag} {count}: this version runs one shard, one bridge and one router; clusters are to come"
                );
            }
        }
        let mut flags = Flags::default();
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let list = |list: &Vec<String>| (!list.is_empty()).then(|| list.join(","));
        flags.set("http", self.http.as_ref());
        flags.set("admin", self.admin.as_ref());
        flags.set("data", path(&self.data));
        flags.set("public-url", self.public_url.as_ref());
        flags.set("media-port", self.media_port);
        flags.set("advertise", list(&self.advertise));
        flags.set("tls-cert", path(&self.tls_cert));
        flags.set("tls-key", path(&self.tls_key));
        flags.set("tls-self-signed", self.tls_self_signed.then_some(true));
        flags.set("tls-names", list(&self.tls_names));
        flags.set("xmpp.domain", self.xmpp_domain.as_ref());
        flags.set("log", self.log.as_ref());
        flags.set("log-level", self.log_level.as_ref());
        self.file.load(flags)
    }
}

impl Ctl {
    pub(crate) fn configuration(&self) -> anyhow::Result<Config> {
        let mut flags = Flags::default();
        flags.set("admin", self.admin.as_ref());
        self.file.load(flags)
    }
}

impl File {
    fn load(&self, flags: Flags) -> anyhow::Result<Config> {
        // Not std::env::vars: it panics on a value that is not UTF-8, whoever it is for.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables = std::env::vars_os().filter_map(text).collect();
        Ok(config::load(&Sources { file: self.config.clone(), variables, flags })?)
    }
}
