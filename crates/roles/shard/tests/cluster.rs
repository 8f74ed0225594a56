//! Shards that share an engine: a meeting goes from one to another, and its clients' streams with it.

mod support;

use std::sync::Arc;

use axum::http::StatusCode;
use journal::testing::Deaf;
use journal::{Journal as _, Memory, Places, Registry as _};
use shard::{Cluster, Config, Handover, Running};
use support::{End, Guest, config, http, start_with, until};

#[tokio::test]
async fn a_dead_shards_meeting_goes_on_elsewhere_and_no_stanza_is_lost() {
    let engine = Memory::new();
    let (one, two) = two(&engine).await;
    let (mut anna, anna_token) = Guest::joined(&one, "demo").await;
    let (bob, bob_token) = Guest::joined(&one, "demo").await;
    anna.say(&chat("before")).await;
    anna.hear_until("before").await;
    one.kill().await;
    drop((anna, bob));
    place(&engine, "demo", "shard-2").await;

    let mut anna = resumed(&two, &anna_token, 2).await;
    let mut bob = resumed(&two, &bob_token, 1).await;
    bob.hear_until("before").await;
    anna.say(&chat("after")).await;
    bob.hear_until("after").await;
    let nodes = engine.nodes();
    assert!(nodes.borrow().contains_key("shard-2"));
}

#[tokio::test]
async fn a_meeting_without_clients_is_taken_over_too() {
    let engine = Memory::new();
    let (one, two) = two(&engine).await;
    let (guest, _) = Guest::joined(&one, "demo").await;
    one.kill().await;
    drop(guest);
    place(&engine, "demo", "shard-2").await;
    let hibernating = || async {
        let meetings = two.meetings().await;
        meetings.iter().any(|(room, summary)| room == "demo" && summary.hibernating == 1).then_some(())
    };
    until(hibernating).await;
}

#[tokio::test]
async fn who_is_asked_for_anothers_meeting_names_the_other_and_touches_nothing() {
    let engine = Memory::new();
    let (one, two) = two(&engine).await;
    let (mut anna, _) = Guest::joined(&one, "demo").await;
    let refused = Guest::try_connect(&two, "room=demo").await.err();
    assert_eq!(refused, Some(StatusCode::MISDIRECTED_REQUEST));
    for request in ["/conference-request/v1?room=demo", "/_althing/adopt?room=demo"] {
        let (status, body) = http(&two, &post(request)).await;
        assert_eq!(status, 421, "{request}");
        assert!(body.contains("shard-1"), "{body}");
    }
    anna.say(&chat("still here")).await;
    anna.hear_until("still here").await;
}

#[tokio::test]
async fn a_meeting_is_moved_and_its_streams_follow() {
    let engine = Memory::new();
    let (one, two) = two(&engine).await;
    known(&engine).await;
    let (mut anna, token) = Guest::joined(&one, "demo").await;
    anna.say(&chat("before")).await;
    anna.hear_until("before").await;
    assert_eq!(one.move_meeting("demo", Some("shard-2")).await.unwrap(), "shard-2");
    assert_eq!(anna.end().await.1, End::Dropped);
    let mut anna = resumed(&two, &token, 2).await;
    anna.hear_until("before").await;
    until(|| async { one.meetings().await.is_empty().then_some(()) }).await;

    let error = one.move_meeting("demo", None).await.unwrap_err();
    assert!(matches!(error, Handover::NoMeeting(_)), "{error}");
    let error = two.move_meeting("demo", Some("shard-9")).await.unwrap_err();
    assert!(matches!(error, Handover::NoShard(_)), "{error}");
}

#[tokio::test]
async fn a_draining_shard_gives_everything_away_and_takes_nothing_new() {
    let engine = Memory::new();
    let (one, two) = two(&engine).await;
    known(&engine).await;
    let mut guests = Vec::new();
    for room in ["a", "b", "c"] {
        guests.push((room, Guest::joined(&one, room).await));
    }
    one.drain();
    until(|| async { one.meetings().await.is_empty().then_some(()) }).await;
    for (room, (mut guest, token)) in guests {
        assert_eq!(guest.end().await.1, End::Dropped);
        let mut guest = Guest::connect(&two, &format!("room={room}&previd={token}")).await;
        guest.log_in().await;
        assert_eq!(guest.resume(&token, 0).await, Ok(1));
    }
    assert_eq!(Guest::try_connect(&one, "room=new").await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
    let (_, body) = support::get(&one, "/healthz").await;
    assert!(body.contains("draining"), "{body}");
    let mut nodes = engine.nodes();
    nodes.wait_for(|nodes| nodes["shard-1"].draining).await.unwrap();
}

#[tokio::test]
async fn a_former_owner_that_heard_of_nothing_is_refused_by_the_journal() {
    let engine = Memory::new();
    let deaf = Cluster { places: Arc::new(Deaf::to(&engine)), ..cluster(&engine) };
    let one = start_with(Config { cluster: Some(deaf), ..named("shard-1") }, Arc::new(engine.clone())).await;
    let two = start(&engine, "shard-2").await;
    let (mut zombie, token) = Guest::joined(&one, "demo").await;
    place(&engine, "demo", "shard-2").await;
    let mut anna = resumed(&two, &token, 1).await;

    zombie.say(&chat("from beyond")).await;
    let (heard, end) = zombie.end().await;
    assert_eq!(end, End::Dropped);
    assert!(!heard.iter().any(|text| text.contains("from beyond")), "{heard:?}");
    anna.say(&chat("alive")).await;
    assert!(anna.hear_until("body").await.contains("alive"));
}

#[tokio::test]
async fn a_meeting_that_is_over_leaves_its_place() {
    let engine = Memory::new();
    let (one, two) = two(&engine).await;
    let (mut guest, _) = Guest::joined(&one, "demo").await;
    guest.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
    guest.end().await;
    until(|| async { engine.known("demo").is_none().then_some(()) }).await;
    let (_guest, _) = Guest::joined(&two, "demo").await;
    assert_eq!(engine.known("demo").unwrap().shard, "shard-2");
}

#[tokio::test]
async fn a_shard_that_starts_again_has_its_own_meetings_and_leaves_the_others() {
    let engine = Memory::new();
    let (one, two) = two(&engine).await;
    let (mine, token) = Guest::joined(&one, "mine").await;
    let (_theirs, _) = Guest::joined(&two, "theirs").await;
    engine.append("orphan", 0, vec![b"no entry".to_vec()]).await.unwrap();
    one.kill().await;
    drop(mine);
    let one = start(&engine, "shard-1").await;
    let rooms: Vec<_> = one.meetings().await.into_iter().map(|(room, _)| room).collect();
    assert_eq!(rooms, ["mine"]);
    let mut mine = Guest::connect(&one, &format!("room=mine&previd={token}")).await;
    mine.log_in().await;
    assert_eq!(mine.resume(&token, 0).await, Ok(1));
}

#[tokio::test]
async fn somebody_elses_token_resumes_nothing() {
    let engine = Memory::new();
    let (one, two) = two(&engine).await;
    let (_anna, token) = Guest::joined(&one, "demo").await;
    let mut thief = Guest::connect(&two, &format!("room=other&previd={token}")).await;
    thief.log_in().await;
    let refused = thief.resume(&token, 0).await.unwrap_err();
    assert!(refused.contains("item-not-found"), "{refused}");
}

fn cluster(engine: &Memory) -> Cluster {
    Cluster {
        registry: Arc::new(engine.clone()),
        places: Arc::new(engine.clone()),
        region: None,
        admin: None,
    }
}

fn named(name: &str) -> Config {
    Config { name: name.to_owned(), ..config() }
}

async fn start(engine: &Memory, name: &str) -> Running {
    let config = Config { cluster: Some(cluster(engine)), ..named(name) };
    start_with(config, Arc::new(engine.clone())).await
}

async fn two(engine: &Memory) -> (Running, Running) {
    (start(engine, "shard-1").await, start(engine, "shard-2").await)
}

/// Waits until both have announced themselves.
async fn known(engine: &Memory) {
    engine.nodes().wait_for(|nodes| nodes.len() == 2).await.expect("the engine lives");
}

/// As a router does it.
async fn place(engine: &Memory, meeting: &str, shard: &str) {
    let revision =
        engine.placed(meeting).await.expect("the engine answers").map_or(0, |place| place.revision);
    Places::place(engine, meeting, shard, revision).await.expect("nobody else places it");
}

async fn resumed(shard: &Running, token: &str, h: u32) -> Guest {
    let mut guest = Guest::connect(shard, &format!("room=demo&previd={token}")).await;
    guest.log_in().await;
    assert_eq!(guest.resume(token, 0).await, Ok(h));
    guest
}

fn chat(text: &str) -> String {
    format!(
        "<message type='groupchat' to='demo@conference.meet.example' xmlns='jabber:client'><body>{text}</body></message>"
    )
}

fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}")
}
