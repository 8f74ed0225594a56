//! Logs: to standard error, for people or as one JSON object a line.
//!
//! Nothing above `debug` names an address or a person.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// lines for people; coloured on a terminal
    #[default]
    Human,
    /// one JSON object a line, for collectors
    Json,
}

/// Starts logging for this process, once. `filter` is a level (`info`) or directives (`info,shard=debug`), in the
/// syntax that RUST_LOG has.
///
/// # Errors
/// The filter cannot be understood, or logging was started before.
pub fn init(format: Format, filter: &str) -> anyhow::Result<()> {
    let filter = parse(filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match format {
        Format::Human => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|e| anyhow::anyhow!("logging cannot be started: {e}"))
}

fn parse(filter: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::builder()
        .parse(filter)
        .with_context(|| format!("the log level {filter:?} is neither a level (error, warn, info, debug, trace) nor a list like \"info,shard=debug\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_understood() {
        for filter in ["info", "warn,shard=debug", "off"] {
            assert!(parse(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_wrong_level_is_named() {
        let error = parse("shard=loud").unwrap_err();
        assert!(error.to_string().contains("shard=loud"), "{error}");
    }
}
