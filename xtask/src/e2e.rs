//! `e2e`: real browsers against a real process, and the upstream client against it where one was built.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::build;
use crate::root::root;
use crate::run::{command, run_lines};
use crate::test::Count;
use crate::tools::{self, Tool};

#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Only scenario files whose path contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Run them all this many times and say how often each run failed
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
    /// A built lib-jitsi-meet.min.js: adds the scenarios with the upstream client
    #[arg(long, value_name = "PATH", env = "ALTHING_UPSTREAM")]
    upstream: Option<PathBuf>,
}

/// Builds what is missing and runs the scenarios.
///
/// # Errors
/// When something cannot be built, or a scenario fails.
pub(crate) fn e2e(arguments: &Arguments) -> Result<()> {
    let count = scenarios(arguments)?;
    println!("\n{count}");
    Ok(())
}

/// As [`e2e`], and counts.
pub(crate) fn scenarios(arguments: &Arguments) -> Result<Count> {
    tools::ensure(&[Tool::Compiler, Tool::Node, Tool::Chromium])?;
    let mut vitest = prepare(arguments)?;
    let mut total = Count::default();
    let mut failed = 0;
    for round in 1..=arguments.repeat {
        if arguments.repeat > 1 {
            println!("\nround {round} of {}", arguments.repeat);
        }
        let mut count = Count::default();
        let result = run_lines(&mut vitest, |line| count.read_vitest(line));
        total.add(count);
        match result {
            Err(error) if arguments.repeat == 1 => return Err(error),
            Err(_) => failed += 1,
            Ok(()) => {}
        }
    }
    if failed > 0 {
        bail!("{failed} of {} rounds failed; {total}", arguments.repeat);
    }
    Ok(total)
}

fn prepare(arguments: &Arguments) -> Result<Command> {
    let binary = build::for_tests()?;
    build::npm_ci("e2e")?;
    let mut vitest = command(&root().join("e2e"), "npx", &["--no-install", "vitest", "run"]);
    vitest.args(&arguments.filter).env("ALTHING_BINARY", binary).env("ALTHING_CHROMIUM", tools::chromium());
    match &arguments.upstream {
        Some(path) => {
            ensure!(path.is_file(), "--upstream {}: no such file", path.display());
            let path = path.canonicalize().with_context(|| format!("--upstream {}", path.display()))?;
            vitest.env("ALTHING_UPSTREAM", path);
        }
        None => {
            vitest.env_remove("ALTHING_UPSTREAM");
            println!("the upstream scenarios are left out: no --upstream lib-jitsi-meet.min.js was given");
        }
    }
    Ok(vitest)
}
