//! `sim --seeds N [--seed S]`: runs of the simulator, progress, and a summary.
#![expect(clippy::print_stdout, reason = "a verb speaks to the person who called it")]

use std::process::ExitCode;

use clap::Parser;
use sim::{Counts, run_showing};

#[derive(Parser)]
#[command(about = "Whole clusters in one thread, from one seed")]
struct Arguments {
    /// Runs, of this seed and those after it
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed; without it, one from the clock
    #[arg(long)]
    seed: Option<u64>,
    /// Events that a failure shows
    #[arg(long, default_value_t = 80)]
    events: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let first = arguments.seed.unwrap_or_else(from_clock);
    println!("{} seeds from {first} on", arguments.seeds);
    let (mut total, mut failed) = (Counts::default(), Vec::new());
    for n in 0..arguments.seeds {
        let seed = first.wrapping_add(n);
        let outcome = run_showing(seed, arguments.events);
        total.add(&outcome.counts);
        if let Some(failure) = outcome.failure {
            println!("\n{failure}\n");
            failed.push(format!("{seed} ({})", failure.breach.invariant));
        }
        if (n + 1) % 25 == 0 {
            println!("{} of {}, {} failed", n + 1, arguments.seeds, failed.len());
        }
    }
    println!("\n{} seeds, {total}", arguments.seeds);
    if failed.is_empty() {
        println!("every invariant held");
        return ExitCode::SUCCESS;
    }
    println!("failed: {}", failed.join(", "));
    ExitCode::FAILURE
}

#[expect(clippy::disallowed_methods, reason = "a seed that nobody chose")]
fn from_clock() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |since| since.as_secs())
}
