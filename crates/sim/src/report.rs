//! What a run tells.

use std::fmt;

use crate::fact::Breach;
use crate::node::{Micros, SECOND};

/// How much happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub kills: u64,
    pub pauses: u64,
    pub partitions: u64,
    pub outages: u64,
    /// times that a meeting went on without the engine
    pub unprotected: u64,
    /// streams that clients took up themselves
    pub resumes: u64,
    /// streams that routers took up in their name
    pub splices: u64,
    /// meetings rebuilt from the journal
    pub takeovers: u64,
    pub snapshots: u64,
    /// pages loaded again, where nothing else was possible
    pub reloads: u64,
    pub lines: u64,
    pub steps: u64,
    /// virtual time
    pub micros: Micros,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.pauses += other.pauses;
        self.partitions += other.partitions;
        self.outages += other.outages;
        self.unprotected += other.unprotected;
        self.resumes += other.resumes;
        self.splices += other.splices;
        self.takeovers += other.takeovers;
        self.snapshots += other.snapshots;
        self.reloads += other.reloads;
        self.lines += other.lines;
        self.steps += other.steps;
        self.micros += other.micros;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.micros / (60 * SECOND);
        write!(f, "{}.{:02} virtual hours, {} steps", minutes / 60, minutes % 60 * 100 / 60, self.steps)?;
        write!(f, "; {} kills, {} pauses, {} partitions", self.kills, self.pauses, self.partitions)?;
        write!(
            f,
            ", {} engine outages, {} times unprotected; {} takeovers, {} snapshots",
            self.outages, self.unprotected, self.takeovers, self.snapshots
        )?;
        write!(f, "; {} resumes by routers, {} by clients", self.splices, self.resumes)?;
        write!(f, ", {} reloads; {} lines", self.reloads, self.lines)
    }
}

/// An invariant did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    pub seed: u64,
    pub breach: Breach,
    pub step: u64,
    pub at: Micros,
    /// the last events, oldest first
    pub last: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.last {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "seed {}, step {}, {} ms: {}", self.seed, self.step, self.at / 1000, self.breach)?;
        write!(f, "to replay it: cargo xtask sim --seeds 1 --seed {}", self.seed)
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub counts: Counts,
    /// of everything that happened, in order
    pub trace: u64,
    pub failure: Option<Failure>,
}
