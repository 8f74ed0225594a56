//! `althing router`, `althing shard`, `althing bridge`: one role of a cluster in this process.
//!
//! All three live the same way. The engine is connected, the admin port opened, the role started and announced in the
//! registry; one line on standard output says where it is. SIGTERM and Ctrl-C end it as planned: a shard hands its
//! meetings over first, a bridge its participants, and a router lets its clients go on for a while. When it was started with `--end-with-input`, the end of standard input ends it too, without that:
//! whoever started it is gone, and with it most likely the others.

mod bridge;
mod cluster;
mod engine;
mod own;
mod router;
mod shard;
mod stock;

use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use service::config::Config;
use service::shutdown::Shutdown;
use service::telemetry;

use crate::flags::{self, Life};
use crate::presence::Presence;
use crate::{life, open_files, print};

/// For what a node has to be taken by others, when it is asked to end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);

/// Between two looks at what is left.
const DRAIN_LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// For a role to let go of its sockets and of the engine.
const END_TIME_MAX: Duration = Duration::from_secs(5);

pub(crate) fn router(flags: &flags::Router) -> anyhow::Result<()> {
    let (config, life) = flags.configuration()?;
    run(config, life, |mut config, ends| async move {
        match config.stock.take() {
            Some(shards) => stock::run(config, shards, ends).await,
            None => router::run(config, ends).await,
        }
    })
}

pub(crate) fn shard(flags: &flags::Shard) -> anyhow::Result<()> {
    let (config, life) = flags.configuration()?;
    run(config, life, shard::run)
}

pub(crate) fn bridge(flags: &flags::Bridge) -> anyhow::Result<()> {
    let (config, life) = flags.configuration()?;
    run(config, life, bridge::run)
}

/// Why this process ends.
#[derive(Clone)]
struct Ends {
    /// somebody asked it to
    planned: Shutdown,
    /// whoever started it is gone
    orphaned: Shutdown,
}

impl Ends {
    async fn wait(&self) {
        tokio::select! {
            () = self.planned.wait() => {}
            () = self.orphaned.wait() => {}
        }
    }

    /// Where the end was asked for: gives `handover` its time, unless whoever started it goes too.
    async fn give_time(&self, handover: impl Future<Output = ()>) {
        if self.planned.is_triggered() {
            tokio::select! {
                () = handover => {}
                () = self.orphaned.wait() => {}
            }
        }
    }
}

fn run<F>(config: Config, life: Life, role: fn(Config, Ends) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    telemetry::init(config.log.format, &config.log.level)?;
    open_files::raise(config.limits.connections);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")?;
    let done = runtime.block_on(async {
        let ends = Ends { planned: Shutdown::on_signals()?, orphaned: Shutdown::new() };
        if life.end_with_input {
            life::end_with_input(ends.orphaned.clone());
        }
        let orphaned = ends.orphaned.clone();
        let too_late = async {
            orphaned.wait().await;
            tokio::time::sleep(END_TIME_MAX).await;
        };
        tokio::select! {
            done = role(config, ends) => done,
            () = too_late => {
                tracing::warn!("not everything ended in time; the journal is whole all the same");
                Ok(())
            }
        }
    });
    // A task that hangs does not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    done
}

/// Waits until nothing is left, as long as that may take; tells whether it came so far.
async fn emptied(is_empty: impl AsyncFn() -> bool) -> bool {
    let empty = async {
        while !is_empty().await {
            tokio::time::sleep(DRAIN_LOOK_INTERVAL).await;
        }
    };
    tokio::time::timeout(DRAIN_TIME_MAX, empty).await.is_ok()
}

fn say(presence: &Presence) -> anyhow::Result<()> {
    print::text(&format!("{presence}\n"))
}

/// The end of a role, which takes no longer than it may.
async fn end(role: impl Future<Output = ()>) {
    if tokio::time::timeout(END_TIME_MAX, role).await.is_err() {
        tracing::warn!("not everything ended in time; the journal is whole all the same");
    }
}
