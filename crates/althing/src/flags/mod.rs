//! The flags, and the configuration that they are the last word of.

mod browsers;
mod ctl;
mod load;
mod media;
mod node;
mod up;

use std::path::PathBuf;

use clap::Args;
use service::config::{self, Config, Flags, Sources};

pub(crate) use ctl::{Ctl, Question};
pub(crate) use load::Load;
pub(crate) use node::{Bridge, Life, Router, Shard};
pub(crate) use up::{Size, Up};

#[derive(Debug, Args)]
struct File {
    /// The configuration file, TOML; "althing config" prints one
    #[arg(long, value_name = "FILE", env = "ALTHING_CONFIG")]
    config: Option<PathBuf>,
}

/// What every process that serves can be told.
#[derive(Debug, Args)]
struct Common {
    /// The address under which people know the installation, such as `https://meet.example.org`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The domain inside the XMPP stanzas; it needs no DNS [default: meet.internal]
    #[arg(long, value_name = "DOMAIN")]
    xmpp_domain: Option<String>,
    /// The engine of a cluster, such as `nats://10.0.0.1:4222`; several with commas
    #[arg(long, value_name = "URL")]
    journal: Option<String>,
    /// How logs are written: human or json
    #[arg(long, value_name = "FORMAT")]
    log: Option<String>,
    /// error, warn, info, debug or trace, or a list such as info,shard=debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

/// Where a router serves browsers, and how.
#[derive(Debug, Args)]
struct Front {
    /// Where browsers come in [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    /// Where operators come in [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<String>,
    /// What survives a restart; on one machine the journal of the meetings [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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
}

/// Where a bridge receives media.
#[derive(Debug, Args)]
struct Media {
    /// The UDP port for audio and video [default: 10000]
    #[arg(long, value_name = "PORT")]
    media_port: Option<u16>,
    /// Addresses at which clients reach the media port, when they are not this machine's own
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    advertise: Vec<String>,
}

impl File {
    fn load(&self, flags: Flags) -> anyhow::Result<Config> {
        Ok(config::load(&Sources { file: self.config.clone(), variables: variables(), flags })?)
    }
}

impl Common {
    fn set(&self, flags: &mut Flags) {
        flags.set("public-url", self.public_url.as_ref());
        flags.set("xmpp.domain", self.xmpp_domain.as_ref());
        flags.set("journal.url", self.journal.as_ref());
        flags.set("log", self.log.as_ref());
        flags.set("log-level", self.log_level.as_ref());
    }
}

impl Front {
    fn set(&self, flags: &mut Flags) {
        flags.set("http", self.http.as_ref());
        flags.set("admin", self.admin.as_ref());
        flags.set("data", path(self.data.as_ref()));
        flags.set("tls-cert", path(self.tls_cert.as_ref()));
        flags.set("tls-key", path(self.tls_key.as_ref()));
        flags.set("tls-self-signed", self.tls_self_signed.then_some(true));
        flags.set("tls-names", list(&self.tls_names));
    }
}

impl Media {
    fn set(&self, flags: &mut Flags) {
        flags.set("media-port", self.media_port);
        flags.set("advertise", list(&self.advertise));
    }
}

/// Not `std::env::vars`: it panics on a value that is not UTF-8, whoever it is for.
fn variables() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn path(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

fn list(list: &[String]) -> Option<String> {
    (!list.is_empty()).then(|| list.join(","))
}
