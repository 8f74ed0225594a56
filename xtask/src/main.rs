//! The verbs of the workshop: `cargo xtask up`, `build`, `test`, `tidy`, `e2e`, `sim`, `bench`.
//!
//! A file per verb. `tools` knows what a machine must have and how to get it, `run` starts commands and says what
//! failed, `root` knows where things lie. A verb prints what it does and ends with an exit code that tells the truth.
#![expect(clippy::print_stdout, reason = "a verb speaks to the person who called it")]

mod bench;
mod build;
mod e2e;
mod root;
mod run;
mod sim;
mod test;
mod tidy;
mod tools;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The verbs of this workshop")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build everything and start a server on this machine; further flags go to `althing up`
    Up(up::Arguments),
    /// Build the release binary with the web client inside
    Build,
    /// Every check there is: tidy, unit, conversation and simulation tests, web tests, real browsers
    Test,
    /// The rules of the house: who imports whom, file lengths, formatting, lints, doc links, licences
    Tidy,
    /// Real browsers against a real process
    E2e(e2e::Arguments),
    /// Whole clusters in one thread, from seeds, with everything that can go wrong
    Sim(sim::Arguments),
    /// Measurements, printed as tables
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Up(arguments) => up::up(&arguments),
        Verb::Build => build::release().map(|binary| println!("{}", binary.display())),
        Verb::Test => test::test(),
        Verb::Tidy => tidy::tidy(),
        Verb::E2e(arguments) => e2e::e2e(&arguments),
        Verb::Sim(arguments) => sim::sim(&arguments),
        Verb::Bench(bench) => bench::bench(&bench),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
