//! Not a test: what a datagram costs the media threads. `cargo test -p bridge --release -- --ignored --nocapture`

use std::time::Duration;

use service::clock::Clock;
use service::metrics::Metrics;

use crate::bridge_with;
use crate::client::Client;
use crate::shard::Shard;

const LISTENERS: usize = 20;
const PACKETS: u32 = 5000;

#[tokio::test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "its result")]
async fn cost_of_a_datagram() {
    for threads in [1, 2] {
        let shard = Shard::start().await;
        let running = bridge_with(&shard, &Metrics::new(), threads).await;
        let mut link = shard.enter().await;
        let mut talker = Client::join(&mut link, "m", "talker", 1, true).await;
        let mut listeners = Vec::new();
        for n in 0..LISTENERS {
            let ssrc = 1000 + u32::try_from(n).unwrap();
            listeners.push(Client::join(&mut link, "m", &format!("l{n}"), ssrc, false).await);
        }
        let (before, cpu, start) = (running.stats().media, media_cpu(), Clock.now());
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        for _ in 0..PACKETS {
            pace.tick().await;
            talker.talk(&[7; 1000]);
            // sends what waits; what comes back is not the point
            let _ = tokio::time::timeout(Duration::ZERO, talker.turn()).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (after, spent) = (running.stats().media, media_cpu() - cpu);
        let sent = after.packets_sent - before.packets_sent;
        println!(
            "{threads} thread(s): {sent} datagrams to {LISTENERS} listeners in {:?}, {:.2} us of media thread CPU each",
            Clock.now() - start,
            spent * 1e6 / sent as f64
        );
        running.shutdown().await;
    }
}

/// Seconds that all threads named media-* have used, in ticks of 10 ms (proc(5)).
fn media_cpu() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    let ticks = stats.filter(|stat| stat.contains("(media-")).map(|stat| {
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields
            .split_ascii_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<f64>().unwrap())
            .sum::<f64>()
    });
    ticks.sum::<f64>() / 100.0
}
