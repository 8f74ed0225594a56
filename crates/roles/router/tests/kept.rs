//! Conference requests over connections that are used again.

mod support;

use std::sync::Arc;

use journal::{Memory, Node, Registry as _, Role};
use router::{Cluster, Running, Upstreams};
use support::raw::{Act, Raw, Seen, ok};
use support::{config, request, start, with_shard};

/// Says what came.
fn echo(seen: &Seen) -> Act {
    Act::Say(ok(&format!("{} {}", seen.head, seen.body)))
}

async fn ask(router: &Running, from: &str) -> support::Answer {
    let headers = format!("X-Forwarded-For: {from}\r\n");
    request(router, "POST", "/conference-request/v1?room=standup", &headers, "{}").await
}

#[tokio::test]
async fn conference_requests_share_a_connection_and_websockets_do_not() {
    let raw = Raw::start(|seen| if seen.head.contains("upgrade") { Act::Close } else { echo(seen) }).await;
    let router = start(config(with_shard(raw.address).await)).await;
    for from in ["10.0.0.1", "10.0.0.2"] {
        let answer = ask(&router, from).await;
        assert!(answer.body.contains(&format!("x-forwarded-for: {from}, 127.0.0.1\r\n")), "{answer:?}");
    }
    assert!(support::open(&router, "/xmpp-websocket?room=standup").await.is_err());
    assert!(ask(&router, "10.0.0.3").await.body.ends_with("{}"));
    assert_eq!(raw.connections(), [0, 0, 1, 0]);
}

#[tokio::test]
async fn a_shard_that_closes_as_the_request_comes_is_asked_again() {
    let raw = Raw::start(|seen| if seen.turn == 0 { echo(seen) } else { Act::Close }).await;
    let router = start(config(with_shard(raw.address).await)).await;
    for _ in 0..3 {
        let answer = ask(&router, "10.0.0.1").await;
        assert!(answer.status == 200 && answer.body.ends_with("{}"), "{answer:?}");
    }
    assert_eq!(raw.connections(), [0, 0, 1, 1, 2]);
}

#[tokio::test]
async fn an_answer_that_is_too_long_leaves_no_connection() {
    // more than is read at a time
    let long = "x".repeat(4 << 20);
    let raw = Raw::start(move |seen| Act::Say(ok(if seen.connection == 0 { &long } else { "ok" }))).await;
    let router = start(config(with_shard(raw.address).await)).await;
    assert_eq!(ask(&router, "10.0.0.1").await.status, 502);
    assert_eq!(ask(&router, "10.0.0.1").await.body, "ok");
    assert_eq!(raw.connections(), [0, 1]);
}

#[tokio::test]
async fn a_shard_that_has_another_address_is_asked_there() {
    let (mut old, new) = (Raw::start(echo).await, Raw::start(|_| Act::Say(ok("new"))).await);
    let engine = Memory::new();
    let at = |raw: &Raw| Node { http: Some(raw.address), ..journal::testing::node("shard-1", Role::Shard) };
    engine.announce(at(&old)).await.unwrap();
    let router = start(config(Upstreams::Cluster(Cluster {
        id: "router-1".to_owned(),
        registry: Arc::new(engine.clone()),
        places: Arc::new(engine.clone()),
        region: None,
        admin: None,
    })))
    .await;
    let answer = ask(&router, "10.0.0.1").await;
    assert!(answer.body.ends_with("{}"), "{answer:?}");
    engine.announce(at(&new)).await.unwrap();
    assert_eq!(ask(&router, "10.0.0.1").await.body, "new");
    // its connection may wait for its time
    assert_eq!(old.closed().await, 0);
    assert_eq!((old.connections().len(), new.connections().len()), (1, 1));
}
