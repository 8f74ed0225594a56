//! Participants of a Janus VideoRoom, for `cargo xtask bench peers`: those of `althing load`, as far as media go, with the
//! same report. Only the signalling is Janus': everybody publishes over one connection and watches all others over a
//! second one, as its own web demo does.
#![expect(clippy::print_stdout, reason = "whoever started it waits for its lines")]

mod api;
mod half;
mod room;
mod sdp;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser;
use loadgen::units::time;
use loadgen::{Camera, Codec, Measurement, Media, Report, Voice, Watch};
use tokio::task::{JoinSet, LocalSet};

/// Between two looks at what flows.
const TICK: Duration = Duration::from_secs(1);
/// At the end, for what is on its way.
const LINGER: Duration = Duration::from_millis(500);

#[derive(Parser)]
struct Flags {
    /// Janus' API over WebSocket, such as ws://127.0.0.1:8188
    #[arg(long, value_name = "URL")]
    url: String,
    #[arg(long, value_name = "N", default_value_t = 3)]
    participants: u32,
    /// How many of them send; all of them watch [default: all]
    #[arg(long, value_name = "K")]
    senders: Option<u32>,
    /// Height of the pictures
    #[arg(long, value_name = "HEIGHT", default_value_t = 180)]
    video: u16,
    /// From the last join to the end, such as 90s or 5m
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    duration: Duration,
    /// As that of `althing load`
    #[arg(long, value_name = "PID")]
    watch: Vec<Watch>,
    /// Write everything that was measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = LocalSet::new().block_on(&runtime, run(&flags))?;
    if let Some(file) = &flags.json {
        std::fs::write(file, format!("{:#}\n", report.to_json()))
            .with_context(|| format!("could not write {}", file.display()))?;
    }
    Ok(())
}

async fn run(flags: &Flags) -> anyhow::Result<Report> {
    let senders = flags.senders.unwrap_or(flags.participants).min(flags.participants);
    let media = Media {
        camera: Some(Camera { codec: Codec::Vp8, heights: vec![flags.video], bitrate_bps: None }),
        voice: Some(Voice::Talking),
        senders,
        height_max: i32::from(flags.video),
    };
    let measurement = Rc::new(Measurement::begin(&media, &flags.watch, 1, flags.participants).await?);
    let mut seats = tokio::select! {
        entered = room::enter(&flags.url, &measurement, flags.participants, senders) => entered?,
        () = show(&measurement) => bail!("nobody looks any more"),
    };
    let ended = tokio::select! {
        ended = stay(flags.duration, &mut seats) => ended,
        () = show(&measurement) => Ok(()),
    };
    measurement.finish();
    tokio::time::sleep(LINGER).await;
    measurement.tick();
    ended?;
    // before Janus hears that they go: it ends the connections, and one that ends has failed
    let report = Rc::into_inner(measurement).context("somebody still joins")?.end();
    seats.shutdown().await;
    Ok(report)
}

/// Says every second how many are in.
async fn show(measurement: &Measurement) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let progress = measurement.tick();
        println!("{} of {} in", progress.present, progress.total);
    }
}

/// Until the time is over, or a SIGINT ends it; or somebody falls out.
async fn stay(time: Duration, seats: &mut JoinSet<anyhow::Error>) -> anyhow::Result<()> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        told = tokio::signal::ctrl_c() => Ok(told?),
        Some(over) = seats.join_next() => Err(over?),
    }
}
