//! What the engines of the journal do on this machine, as one line of JSON for `cargo xtask bench failover`: how long an
//! append takes at a thousand a second, and how long it takes until a meeting of a thousand entries is there again.
#![expect(clippy::print_stdout, reason = "a measurement prints what it measured")]
#![expect(clippy::unwrap_used, reason = "there is nothing to measure where an engine fails")]

mod chatter;

use std::sync::Arc;
use std::time::Duration;

use journal::testing::NatsServer;
use journal::{Journal, Nats, NatsConfig, Redb};
use meeting::{Entry, Meeting};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Meetings that are written at the same time, each ten times a second.
const MEETINGS: u32 = 100;
const INTERVAL: Duration = Duration::from_millis(100);
const APPENDS: u64 = 100;
/// Of a record.
const BYTES: usize = 1_000;

const REPLAYED: usize = 1_000;
const REPLAYS: usize = 20;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let redb = measure(Arc::new(Redb::open(folder.path()).unwrap())).await;
    let servers = NatsServer::cluster(3).await;
    let nats = Nats::connect(&NatsConfig::new(&servers[0].url(), "figures", "meet.example")).await.unwrap();
    let nats = measure(Arc::new(nats)).await;
    println!("{}", json!({ "redb": redb, "nats": nats }));
}

/// All times in milliseconds.
async fn measure(journal: Arc<dyn Journal>) -> Value {
    // what is done for the first time, a stream or a file, is not what a day is made of
    append(&journal, 0, 10).await;
    let appends = append(&journal, 1, APPENDS).await;
    json!({ "appends": appends, "replays": replay(&*journal).await })
}

/// Each meeting has its turn, whether the others are done or not: what is late counts from its turn on.
async fn append(journal: &Arc<dyn Journal>, round: u32, count: u64) -> Vec<f64> {
    let start = Instant::now() + Duration::from_millis(10);
    let writers = (0..MEETINGS).map(|number| {
        let journal = Arc::clone(journal);
        let first = start + INTERVAL * number / MEETINGS;
        tokio::spawn(async move { write(&*journal, &format!("r{round}-{number}"), first, count).await })
    });
    let mut times = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        times.extend(writer.await.unwrap());
    }
    times
}

async fn write(journal: &dyn Journal, room: &str, first: Instant, count: u64) -> Vec<f64> {
    let mut turns = interval_at(first, INTERVAL);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut times = Vec::new();
    let mut done = first;
    for position in 0..count {
        let turn = turns.tick().await;
        // a timer wakes up to a millisecond late: that is not the journal's
        let begun = if done > turn { turn } else { Instant::now() };
        journal.append(room, position, vec![vec![7; BYTES]]).await.unwrap();
        done = Instant::now();
        times.push((done - begun).as_secs_f64() * 1e3);
    }
    times
}

/// A meeting whose people chat, read from the journal and rebuilt as a shard does when it takes over.
async fn replay(journal: &dyn Journal) -> Vec<f64> {
    let entries = chatter::entries(REPLAYED);
    for (position, entry) in (0..).zip(&entries) {
        journal.append("replayed", position, vec![entry.to_bytes()]).await.unwrap();
    }
    let mut times = Vec::new();
    for _ in 0..REPLAYS {
        let begun = Instant::now();
        let replay = journal.replay("replayed").await.unwrap();
        let mut meeting = Meeting::new("replayed");
        for record in &replay.records {
            meeting.apply(&Entry::from_bytes(record).unwrap());
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!((replay.records.len(), meeting.summary().participants.len()), (REPLAYED, chatter::PEOPLE));
    }
    times
}
