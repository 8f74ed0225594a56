//! A journal with a record that is bent, gone, a stranger's or of another version: it is set aside, its room begins anew,
//! and nobody else notices. On both engines, as they are.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::path::Path;
use std::sync::Arc;

use journal::testing::{Harm, NatsServer};
use journal::{Journal, Nats, Redb};
use meeting::{Entry, Input, Meeting};
use service::metrics::Metrics;
use shard::{Cluster, Config, Running};
use support::{Guest, config, log, until};

/// What is wrong with the journal.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Hurt(Harm),
    /// an entry, or a snapshot, of a version to come
    NewerEntry,
    NewerSnapshot,
}

const ALL: [Wrong; 5] = [
    Wrong::Hurt(Harm::Bent),
    Wrong::Hurt(Harm::Missing),
    Wrong::Hurt(Harm::Foreign),
    Wrong::NewerEntry,
    Wrong::NewerSnapshot,
];

#[tokio::test]
async fn on_a_file() {
    log::listen();
    for (number, wrong) in ALL.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let bad = format!("file{number}");
        let shard = start(config(), open(directory.path()).await).await;
        let guests = people(&shard.0, &bad).await;
        shard.0.kill().await;
        match wrong {
            Wrong::Hurt(harm) => harm.do_to_file(directory.path(), &bad).await,
            newer => write(&*open(directory.path()).await, &bad, newer).await,
        }
        let shard = start(config(), open(directory.path()).await).await;
        check(&shard, guests, &bad, "shard-1").await;
        shard.0.kill().await;
        // and that was it
        let journal = open(directory.path()).await;
        let (again, metrics) = start(config(), Arc::clone(&journal)).await;
        assert_eq!(abandoned(&metrics), 0, "{wrong:?}");
        assert_eq!(journal.aside().await.unwrap(), [bad], "{wrong:?}");
        again.kill().await;
    }
}

#[tokio::test]
async fn on_an_engine() {
    log::listen();
    let server = NatsServer::alone(&[]).await;
    for (number, wrong) in ALL.into_iter().enumerate() {
        let bad = format!("engine{number}");
        let nats = connect(&server, number).await;
        let (shard, _) = start(clustered("shard-7", &nats), Arc::new(nats.clone())).await;
        let guests = people(&shard, &bad).await;
        shard.kill().await;
        match wrong {
            Wrong::Hurt(harm) => harm.do_to_engine(&nats, &bad).await,
            newer => write(&nats, &bad, newer).await,
        }
        let nats = connect(&server, number).await;
        let shard = start(clustered("shard-7", &nats), Arc::new(nats.clone())).await;
        check(&shard, guests, &bad, "shard-7").await;
        shard.0.kill().await;
        let (again, metrics) = start(clustered("shard-7", &nats), Arc::new(nats.clone())).await;
        assert_eq!(abandoned(&metrics), 0, "{wrong:?}");
        assert_eq!(nats.aside().await.unwrap(), [bad], "{wrong:?}");
        again.kill().await;
    }
}

/// Their rooms, and the tokens of their streams.
struct Guests {
    bad: String,
    good: String,
}

/// Somebody in the room `bad`, and somebody in a room that nothing happens to.
async fn people(shard: &Running, bad: &str) -> Guests {
    let (mut anna, bad_token) = Guest::joined(shard, bad).await;
    let (_bob, good) = Guest::joined(shard, "good").await;
    anna.say(&format!(
        "<message type='groupchat' to='{bad}@conference.meet.example' xmlns='jabber:client'><body>hi</body></message>"
    ))
    .await;
    anna.hear_until("<body>hi").await;
    Guests { bad: bad_token, good }
}

/// A record, or a snapshot, of a format that is not known here.
async fn write(journal: &dyn Journal, room: &str, wrong: Wrong) {
    let newer = |bytes: &[u8]| [&[9], &bytes[1..]].concat();
    let next = journal.replay(room).await.unwrap().next;
    if matches!(wrong, Wrong::NewerSnapshot) {
        journal.snapshot(room, next, newer(&Meeting::new(room).snapshot())).await.unwrap();
    } else {
        let entry = Entry { at: 1, seed: [0; 32], input: Input::Tick };
        journal.append(room, next, vec![newer(&entry.to_bytes())]).await.unwrap();
    }
}

/// The shard has been started again.
async fn check((shard, metrics): &(Running, Metrics), guests: Guests, bad: &str, node: &str) {
    assert_eq!(abandoned(metrics), 1, "{bad}");
    let said = log::lines(&["ERROR", "set aside", &format!("node=\"{node}\""), &format!("room=\"{bad}\"")]);
    assert_eq!(said.len(), 1, "{bad}: {said:?}");

    let mut bob = Guest::connect(shard, &format!("room=good&previd={}", guests.good)).await;
    bob.log_in().await;
    assert_eq!(bob.resume(&guests.good, 0).await, Ok(1));
    let mut anna = Guest::connect(shard, &format!("room={bad}&previd={}", guests.bad)).await;
    anna.log_in().await;
    let refused = anna.resume(&guests.bad, 0).await.unwrap_err();
    assert!(refused.contains("item-not-found"), "{refused}");
    let (_anna, _) = Guest::joined(shard, bad).await;
}

fn abandoned(metrics: &Metrics) -> u64 {
    let text = metrics.exposition();
    let count = text.lines().find_map(|line| line.strip_prefix("shard_meetings_abandoned_total "));
    count.unwrap().parse().unwrap()
}

async fn start(config: Config, journal: Arc<dyn Journal>) -> (Running, Metrics) {
    let metrics = Metrics::new();
    (shard::start(config, journal, &metrics).await.unwrap(), metrics)
}

async fn open(directory: &Path) -> Arc<dyn Journal> {
    // the former shard's tasks may hold the file for a moment longer
    let journal: Arc<dyn Journal> = until(async || Redb::open(directory).ok().map(Arc::new)).await;
    journal
}

/// Each cluster has its own journals on the engine.
async fn connect(server: &NatsServer, number: usize) -> Nats {
    Nats::connect(&server.config(&format!("test{number}"))).await.unwrap()
}

fn clustered(name: &str, nats: &Nats) -> Config {
    let nats = Arc::new(nats.clone());
    let cluster = Cluster { registry: nats.clone(), places: nats, region: None, admin: None };
    Config { name: name.to_owned(), cluster: Some(cluster), ..config() }
}
