//! `up`: from a fresh clone to an address to open.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Result, anyhow};

use crate::build;
use crate::root::root;

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
    let binary = build::release()?;
    println!("$ {} up {}", binary.display(), arguments.flags.join(" "));
    let error = Command::new(&binary).current_dir(root()).arg("up").args(&arguments.flags).exec();
    Err(anyhow!(error).context(format!("could not start {}", binary.display())))
}
