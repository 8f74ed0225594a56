//! `up`: from a fresh clone to an address to open.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Result, anyhow};

use crate::build;
use crate::root::root;
use crate::tools::{self, Tool};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Handed to `althing up` as they are (`--http 0.0.0.0:8000 --tls-self-signed`)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<String>,
}

/// Builds what is missing, then becomes `althing up`, so that Ctrl-C and signals reach the server itself.
///
/// # Errors
/// When something cannot be built or started.
pub(crate) fn up(arguments: &Arguments) -> Result<()> {
    if needs_engine(&arguments.flags) {
        tools::ensure(&[Tool::Engine])?;
    }
    let binary = build::release()?;
    println!("$ {} up {}", binary.display(), arguments.flags.join(" "));
    let error = Command::new(&binary).current_dir(root()).arg("up").args(&arguments.flags).exec();
    Err(anyhow!(error).context(format!("could not start {}", binary.display())))
}

/// A cluster is asked for, and no engine of somebody else's.
fn needs_engine(flags: &[String]) -> bool {
    let given = |name: &str| {
        flags
            .iter()
            .any(|flag| flag.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
    };
    ["--shards", "--bridges", "--routers"].into_iter().any(given) && !given("--journal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_for_clusters_without_one() {
        let check = |line: &str, expected: bool| {
            let flags: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(needs_engine(&flags), expected, "{line}");
        };
        check("--http 0.0.0.0:8000", false);
        check("--http 0.0.0.0:8000 --shards 3", true);
        check("--bridges=2", true);
        check("--shards 3 --journal nats://10.0.0.1:4222", false);
        check("--shardsman", false);
    }
}
