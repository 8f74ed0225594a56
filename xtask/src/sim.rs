//! `sim`: whole clusters in one thread, from seeds.

use anyhow::Result;

use crate::root::root;
use crate::run::{command, run};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Runs, of this seed and those after it
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed; without it, one from the clock
    #[arg(long)]
    seed: Option<u64>,
}

/// # Errors
/// Where an invariant did not hold; what is needed to see it again is printed.
pub(crate) fn sim(arguments: &Arguments) -> Result<()> {
    let mut sim = command(root(), "cargo", &["run", "--quiet", "-p", "sim", "--"]);
    sim.args(["--seeds", &arguments.seeds.to_string()]);
    if let Some(seed) = arguments.seed {
        sim.args(["--seed", &seed.to_string()]);
    }
    run(&mut sim)
}
