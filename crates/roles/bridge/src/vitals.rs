//! How hard the bridge works: rates over the last interval, and the stress level that focuses choose bridges by.

use std::sync::Arc;
use std::time::{Duration, Instant};

use service::clock::Clock;
use tokio::time::{MissedTickBehavior, interval};

use crate::bridge::Bridge;
use crate::config::Stress;
use crate::limits::LOAD_INTERVAL;
use crate::media::Posting;

/// Linux counts a process' time in hundredths of a second towards user space, whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// One measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vitals {
    /// 1.0: as much as the bridge should carry; may be more
    pub(crate) stress: f64,
    /// share of all cores that this process used, 0..1; `None`: not known on this machine
    pub(crate) cpu: Option<f64>,
    pub(crate) rates: Rates,
    pub(crate) posting: Posting,
}

/// Per second, over the last interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) packets_received: u64,
    pub(crate) packets_sent: u64,
    pub(crate) kilobits_received: u64,
    pub(crate) kilobits_sent: u64,
}

/// Measures until the bridge ends.
pub(crate) async fn run(bridge: Arc<Bridge>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tick = interval(LOAD_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    let mut last = Sample::take(&bridge);
    loop {
        tokio::select! {
            () = bridge.stop().cancelled() => return,
            _ = tick.tick() => {}
        }
        let sample = Sample::take(&bridge);
        bridge.observe(measure(&last, &sample, cores, bridge.config().stress));
        last = sample;
    }
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    cpu_seconds: Option<f64>,
    posting: Posting,
}

impl Sample {
    fn take(bridge: &Bridge) -> Self {
        let cpu_seconds = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat));
        Self { at: Clock.now(), cpu_seconds, posting: bridge.doors().posting() }
    }
}

fn measure(last: &Sample, now: &Sample, cores: usize, limit: Stress) -> Vitals {
    let span = now.at.saturating_duration_since(last.at).max(Duration::from_millis(1)).as_secs_f64();
    let cpu = last
        .cpu_seconds
        .zip(now.cpu_seconds)
        .map(|(before, after)| (after - before).max(0.0) / span / cores as f64);
    let (before, after) = (&last.posting.stats, &now.posting.stats);
    let rate = |a: u64, b: u64| (b.saturating_sub(a) as f64 / span) as u64;
    let rates = Rates {
        packets_received: rate(before.packets_received, after.packets_received),
        packets_sent: rate(before.packets_sent, after.packets_sent),
        kilobits_received: rate(before.bytes_received, after.bytes_received) * 8 / 1000,
        kilobits_sent: rate(before.bytes_sent, after.bytes_sent) * 8 / 1000,
    };
    let stress = match limit {
        Stress::Cpu { full } => cpu.unwrap_or(0.0) / full,
        Stress::PacketRate { full } => (rates.packets_received + rates.packets_sent) as f64 / full,
    };
    // a limit of 0 is refused at the start
    Vitals { stress, cpu, rates, posting: now.posting }
}

/// User and system time in the text of proc(5)'s `stat`: fields 14 and 15, counted behind the command's name, which
/// may hold spaces and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse::<f64>);
    Some((times.next()?.ok()? + times.next()?.ok()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_strange_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 100 1 2";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("42 (a) S 1"), None);
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    fn this_process_has_used_some_time() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        assert!(cpu_seconds(&stat).is_some());
    }

    #[test]
    fn stress_is_the_share_of_the_limit() {
        // 1.8 of 2 cores for 10 s
        check(Stress::Cpu { full: 0.9 }, 18.0, 0, 1.0);
        check(Stress::Cpu { full: 0.9 }, 9.0, 0, 0.5);
        check(Stress::PacketRate { full: 50_000.0 }, 18.0, 250_000, 0.5);
    }

    fn check(limit: Stress, cpu_seconds: f64, packets: u64, stress: f64) {
        let at = Clock.now();
        let last = Sample { at, cpu_seconds: Some(1.0), posting: Posting::default() };
        let mut now = Sample {
            at: at + Duration::from_secs(10),
            cpu_seconds: Some(1.0 + cpu_seconds),
            posting: Posting::default(),
        };
        now.posting.stats.packets_sent = packets / 2;
        now.posting.stats.packets_received = packets / 2;
        let vitals = measure(&last, &now, 2, limit);
        assert!((vitals.stress - stress).abs() < 0.02, "{vitals:?}");
    }
}
