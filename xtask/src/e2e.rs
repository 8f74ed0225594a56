//! `e2e`: real browsers against a real process, and the upstream client against it where one was built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::root::root;
use crate::run::{command, run_lines};
use crate::test::Count;
use crate::tools;
use crate::{bench, build};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only scenario files whose path contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Run them all this many times and say how often each run failed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// A built lib-jitsi-meet.min.js: adds the scenarios with the upstream client
    #[arg(long, value_name = "PATH", env = "ALTHING_UPSTREAM")]
    upstream: Option<PathBuf>,
    /// Instead of the scenarios: one meeting in which servers die at random
    #[arg(long, conflicts_with_all = ["filter", "repeat", "upstream"])]
    soak: bool,
    /// How long the soak takes
    #[arg(long, value_name = "MINUTES", default_value_t = 60, requires = "soak")]
    minutes: u32,
    /// What dies, and in which order
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "soak")]
    seed: u32,
}

impl Arguments {
    /// Every scenario of ours, once.
    pub(crate) fn one_round() -> Self {
        Self { filter: None, repeat: 1, upstream: None, soak: false, minutes: 0, seed: 0 }
    }
}

/// Builds what is missing and runs the scenarios.
///
/// # Errors
/// When something cannot be built, or a scenario fails.
pub(crate) fn e2e(arguments: &Arguments) -> Result<()> {
    if arguments.soak {
        let settings = [("SOAK_MINUTES", arguments.minutes), ("SOAK_SEED", arguments.seed)];
        return bench::browsers("bench/soak.ts", &settings);
    }
    tools::ensure(tools::SCENARIOS)?;
    let count = scenarios(arguments, &build::for_scenarios()?)?;
    println!("\n{count}");
    Ok(())
}

/// Runs the scenarios against this binary, and counts.
///
/// # Errors
/// When npm fails, or a scenario.
pub(crate) fn scenarios(arguments: &Arguments, binary: &Path) -> Result<Count> {
    let mut vitest = prepare(arguments, binary)?;
    let mut total = Count::default();
    let mut failed = 0;
    for round in 1..=arguments.repeat {
        if arguments.repeat > 1 {
            println!("\nround {round} of {}", arguments.repeat);
        }
        let mut count = Count::default();
        let result = run_lines(&mut vitest, |line| count.read_vitest(line));
        total.add(count);
        if result.is_ok() && count == Count::default() {
            bail!("vitest ended well but no scenario ran");
        }
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

fn prepare(arguments: &Arguments, binary: &Path) -> Result<Command> {
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
