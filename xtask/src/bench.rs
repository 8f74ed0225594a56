//! `bench`: measurements of a release build on this machine, printed as tables.

use anyhow::Result;

use crate::build;
use crate::root::root;
use crate::run::{command, run};
use crate::tools;

#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// From opening the page to the first remote frame, and what meetings cost the server
    Join {
        /// Joins that are timed
        #[arg(long, default_value_t = 20)]
        joins: u32,
        /// Seconds that the server's CPU time is measured over
        #[arg(long, default_value_t = 20)]
        window: u32,
        /// Meetings of three in the larger measurement
        #[arg(long, default_value_t = 10)]
        meetings: u32,
    },
    /// What people in a meeting notice when a shard, a router, a bridge or an engine dies
    Deaths {
        /// Times that each of them dies
        #[arg(long, default_value_t = 5)]
        repeats: u32,
    },
}

/// Builds what is missing and measures.
///
/// # Errors
/// When something cannot be built, or a participant does not get in.
pub(crate) fn bench(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Join { joins, window, meetings } => browsers(
            "bench/join.ts",
            &[("BENCH_JOINS", *joins), ("BENCH_WINDOW_S", *window), ("BENCH_MEETINGS", *meetings)],
        ),
        Bench::Deaths { repeats } => browsers("bench/deaths.ts", &[("BENCH_REPEATS", *repeats)]),
    }
}

/// Runs a script of `e2e/` against a release build.
///
/// # Errors
/// As [`bench`].
pub(crate) fn browsers(script: &str, settings: &[(&str, u32)]) -> Result<()> {
    tools::ensure(tools::SCENARIOS)?;
    let binary = build::release()?;
    build::npm_ci("e2e")?;
    let mut node = command(&root().join("e2e"), "npx", &["--no-install", "vite-node", script]);
    node.env("ALTHING_BINARY", binary).env("ALTHING_CHROMIUM", tools::chromium());
    node.envs(settings.iter().map(|(name, value)| (name, value.to_string())));
    run(&mut node)
}
