//! `althing keep`: runs a foreign program that does not know how to end with its parent. It ends it when standard input
//! ends, which also happens when the parent is killed.
//!
//! A program that works on a directory does so alone: its successor waits for a lock.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use service::clock::Clock;
use service::shutdown::Shutdown;

use crate::presence::Presence;
use crate::{life, print};

/// For the program to end when it is asked to.
const END_TIME_MAX: Duration = Duration::from_secs(5);

/// For a predecessor that is about to end.
const LOCK_TIME_MAX: Duration = Duration::from_secs(15);

const LOOK_INTERVAL: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
pub(crate) struct Keep {
    /// Its name
    #[arg(long)]
    id: String,
    /// Where it listens, once it is up
    #[arg(long)]
    address: SocketAddr,
    /// Held while it runs
    #[arg(long)]
    lock: PathBuf,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    line: Vec<String>,
}

pub(crate) fn run(keep: &Keep) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let end = Shutdown::on_signals()?;
        life::end_with_input(end.clone());
        work(keep, &end).await
    })
}

async fn work(keep: &Keep, end: &Shutdown) -> anyhow::Result<()> {
    let _lock = lock(keep, end).await?;
    let (program, arguments) = keep.line.split_first().context("there is no program to run")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{program} cannot be started"))?;
    let mut is_up = false;
    loop {
        if let Some(status) = child.try_wait()? {
            bail!("{program} ended by itself: {status}");
        }
        if end.is_triggered() {
            return finish(&mut child).await;
        }
        if !is_up && tokio::net::TcpStream::connect(keep.address).await.is_ok() {
            is_up = true;
            let presence =
                Presence { id: keep.id.clone(), pid: child.id(), address: keep.address, admin: None };
            print::text(&format!("{presence}\n"))?;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Its predecessor may be about to end.
async fn lock(keep: &Keep, end: &Shutdown) -> anyhow::Result<File> {
    let file = File::create(&keep.lock).with_context(|| format!("{} cannot be made", keep.lock.display()))?;
    let until = Clock.now() + LOCK_TIME_MAX;
    while file.try_lock().is_err() {
        if Clock.now() > until || end.is_triggered() {
            bail!(
                "{} is held by another {}; is a cluster running on the same data?",
                keep.lock.display(),
                keep.id
            );
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(file)
}

async fn finish(child: &mut Child) -> anyhow::Result<()> {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended already: then there is nobody to tell.
        let _ = kill_process(pid, Signal::TERM);
    }
    let until = Clock.now() + END_TIME_MAX;
    while child.try_wait()?.is_none() {
        if Clock.now() > until {
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(())
}
