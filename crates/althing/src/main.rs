//! The binary: arguments, which roles run here, and the operator's hand.
//!
//! - `althing up` runs everything for one machine in one process (`up`), or as a cluster of child processes that it
//!   looks after (`supervise`);
//! - `althing router`, `shard` and `bridge` are one role of a cluster in one process (`node`);
//! - `althing ctl` asks a running one about its nodes and meetings, over the admin API (`ctl`), and tells it to hand
//!   over;
//! - `althing load` sends simulated participants to any server, and measures (`load`);
//! - `althing config` prints the reference configuration.
//!
//! What comes in are a configuration file, variables and flags, which `service::config` makes one checked value of.
//! Nothing is decided here about meetings or media: the roles do that, and they know nothing of each other. This is
//! the one place that knows them all.

mod ask;
mod ctl;
mod flags;
mod keep;
mod life;
mod load;
mod node;
mod open_files;
mod parts;
mod presence;
mod print;
mod report;
mod supervise;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The server side of a Jitsi Meet installation.
#[derive(Debug, Parser)]
#[command(name = "althing", version, about, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run everything for one machine: web client, router, shard and bridge
    Up(Box<flags::Up>),
    /// Run one router of a cluster
    Router(Box<flags::Router>),
    /// Run one shard of a cluster
    Shard(Box<flags::Shard>),
    /// Run one bridge of a cluster
    Bridge(Box<flags::Bridge>),
    /// Ask a running server about its nodes and meetings
    Ctl(flags::Ctl),
    /// Send simulated participants to any Jitsi Meet server, and measure what they see
    Load(Box<flags::Load>),
    /// Run a program until standard input ends
    #[command(hide = true)]
    Keep(keep::Keep),
    /// Print the reference configuration: every key with its default and a comment
    Config,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Up(flags) => up::run(&flags),
        Verb::Router(flags) => node::router(&flags),
        Verb::Shard(flags) => node::shard(&flags),
        Verb::Bridge(flags) => node::bridge(&flags),
        Verb::Ctl(flags) => ctl::run(&flags),
        Verb::Load(flags) => load::run(&flags),
        Verb::Keep(flags) => keep::run(&flags),
        Verb::Config => print::text(service::config::REFERENCE),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::error(&error);
            ExitCode::FAILURE
        }
    }
}
