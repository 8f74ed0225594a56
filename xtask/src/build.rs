//! `build`: the web client and the binary that carries it.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::root::{files, modified, root, target};
use crate::run::{command, run};
use crate::tools::{self, Tool};

/// Builds `althing` as it is given to people. The web client is inside the binary.
///
/// # Errors
/// When a tool is missing or a build fails.
pub(crate) fn release() -> Result<PathBuf> {
    tools::ensure(&[Tool::Compiler, Tool::Node])?;
    web_client()?;
    run(&mut command(root(), "cargo", &["build", "--release", "--package", "althing"]))?;
    binary("release")
}

/// Builds an example of a crate as fast as it can run.
///
/// # Errors
/// When the build fails.
pub(crate) fn release_example(package: &str, example: &str) -> Result<PathBuf> {
    run(&mut command(root(), "cargo", &["build", "--release", "--package", package, "--example", example]))?;
    let path = target()?.join("release/examples").join(example);
    ensure!(path.is_file(), "cargo ended well but {} is not there", path.display());
    Ok(path)
}

/// Builds `althing` quickly, for browser tests alone. It reads the web client from `web/dist`.
///
/// # Errors
/// As [`release`].
pub(crate) fn for_scenarios() -> Result<PathBuf> {
    tools::ensure(&[Tool::Compiler, Tool::Node])?;
    web_client()?;
    run(&mut command(root(), "cargo", &["build", "--package", "althing"]))?;
    binary("debug")
}

/// As [`for_scenarios`], after the tests of the workspace: with everything, the dependencies have the features that the
/// tests gave them, and nothing is compiled a second time.
///
/// # Errors
/// As [`release`].
pub(crate) fn for_scenarios_after_tests() -> Result<PathBuf> {
    run(&mut command(root(), "cargo", &["build", "--workspace", "--all-targets"]))?;
    binary("debug")
}

/// Builds `web/dist`, unless it is newer than everything it is made of.
///
/// # Errors
/// When npm fails.
pub(crate) fn web_client() -> Result<()> {
    npm_ci("web")?;
    let built = modified(&root().join("web/dist/index.html"));
    let sources = files()?.into_iter().filter(|path| path.starts_with("web"));
    let newest = sources.filter_map(|path| modified(&root().join(path))).max();
    if built.is_some() && built >= newest {
        return Ok(());
    }
    run(&mut command(&root().join("web"), "npm", &["run", "--silent", "build"]))
}

/// Installs what the lock file in `folder` names, unless that is done already.
///
/// # Errors
/// When npm fails.
pub(crate) fn npm_ci(folder: &str) -> Result<()> {
    let folder = root().join(folder);
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= modified(&folder.join("package-lock.json")) {
        return Ok(());
    }
    run(&mut command(&folder, "npm", &["ci", "--no-audit", "--no-fund"]))
}

fn binary(profile: &str) -> Result<PathBuf> {
    let path = target()?.join(profile).join(Path::new("althing"));
    ensure!(path.is_file(), "cargo ended well but {} is not there", path.display());
    Ok(path)
}
