//! `bench`: measurements of a release build on this machine, printed as tables.

use anyhow::Result;

use crate::build;
use crate::root::root;
use crate::run::{command, run};
use crate::tools::{self, Tool};

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
}

/// Builds what is missing and measures.
///
/// # Errors
/// When something cannot be built, or a participant does not get in.
pub(crate) fn bench(bench: &Bench) -> Result<()> {
    let Bench::Join { joins, window, meetings } = bench;
    tools::ensure(&[Tool::Compiler, Tool::Node, Tool::Chromium])?;
    let binary = build::release()?;
    build::npm_ci("e2e")?;
    let mut node = command(&root().join("e2e"), "npx", &["--no-install", "vite-node", "bench/join.ts"]);
    node.env("ALTHING_BINARY", binary)
        .env("ALTHING_CHROMIUM", tools::chromium())
        .env("BENCH_JOINS", joins.to_string())
        .env("BENCH_WINDOW_S", window.to_string())
        .env("BENCH_MEETINGS", meetings.to_string());
    run(&mut node)
}
