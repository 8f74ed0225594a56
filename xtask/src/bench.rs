//! `bench`: measurements of a release build on this machine, printed as tables.

use std::path::{Path, PathBuf};
use std::process::Command;

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
    /// What the death of a shard, a router or an engine costs many participants, held against what is promised
    Failover {
        /// Times that each of them dies
        #[arg(long, default_value_t = 5)]
        repeats: u32,
        /// Meetings
        #[arg(long, default_value_t = 100)]
        rooms: u32,
        /// Simulated participants of each
        #[arg(long, default_value_t = 10)]
        participants: u32,
    },
    /// Our parts beside Debian's Prosody, HAProxy and Janus: the same work, in turns
    Peers(Peers),
}

#[derive(clap::Args)]
pub(crate) struct Peers {
    /// Turns of each side; three take about twenty minutes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// WebSockets that are open at once where their memory is measured
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    sockets: u32,
    /// One of the parts alone
    #[arg(long)]
    only: Option<Part>,
    /// One short turn of each, to see that it works: the figures say nothing
    #[arg(long, conflicts_with_all = ["repeats", "sockets", "write"])]
    quick: bool,
    /// Put the tables into docs/benchmarks.md, in place of those that are there
    #[arg(long, conflicts_with = "only")]
    write: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Part {
    Signalling,
    Router,
    Bridge,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Signalling => "signalling",
            Self::Router => "router",
            Self::Bridge => "bridge",
        }
    }
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
        Bench::Failover { repeats, rooms, participants } => failover(&[
            ("BENCH_REPEATS", *repeats),
            ("BENCH_ROOMS", *rooms),
            ("BENCH_PARTICIPANTS", *participants),
        ]),
        Bench::Peers(wanted) => peers(wanted),
    }
}

/// Without browsers, and with a stock Prosody beside it.
fn failover(settings: &[(&str, u32)]) -> Result<()> {
    tools::ensure(tools::FAILOVER)?;
    let binary = build::release()?;
    let journal = build::release_example("shard", "figures")?;
    build::npm_ci("e2e")?;
    let mut node = script_of("bench/failover.ts", &binary, settings);
    node.env("BENCH_JOURNAL", journal);
    run(&mut node)
}

/// Without browsers, beside stock parts.
fn peers(wanted: &Peers) -> Result<()> {
    tools::ensure(tools::PEERS)?;
    let binary = build::release()?;
    let janus = build::release_example("loadgen", "janus")?;
    build::npm_ci("e2e")?;
    let size = [("BENCH_REPEATS", wanted.repeats), ("BENCH_SOCKETS", wanted.sockets)];
    let mut node = script_of("bench/peers.ts", &binary, &size);
    node.env("BENCH_JANUS", janus);
    node.env("BENCH_QUICK", if wanted.quick { "1" } else { "" });
    node.env("BENCH_ONLY", wanted.only.map_or("", Part::name));
    node.env("BENCH_DOCUMENT", if wanted.write { root().join("docs/benchmarks.md") } else { PathBuf::new() });
    run(&mut node)
}

/// Runs a script of `e2e/` against a release build.
///
/// # Errors
/// As [`bench`].
pub(crate) fn browsers(script: &str, settings: &[(&str, u32)]) -> Result<()> {
    tools::ensure(tools::SCENARIOS)?;
    let binary = build::release()?;
    build::npm_ci("e2e")?;
    run(script_of(script, &binary, settings).env("ALTHING_CHROMIUM", tools::chromium()))
}

/// The command that runs it.
fn script_of(script: &str, binary: &Path, settings: &[(&str, u32)]) -> Command {
    let mut node = command(&root().join("e2e"), "npx", &["--no-install", "vite-node", script]);
    node.env("ALTHING_BINARY", binary);
    node.envs(settings.iter().map(|(name, value)| (name, value.to_string())));
    node
}
