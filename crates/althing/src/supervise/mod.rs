//! `althing up` with more than one of anything: a cluster of child processes on this machine, and the one that starts
//! them, looks after them and ends them.
//!
//! The engine comes first, then shards and bridges, then the routers; each wave when the one before it is ready. A child
//! that dies before that ends the whole start, with the end of its log; later it is started again. The children end in
//! the other order (`plan::Kind`), and also when this process is killed: their standard input ends with it.

mod child;
mod engine;
mod log;
mod plan;
mod roster;

use std::time::Duration;

use anyhow::{Context as _, bail};
use service::config::Config;
use service::shutdown::Shutdown;
use service::telemetry;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::flags::{Size, Up};
use crate::{parts, print};
use child::{Fact, Facts, Orders};
use plan::{Kind, Plan, Shared};
use roster::Roster;

/// For a wave of children to become ready, the engine's recovery included.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// Facts that wait to be told; who tells more waits.
const FACTS_MAX: usize = 64;

pub(crate) fn run(flags: &Up, config: &Config, size: Size) -> anyhow::Result<()> {
    telemetry::init(config.log.format, &config.log.level)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(supervise(flags, config, size))
}

async fn supervise(flags: &Up, config: &Config, size: Size) -> anyhow::Result<()> {
    let (end, hurry) = Shutdown::twice_on_signals()?;
    let waves = prepare(flags, config, size)?;
    let mut cluster = Cluster::new(&waves, hurry, flags.restarts());
    let done = tokio::select! {
        done = cluster.run(config, waves) => done,
        () = end.wait() => Ok(()),
    };
    if done.is_ok() {
        print::text("ending\n")?;
    }
    cluster.end().await;
    done
}

/// The children in waves, and what they need on the disk.
fn prepare(flags: &Up, config: &Config, size: Size) -> anyhow::Result<Vec<Vec<Plan>>> {
    let (engine, keeper) = match config.journal {
        Some(_) => (None, None),
        None => Some(engine::prepare(config)?).unzip(),
    };
    let password = config.bridge.password.clone().unwrap_or_else(parts::password);
    let file = flags.file().map(std::path::PathBuf::as_path);
    let shared = Shared { config, file, flags: flags.flags(), password, engine };
    let mut waves = plan::waves(size, &shared);
    if let Some(keeper) = keeper {
        waves.insert(0, vec![keeper]);
    }
    Ok(waves)
}

/// The children that run, by their kinds.
struct Cluster {
    children: Vec<(Kind, JoinSet<()>)>,
    /// who has to end
    end: watch::Sender<Option<Kind>>,
    orders: Orders,
    facts: (Facts, mpsc::Receiver<(String, Fact)>),
    roster: Roster,
}

impl Cluster {
    fn new(waves: &[Vec<Plan>], hurry: Shutdown, restarts: bool) -> Self {
        let (end, seen) = watch::channel(None);
        let kinds = [Kind::Router, Kind::Shard, Kind::Bridge, Kind::Engine];
        Self {
            children: kinds.map(|kind| (kind, JoinSet::new())).into(),
            end,
            orders: Orders { end: seen, hurry, restarts },
            facts: mpsc::channel(FACTS_MAX),
            roster: Roster::of(waves.iter().flatten()),
        }
    }

    /// Returns with an error only: the start has failed.
    async fn run(&mut self, config: &Config, waves: Vec<Vec<Plan>>) -> anyhow::Result<()> {
        for wave in waves {
            wave.into_iter().for_each(|plan| self.start(plan));
            let ready = tokio::time::timeout(START_TIME_MAX, self.await_ready()).await;
            ready.unwrap_or_else(|_| bail!("{}", self.roster.who_is_missing(START_TIME_MAX)))?;
        }
        print::text(&self.roster.welcome(config))?;
        loop {
            let (name, fact) = self.next_fact().await?;
            match &fact {
                Fact::Ready => print::text(&format!("{}\n", self.roster.ready_again(&name)))?,
                Fact::Died { how, log } => {
                    let next = if self.orders.restarts { "started again in 2 s" } else { "left dead" };
                    let pid = self.roster.pid(&name);
                    print::text(&format!(
                        "{name} (pid {pid}) died: {how}; it is {next}; the end of its log:\n{log}"
                    ))?;
                }
                Fact::Up(_) | Fact::NotReady(_) => {}
            }
        }
    }

    fn start(&mut self, plan: Plan) {
        let of_kind = self.children.iter_mut().find(|(kind, _)| *kind == plan.kind);
        let (_, children) = of_kind.expect("every kind has its children");
        self.roster.started(&plan.name);
        children.spawn(child::tend(plan, self.orders.clone(), self.facts.0.clone()));
    }

    /// Until all that were started are ready.
    async fn await_ready(&mut self) -> anyhow::Result<()> {
        while !self.roster.all_ready() {
            let (name, fact) = self.next_fact().await?;
            match fact {
                Fact::Ready => print::text(&format!("{name} is ready {}\n", self.roster.progress()))?,
                Fact::Died { how, log } => {
                    bail!(
                        "{name} did not start: {how}; the end of its log {}:\n{log}",
                        self.roster.log(&name)
                    )
                }
                Fact::Up(_) | Fact::NotReady(_) => {}
            }
        }
        Ok(())
    }

    async fn next_fact(&mut self) -> anyhow::Result<(String, Fact)> {
        let (name, fact) = self.facts.1.recv().await.context("the children are gone")?;
        self.roster.note(&name, &fact);
        Ok((name, fact))
    }

    /// All children, in the order of their kinds; those of a kind at the same time.
    async fn end(&mut self) {
        // Nobody reads what they still tell.
        self.facts.1.close();
        for (kind, children) in &mut self.children {
            self.end.send_replace(Some(*kind));
            while children.join_next().await.is_some() {}
        }
    }
}
