//! `tidy`: the rules that a machine can check, one file each; then the usual tools.

mod imports;
mod length;
mod machine_paths;
mod purity;

use anyhow::{Result, bail};

use crate::root::root;
use crate::run::{command, first_line, run};

/// Checks everything and names every breach of ours before the slower tools run.
///
/// # Errors
/// With the number of breaches, or the tool that failed.
pub(crate) fn tidy() -> Result<()> {
    let mut breaches = imports::breaches()?;
    breaches.extend(purity::breaches()?);
    breaches.extend(length::breaches()?);
    breaches.extend(machine_paths::breaches()?);
    for breach in &breaches {
        println!("tidy: {breach}");
    }
    if !breaches.is_empty() {
        bail!("tidy: {} breaches of the house rules", breaches.len());
    }
    tools()
}

fn tools() -> Result<()> {
    run(&mut command(root(), "cargo", &["fmt", "--all", "--check"]))?;
    run(&mut command(root(), "cargo", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // Libraries alone: in binaries, comments on flags are the text of --help.
    let mut doc =
        command(root(), "cargo", &["doc", "--workspace", "--lib", "--no-deps", "--document-private-items"]);
    run(doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))?;
    if first_line("cargo", &["deny", "--version"]).is_none() {
        println!("tidy: cargo-deny is not installed, licences and advisories are not checked here");
        return Ok(());
    }
    run(&mut command(
        root(),
        "cargo",
        &["deny", "--log-level", "error", "check", "licenses", "bans", "sources"],
    ))
}
