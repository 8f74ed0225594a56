//! What only the engine of a cluster can meet: several servers, strangers on the same engine, lost answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::limits::{MESSAGE_BYTES_MAX, REQUEST_TIME};
use crate::testing::NatsServer;
use crate::{Journal, Places, Position, RECORD_BYTES_MAX, Replay, SNAPSHOT_BYTES_MAX};

async fn connect(server: &NatsServer) -> Nats {
    Nats::connect(&server.config("test")).await.unwrap()
}

async fn refused(config: &NatsConfig, part: &str) {
    let error = Nats::connect(config).await.unwrap_err().to_string();
    assert!(error.contains(part), "{part:?} is not in {error:?}");
}

fn records(count: usize, size: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| vec![u8::try_from(number % 251).unwrap(); size]).collect()
}

#[tokio::test]
async fn two_processes_see_one_journal_and_one_of_them_is_fenced() {
    let server = NatsServer::alone(&[]).await;
    let (left, right) = (connect(&server).await, connect(&server).await);
    left.append("room", 0, vec![b"a".to_vec()]).await.unwrap();
    right.append("room", 1, vec![b"b".to_vec()]).await.unwrap();
    let error = left.append("room", 1, vec![b"late".to_vec()]).await.unwrap_err();
    assert_eq!(error, Error::WrongPosition { meeting: "room".to_owned(), expected: 1, actual: 2 });
    left.snapshot("room", 1, b"late".to_vec()).await.unwrap_err();
    left.purge("room", 1).await.unwrap_err();
    let expected = Replay { snapshot: None, records: vec![b"a".to_vec(), b"b".to_vec()], next: 2 };
    assert_eq!(left.replay("room").await.unwrap(), expected);
}

#[tokio::test]
async fn who_slept_while_a_meeting_ended_and_began_again_is_fenced() {
    let server = NatsServer::alone(&[]).await;
    let (sleeper, other) = (connect(&server).await, connect(&server).await);
    sleeper.append("room", 0, records(3, 5)).await.unwrap();
    other.purge("room", 3).await.unwrap();
    sleeper.append("room", 3, vec![b"late".to_vec()]).await.unwrap_err();
    other.append("room", 0, records(3, 7)).await.unwrap();
    sleeper.append("room", 3, vec![b"mine".to_vec()]).await.unwrap();
    other.append("room", 3, vec![b"theirs".to_vec()]).await.unwrap_err();
}

#[tokio::test]
async fn long_records_many_records_and_large_snapshots_go_into_several_messages() {
    let server = NatsServer::alone(&[]).await;
    let nats = connect(&server).await;
    let large = records(5, RECORD_BYTES_MAX);
    nats.append("room", 0, large.clone()).await.unwrap();
    let many = records(2_000, 100);
    for (position, batch) in (5..).step_by(20).zip(many.chunks(20)) {
        nats.append("room", position, batch.to_vec()).await.unwrap();
    }
    let all = Replay { snapshot: None, records: [large, many].concat(), next: 2005 };
    assert_eq!(connect(&server).await.replay("room").await.unwrap(), all);

    let state: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    nats.snapshot("room", 2005, state.clone()).await.unwrap();
    nats.append("room", 2005, vec![b"after".to_vec()]).await.unwrap();
    let expected = Replay { snapshot: Some((2005, state)), records: vec![b"after".to_vec()], next: 2006 };
    assert_eq!(connect(&server).await.replay("room").await.unwrap(), expected);
    assert!(nats.snapshot("room", 2006, vec![0; SNAPSHOT_BYTES_MAX + 1]).await.is_err());
}

#[tokio::test]
async fn a_repetition_of_what_was_stored_is_no_second_record() {
    let server = NatsServer::alone(&[]).await;
    let (nats, other) = (connect(&server).await, connect(&server).await);
    nats.append("room", 0, vec![b"a".to_vec(), b"b".to_vec()]).await.unwrap();
    // as after an answer that was lost: by the same process, and by one that has never seen the head
    for engine in [&nats, &other] {
        engine.append("room", 0, vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]).await.unwrap();
    }
    other.append("room", 2, vec![b"x".to_vec()]).await.unwrap_err();
    assert_eq!(nats.replay("room").await.unwrap().next, 3);
}

#[tokio::test]
async fn what_is_damaged_missing_or_foreign_is_named() {
    let server = NatsServer::alone(&[]).await;
    let nats = connect(&server).await;
    for room in ["missing", "foreign", "bent", "end"] {
        for position in 0..4 {
            nats.append(room, position, vec![vec![u8::try_from(position).unwrap()]]).await.unwrap();
        }
    }
    let sequence = |room: &'static str, skip: u64| {
        let nats = nats.clone();
        async move {
            let (stream, subject) = nats.shared.stream(room);
            let mut next = 1;
            for _ in 0..=skip {
                let get = stream.raw_message_builder().next_by_subject(&subject).sequence(next);
                next = get.send().await.unwrap().sequence + 1;
            }
            next - 1
        }
    };
    let stream = nats.shared.stream("missing").0;
    stream.delete_message(sequence("missing", 2).await).await.unwrap();
    let error = connect(&server).await.replay("missing").await.unwrap_err();
    assert_eq!(error, Error::Damaged { meeting: "missing".to_owned(), position: 2 });

    for (room, bytes) in [("foreign", b"hello".to_vec()), ("bent", b"ALJ\x01bent".to_vec())] {
        let (_, subject) = nats.shared.stream(room);
        nats.shared.context.publish(subject, bytes.into()).await.unwrap().await.unwrap();
        let error = connect(&server).await.replay(room).await.unwrap_err();
        assert_eq!(matches!(error, Error::Foreign { .. }), room == "foreign", "{error}");
        assert!(error.to_string().contains(room), "{error}");
        nats.append(room, 4, vec![b"x".to_vec()]).await.unwrap_err();
    }
    let first = sequence("end", 0).await;
    nats.shared.stream("end").0.delete_message(first).await.unwrap();
    assert!(matches!(
        connect(&server).await.replay("end").await,
        Err(Error::Unavailable(_) | Error::Damaged { .. })
    ));

    nats.set_aside("bent").await.unwrap();
    assert_eq!(nats.replay("bent").await.unwrap(), Replay::default());
    assert_eq!(nats.aside().await.unwrap(), ["bent"]);
    nats.append("bent", 0, vec![b"new".to_vec()]).await.unwrap();
    assert_eq!(connect(&server).await.replay("bent").await.unwrap().next, 1);
}

#[tokio::test]
async fn two_deployments_do_not_share_a_cluster_by_mistake() {
    let server = NatsServer::alone(&[]).await;
    let mine = connect(&server).await;
    refused(
        &NatsConfig { deployment: "other.example".to_owned(), ..server.config("test") },
        "belongs to meet.example",
    )
    .await;
    let theirs = NatsConfig { deployment: "other.example".to_owned(), ..server.config("theirs") };
    let theirs = Nats::connect(&theirs).await.unwrap();
    mine.append("room", 0, vec![b"mine".to_vec()]).await.unwrap();
    theirs.append("room", 0, vec![b"theirs".to_vec()]).await.unwrap();
    mine.place("room", "shard-1", 0).await.unwrap();
    assert_eq!(theirs.known("room"), None);
    let more = NatsConfig { streams: 9, ..server.config("test") };
    assert_eq!(Nats::connect(&more).await.unwrap().found().streams, 2, "the first node's word holds");
}

#[tokio::test]
async fn what_only_a_change_mends_is_said() {
    let server = NatsServer::alone(&["--user", "althing", "--pass", "right"]).await;
    let with = |password: &str| {
        let credentials = Credentials::Password { user: "althing".to_owned(), password: password.to_owned() };
        NatsConfig { credentials, ..server.config("test") }
    };
    refused(&with("wrong"), "refuses the login").await;
    refused(&server.config("test"), "refuses the login").await;
    Nats::connect(&with("right")).await.unwrap();
    refused(&server.config("a.b"), "letters, digits").await;
    refused(&NatsConfig { streams: 0, ..server.config("test") }, "streams").await;
    refused(
        &NatsConfig { replicas: Some(3), cluster: "three".to_owned(), ..with("right") },
        "3 replicas need",
    )
    .await;
    let patience = Duration::from_millis(300);
    let nobody = vec!["nats://127.0.0.1:1".to_owned()];
    refused(&NatsConfig { urls: nobody, patience, ..with("right") }, "127.0.0.1:1").await;
    // a login within the address is one too, and no log shall have it
    let within = server.url().replace("nats://", "nats://althing:hunter2@");
    let error =
        Nats::connect(&NatsConfig::new(&within, "test", "meet.example")).await.unwrap_err().to_string();
    assert!(error.contains("refuses the login") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn jetstream_that_is_off_is_said_at_once() {
    let server = NatsServer::plain().await;
    let config = server.config("test");
    let refused = refused(&config, "start nats-server with -js");
    tokio::time::timeout(REQUEST_TIME, refused).await.expect("nobody waits for it");
}

#[tokio::test]
async fn places_stay_known_while_the_engine_is_away_and_are_right_when_it_is_back() {
    let mut server = NatsServer::alone(&[]).await;
    let (nats, other) = (connect(&server).await, connect(&server).await);
    let stays = nats.place("stays", "shard-1", 0).await.unwrap();
    let goes = nats.place("goes", "shard-1", 0).await.unwrap();
    server.kill();
    assert_eq!(nats.known("stays").unwrap().revision, stays);
    let error = nats.place("new", "shard-1", 0).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    let error = nats.append("room", 0, vec![b"a".to_vec()]).await.unwrap_err();
    assert!(error.is_transient(), "{error}");

    server.start().await;
    let mut changes = nats.changes();
    until(async || other.vacate("goes", goes).await.is_ok()).await;
    while nats.known("goes").is_some() {
        changes.recv().await.unwrap();
    }
    assert_eq!(nats.known("stays").unwrap().revision, stays);
    // the former attempt may have been heard after all
    until(async || nats.append("room", 0, vec![b"a".to_vec()]).await.is_ok()).await;
    assert_eq!(nats.replay("room").await.unwrap().records, [b"a".to_vec()]);
}

#[tokio::test]
async fn an_engine_that_is_empty_again_is_made_anew_and_says_what_it_lost() {
    let mut server = NatsServer::alone(&[]).await;
    let (nats, other) = (connect(&server).await, connect(&server).await);
    for position in 0..40 {
        nats.append("room", position, vec![b"a".to_vec()]).await.unwrap();
        nats.place(&format!("room{position}"), "shard-1", 0).await.unwrap();
    }
    nats.append("over", 0, vec![b"a".to_vec()]).await.unwrap();
    nats.purge("over", 1).await.unwrap();
    assert!(matches!(nats.append("over", 1, Vec::new()).await, Err(Error::WrongPosition { .. })));
    server.kill();
    server.lose();
    server.start().await;
    let append = async || nats.append("room", 40, vec![b"b".to_vec()]).await;
    until(async || !append().await.is_err_and(|error| error.is_transient())).await;
    let lost = Error::Lost { meeting: "room".to_owned() };
    assert_eq!(append().await, Err(lost.clone()));
    assert_eq!(nats.append("room", 40, Vec::new()).await, Err(lost));
    nats.restore("room", 41, b"all".to_vec()).await.unwrap();
    nats.append("room", 41, vec![b"c".to_vec()]).await.unwrap();
    let expected = Replay { snapshot: Some((41, b"all".to_vec())), records: vec![b"c".to_vec()], next: 42 };
    assert_eq!(other.replay("room").await.unwrap(), expected);

    // places begin anew too, and everybody hears of them
    until(async || nats.known("room7").is_none() && other.known("room7").is_none()).await;
    let revision = nats.place("room7", "shard-2", 0).await.unwrap();
    until(async || other.known("room7").is_some_and(|place| place.revision == revision)).await;
}

#[tokio::test]
async fn the_leader_dies_and_nothing_that_was_confirmed_is_lost_or_doubled() {
    let mut servers = NatsServer::cluster(3).await;
    let urls: Vec<_> = servers.iter().map(NatsServer::url).collect();
    let config = NatsConfig { urls, ..servers[0].config("test") };
    let nats = Nats::connect(&config).await.unwrap();
    assert_eq!(nats.found().replicas, 3);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..4).map(|n| tokio::spawn(write(nats.clone(), format!("room{n}"), stop.clone()))).collect();
    until(async || nats.shared.head("room0").await.is_ok_and(|head| head.next > 20)).await;
    let leader = leader_of(&nats, "room0").await;
    servers[leader].kill();
    let before = nats.shared.head("room1").await.map_or(0, |head| head.next);
    until(async || {
        let mut all = true;
        for room in ["room0", "room1", "room2", "room3"] {
            all &= nats.shared.head(room).await.is_ok_and(|head| head.next > before + 20);
        }
        all
    })
    .await;
    stop.store(true, Ordering::SeqCst);
    for (number, writer) in writers.into_iter().enumerate() {
        let confirmed = writer.await.unwrap();
        let there = nats.replay(&format!("room{number}")).await.unwrap();
        let expected: Vec<_> = (0..confirmed).map(|n: Position| n.to_le_bytes().to_vec()).collect();
        assert_eq!(there.records, expected, "room{number}");
    }
}

/// Each does once more what its log says, and may lead afterwards.
#[tokio::test]
async fn servers_that_are_killed_and_started_again_have_what_they_had() {
    let mut servers = NatsServer::cluster(3).await;
    let urls: Vec<_> = servers.iter().map(NatsServer::url).collect();
    let config = NatsConfig { urls, streams: 1, ..servers[0].config("test") };
    let nats = Nats::connect(&config).await.unwrap();
    let records: Vec<_> = (0..30).map(|n: Position| n.to_le_bytes().to_vec()).collect();
    for room in ["records", "whole", "parts", "over"] {
        for (position, record) in (0..).zip(&records) {
            nats.append(room, position, vec![record.clone()]).await.unwrap();
        }
    }
    let parts = vec![7; MESSAGE_BYTES_MAX + 1];
    nats.snapshot("whole", 30, b"state".to_vec()).await.unwrap();
    nats.snapshot("parts", 30, parts.clone()).await.unwrap();
    nats.purge("over", 30).await.unwrap();
    let snapshot =
        |bytes: &[u8]| Replay { snapshot: Some((30, bytes.to_vec())), records: Vec::new(), next: 30 };
    let expected = [
        ("records", Replay { snapshot: None, records, next: 30 }),
        ("whole", snapshot(b"state")),
        ("parts", snapshot(&parts)),
        ("over", Replay::default()),
    ];
    for (number, server) in servers.iter_mut().enumerate() {
        server.kill();
        server.start().await;
        until(async || are_level(&nats).await).await;
        for (room, expected) in &expected {
            let mut replay = nats.replay(room).await;
            while replay.as_ref().is_err_and(Error::is_transient) {
                replay = nats.replay(room).await;
            }
            assert_eq!(replay.as_ref(), Ok(expected), "{room} after server {number}");
        }
    }
}

/// All servers have the stream.
async fn are_level(nats: &Nats) -> bool {
    let Ok(info) = nats.shared.stream("room").0.get_info().await else { return false };
    let cluster = info.cluster.unwrap();
    cluster.leader.is_some()
        && cluster.replicas.len() == 2
        && cluster.replicas.iter().all(|peer| peer.current)
}

/// Appends until told to stop, each record until it is confirmed; tells how many.
async fn write(nats: Nats, room: String, stop: Arc<AtomicBool>) -> Position {
    let mut position = 0;
    let mut decided = true;
    // what was cut off in between is decided before the end
    while !stop.load(Ordering::SeqCst) || !decided {
        match nats.append(&room, position, vec![position.to_le_bytes().to_vec()]).await {
            Ok(()) => (position, decided) = (position + 1, true),
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                decided = false;
            }
        }
    }
    position
}

async fn leader_of(nats: &Nats, room: &str) -> usize {
    let info = nats.shared.stream(room).0.get_info().await.unwrap();
    let leader = info.cluster.and_then(|cluster| cluster.leader).unwrap();
    leader.strip_prefix('n').and_then(|number| number.parse().ok()).unwrap()
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let patience = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), patience).await.expect("in time");
}
