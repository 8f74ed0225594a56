//! The configuration: one TOML file, overridden by variables, overridden by flags, then checked as a whole.
//!
//! Two stages. [`load`] merges the sources into a `RawConfig` of plain strings and numbers, and then checks that into
//! a [`Config`] in which addresses, durations and domains are types. An error names the key and where its value came
//! from. Every key with its default stands in [`REFERENCE`].
//!
//! The variable of key `xmpp.muc-domain` is `ALTHING_XMPP_MUC_DOMAIN`. The names of docker-jitsi-meet are understood
//! where they have a meaning here; `keys.rs` has the table. They yield to `ALTHING_*`.

mod check;
mod checked;
mod cluster;
mod keys;
mod layer;
mod raw;
mod stock;
mod units;
mod url;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format as _, Toml};

pub use checked::{Bridge, Config, Journal, Limits, Log, Login, Router, Service, Shard, Tls, Url, Web, Xmpp};
pub use cluster::Cluster;
pub use stock::{Discovery, Patience, Stock, StockShard, StockTls};
pub use url::PublicUrl;

use keys::Key;
use layer::Layer;
use raw::RawConfig;

/// Every key with its default and a comment: what `althing config` prints.
pub const REFERENCE: &str = include_str!("reference.toml");

/// Where the configuration comes from, the later ones stronger.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    /// the environment of the process; what is not ours in it is ignored
    pub variables: Vec<(String, String)>,
    pub flags: Flags,
}

/// Keys given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    given: Vec<(&'static Key, String)>,
}

impl Flags {
    /// Sets `key` if the flag was given.
    ///
    /// # Panics
    /// There is no such key: the binary's table of flags is wrong.
    pub fn set(&mut self, key: &str, value: Option<impl ToString>) {
        let key = keys::find(key).expect("a flag stands for a key of the configuration");
        if let Some(value) = value {
            self.given.push((key, value.to_string()));
        }
    }

    /// The same as variables, for a child that shall be told no secret on its command line.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.given.iter().map(|(key, value)| (key.variable(), value.clone())).collect()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration file {path} cannot be read: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the configuration is not understood: {0}; \"althing config\" prints every key")]
    Form(String),
    #[error(
        "the variable {name} stands for no key of the configuration; \"althing config\" prints every key"
    )]
    UnknownVariable { name: String },
    #[error("{key}: {what}{origin}")]
    Value { key: String, what: String, origin: String },
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("a {role} of a cluster needs {key}: {why}")]
    Missing { role: &'static str, key: &'static str, why: &'static str },
    #[error(
        "{key}: the other nodes are told to find this one at {address}, which is every machine and none; \
         write this machine's own address"
    )]
    Unreachable { key: &'static str, address: SocketAddr },
}

/// Merges the sources and checks the result.
///
/// # Errors
/// A file that cannot be read, a key or variable that does not exist, a value that makes no sense: named with a
/// sentence that says what to write instead.
pub fn load(sources: &Sources) -> Result<Config, Error> {
    refuse_unsupported(&sources.variables)?;
    let mut figment = Figment::new();
    if let Some(path) = &sources.file {
        figment = figment.merge(file(path)?);
    }
    for layer in from_variables(&sources.variables)? {
        figment = figment.merge(layer);
    }
    for (key, value) in &sources.flags.given {
        let origin = format!("the flag --{}", key.path.replace('.', "-"));
        figment = figment.merge(Layer::new(key, value, origin)?);
    }
    let raw: RawConfig = figment.extract().map_err(|e| Error::Form(form_error(e)))?;
    check::check(&raw).map_err(|wrong| Error::Value {
        origin: origin_of(&figment, wrong.key),
        key: wrong.key.to_owned(),
        what: wrong.what,
    })
}

fn file(path: &Path) -> Result<figment::providers::Data<Toml>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Toml::string(&text)),
        Err(source) => Err(Error::File { path: path.to_owned(), source }),
    }
}

/// The layers of the environment, the weaker ones first.
fn from_variables(variables: &[(String, String)]) -> Result<Vec<Layer>, Error> {
    let unknown = |name: &str| !keys::RESERVED.contains(&name) && keys::of_variable(name).is_none();
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in variables.iter().filter(|(name, value)| !is_of_kubernetes(name, value)) {
        if name.starts_with(keys::PREFIX) && unknown(name) {
            return Err(Error::UnknownVariable { name: name.clone() });
        }
        if !value.is_empty() {
            given.insert(name, value);
        }
    }
    let mut layers = Vec::new();
    for key in keys::KEYS {
        let names = key.aliases.iter().map(|&alias| alias.to_owned()).chain([key.variable()]);
        for name in names {
            if let Some(value) = given.get(name.as_str()) {
                layers.push(Layer::new(key, value, format!("the variable {name}"))?);
            }
        }
    }
    Ok(layers)
}

/// Kubernetes describes every Service to every pod: one named `althing-media` becomes `ALTHING_MEDIA_PORT=udp://...`,
/// one named `jvb` becomes `JVB_PORT=tcp://...`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_TCP_")
        || name.contains("_UDP_")
        || ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// Whoever asks for authentication must not get an open server.
fn refuse_unsupported(variables: &[(String, String)]) -> Result<(), Error> {
    let asks_for_auth =
        |(name, value): &(String, String)| name == "ENABLE_AUTH" && layer::flag(value) == Some(true);
    if variables.iter().any(asks_for_auth) {
        return Err(Error::Unsupported(
            "ENABLE_AUTH is set, but this version has no authentication: anybody who reaches it may open a room. \
             Unset it to go on, and restrict who can reach the address",
        ));
    }
    Ok(())
}

fn form_error(error: figment::Error) -> String {
    let mut text = error.kind.to_string();
    if !error.path.is_empty() {
        text = format!("{}: {text}", error.path.join("."));
    }
    text
}

fn origin_of(figment: &Figment, key: &str) -> String {
    match figment.find_metadata(key) {
        Some(metadata) if metadata.name == Layer::FILE => " (from the configuration file)".to_owned(),
        Some(metadata) => format!(" (from {})", metadata.name),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
