//! One key set by a variable or a flag, as a source that figment can merge and name in errors.

use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::Error;
use super::keys::{Key, Kind};

#[derive(Debug)]
pub(super) struct Layer {
    path: &'static str,
    value: Value,
    origin: String,
}

impl Layer {
    /// What figment calls a TOML file or text.
    pub(super) const FILE: &str = "TOML source string";

    /// `origin` completes the sentence "(from ...)".
    pub(super) fn new(key: &'static Key, text: &str, origin: String) -> Result<Self, Error> {
        let wrong = |what: String| Error::Value {
            key: key.path.to_owned(),
            what,
            origin: format!(" (from {origin})"),
        };
        let value = match key.kind {
            Kind::Text => Value::from(text),
            Kind::Number => match text.trim().parse::<u64>() {
                Ok(number) => Value::from(number),
                Err(_) => return Err(wrong(format!("{text:?} is no whole number"))),
            },
            Kind::Flag => match flag(text) {
                Some(flag) => Value::from(flag),
                None => return Err(wrong(format!("{text:?} is neither true nor false"))),
            },
            Kind::List => list(text),
            Kind::Tables => return Err(wrong("only the configuration file can say this".to_owned())),
        };
        Ok(Self { path: key.path, value, origin })
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Serialized::default(self.path, &self.value).data()
    }
}

/// docker-jitsi-meet writes 1 and 0, people write more.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn list(text: &str) -> Value {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Value::from(items.map(Value::from).collect::<Vec<_>>())
}
