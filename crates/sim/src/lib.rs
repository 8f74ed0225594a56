//! Whole clusters in one thread, from one seed.
//!
//! The real machines run here: `meeting` with what stands beside it (its tenure, ledger, links and time), `placement`
//! with its steering, `xmpp::splice`, the c2s negotiation of `xmpp`, and `journal::Memory` for the engine. Around them is
//! a model of everything else: shells (`router`, `shard`), bridges, clients with the timers of real ones, the network,
//! clocks, and what goes wrong with them.
//!
//! What is modelled, and why it is no machine of the product's:
//!
//! - `shard/owner`: in which order an owner takes inputs, writes and ends; the product's awaits what this is told of
//! - `router/streams`: sockets, and the pauses between tries to find a shard
//! - `shard/fleet`: the brewery; its bridges log in with one word here, what they are asked is colibri2
//! - `bridge`: the product's has media; here is what it answers, and whose requests it refuses
//! - `client`: stricter than `participant`, which measures a server and forgives it a lot; the timers are the same
//!
//! Comes in: a seed. It is the plan of the faults, the delays, the chance of every node; the same one gives the same
//! run, event for event. Goes out: an [`Outcome`], with the first [`Invariant`] that did not hold, if any, the events
//! before it and the command that replays it.
//!
//! ```text
//!   world ── events in the order of virtual time ──► router, shard, bridge, client ── acts ──► world
//!     │                                                                               facts ──► check
//!     └── plan: kills, pauses, partitions, outages of the engine, clocks, drains
//! ```
//!
//! It refuses to know: sockets, threads, wall-clock time, and what the shells do about metrics, limits and TLS.

mod bridge;
mod chance;
mod check;
mod client;
mod engine;
mod fact;
mod limits;
mod mutation;
mod node;
mod report;
mod router;
mod shard;
mod world;

pub use fact::{Breach, Invariant};
pub use mutation::Mutation;
pub use report::{Counts, Failure, Outcome};

/// The domain of everybody here.
pub(crate) const DOMAIN: &str = "meet.example";

/// One run, with everything that its seed has planned.
pub fn run(seed: u64) -> Outcome {
    world::World::new(seed, None, false).run()
}

/// One run, of which a failure shows so many events.
pub fn run_showing(seed: u64, events: usize) -> Outcome {
    world::World::new(seed, None, false).showing(events).run()
}

/// One run in a world that is broken on purpose; `calm`: nothing else goes wrong.
pub fn run_broken(seed: u64, mutation: Mutation, calm: bool) -> Outcome {
    world::World::new(seed, Some(mutation), calm).run()
}

/// One run in which nothing goes wrong.
pub fn run_calm(seed: u64) -> Outcome {
    world::World::new(seed, None, true).run()
}
