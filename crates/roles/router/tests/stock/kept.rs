//! Connections to shards that are used again, and what shards do to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use router::{Running, StockState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fronts::alone;
use crate::support::raw::{Act, Raw, Seen, ok};
use crate::support::{SOON, get, request};
use crate::web::{shard, with_health};
use crate::{state, until};

async fn front(shards: &[(&str, &Raw)]) -> Running {
    let listed = shards.iter().map(|(id, raw)| shard(id, &format!("http://{}", raw.address)));
    let router = alone(with_health(listed.collect())).await;
    for (id, _) in shards {
        until("it is well", || state(&router, id) == StockState::Ready).await;
    }
    router
}

/// Each answer says what the request had; one to HEAD has no body.
fn echo(seen: &Seen) -> Act {
    if seen.head.starts_with("HEAD ") {
        return Act::Say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_owned());
    }
    Act::Say(ok(&format!("{} {}", seen.head, seen.body)))
}

#[tokio::test]
async fn requests_of_all_clients_share_a_connection_and_nothing_else() {
    let raw = Raw::start(echo).await;
    let router = front(&[("a", &raw)]).await;
    let first =
        request(&router, "GET", "/standup", "X-Forwarded-For: 10.0.0.1\r\nCookie: of=one\r\n", "").await;
    assert!(first.body.contains("x-forwarded-for: 10.0.0.1, 127.0.0.1\r\n"), "{first:?}");
    assert!(!first.body.contains("connection: close"), "that is between client and router: {first:?}");
    let other = request(&router, "POST", "/http-bind?room=standup", "", "<body/>").await;
    assert!(
        other.body.contains("x-forwarded-for: 127.0.0.1\r\n") && !other.body.contains("of=one"),
        "{other:?}"
    );
    assert!(other.body.ends_with("<body/>"), "{other:?}");
    for method in ["HEAD", "GET", "DELETE"] {
        assert_eq!(request(&router, method, "/retro", "", "").await.status, 200, "{method}");
    }
    assert_eq!(raw.connections(), [0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_may_not_be_asked_twice_goes_over_a_new_connection_and_leaves_it() {
    let raw = Raw::start(echo).await;
    let router = front(&[("a", &raw)]).await;
    assert_eq!(get(&router, "/standup").await.status, 200);
    assert!(request(&router, "POST", "/room-password?room=a", "", "secret").await.body.ends_with("secret"));
    assert_eq!(get(&router, "/standup").await.status, 200);
    // longer than what is kept
    let long = "x".repeat(100 << 10);
    assert!(request(&router, "POST", "/http-bind?room=a", "", &long).await.body.ends_with(&long));
    let connections = raw.connections();
    assert_eq!(connections[1], 1);
    assert!(connections[2] < 2, "{connections:?}");
    assert_eq!(connections[3], 2);
}

#[tokio::test]
async fn a_shard_that_closes_as_the_request_comes_costs_the_client_nothing() {
    let raw = Raw::start(|seen| if seen.turn == 0 { echo(seen) } else { Act::Close }).await;
    let router = front(&[("a", &raw)]).await;
    assert_eq!(get(&router, "/standup").await.status, 200);
    for (connection, method) in [(1, "GET"), (2, "POST"), (3, "GET"), (4, "POST")] {
        let body = if method == "POST" { "<body rid='7'/>" } else { "" };
        let answer = request(&router, method, "/http-bind?room=standup", "", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.ends_with(body), "{answer:?}");
        let lines = raw.lines();
        let sent = format!("{method} /http-bind?room=standup HTTP/1.1");
        assert_eq!(lines[lines.len() - 2..], [(connection - 1, sent.clone()), (connection, sent)]);
    }
    assert_eq!(state(&router, "a"), StockState::Ready);
}

#[tokio::test]
async fn a_shard_that_breaks_a_new_connection_is_asked_once() {
    let raw = Raw::start(|_| Act::Close).await;
    let router = front(&[("a", &raw)]).await;
    assert_eq!(get(&router, "/http-bind?room=standup").await.status, 502);
    assert_eq!(raw.connections(), [0]);
}

#[tokio::test]
async fn what_a_shard_closes_is_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n\r\nok",
    ] {
        let raw = Raw::start(move |_| Act::Last(answer.to_owned())).await;
        let router = front(&[("a", &raw)]).await;
        for _ in 0..3 {
            let got = get(&router, "/http-bind?room=standup").await;
            assert!(got.status == 200 && got.body.contains("ok"), "{answer}: {got:?}");
        }
        assert_eq!(raw.connections(), [0, 1, 2], "{answer}");
    }
}

#[tokio::test]
async fn half_an_answer_never_comes_back() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf";
    let acts = move |seen: &Seen| if seen.connection == 0 { Act::Stop(half.to_owned()) } else { echo(seen) };
    let mut raw = Raw::start(acts).await;
    let router = front(&[("a", &raw)]).await;
    let mut client = TcpStream::connect(router.addr()).await.unwrap();
    client.write_all(b"GET /http-bind?room=standup HTTP/1.1\r\nHost: meet.example\r\n\r\n").await.unwrap();
    let mut text = String::new();
    while !text.ends_with("half") {
        let mut bytes = [0; 1024];
        let read = timeout(SOON, client.read(&mut bytes)).await.expect("half an answer in time").unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    drop(client);
    assert_eq!(raw.closed().await, 0);
    let answer = get(&router, "/http-bind?room=standup").await;
    assert!(answer.body.starts_with("GET /http-bind?room=standup"), "{answer:?}");
    assert_eq!(raw.connections(), [0, 1]);
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_takes_the_connection_along() {
    let acts = |seen: &Seen| match (seen.connection, seen.turn) {
        (0, 1) => Act::Stop(String::new()),
        _ => echo(seen),
    };
    let mut raw = Raw::start(acts).await;
    let router = front(&[("a", &raw)]).await;
    assert_eq!(get(&router, "/http-bind?room=standup").await.status, 200);
    let mut client = TcpStream::connect(router.addr()).await.unwrap();
    client.write_all(b"GET /http-bind?room=standup HTTP/1.1\r\nHost: meet.example\r\n\r\n").await.unwrap();
    until("it is held", || raw.connections() == [0, 0]).await;
    // while that one is held, another is served
    assert_eq!(get(&router, "/http-bind?room=standup").await.status, 200);
    drop(client);
    assert_eq!(raw.closed().await, 0);
    assert_eq!(raw.connections(), [0, 0, 1]);
}

#[tokio::test]
async fn a_page_that_hangs_on_a_shard_that_is_declared_down_comes_from_another() {
    let is_dead = Arc::new(AtomicBool::new(false));
    let dead = Arc::clone(&is_dead);
    let acts =
        move |seen: &Seen| if dead.load(Ordering::Relaxed) { Act::Stop(String::new()) } else { echo(seen) };
    let (mut raw, other) = (Raw::start(acts).await, Raw::start(|_| Act::Say(ok("other"))).await);
    let mut settings = with_health(vec![
        shard("a", &format!("http://{}", raw.address)),
        service::config::StockShard { is_backup: true, ..shard("b", &format!("http://{}", other.address)) },
    ]);
    settings.patience.timeout = Duration::from_millis(300);
    settings.patience.grace = Duration::ZERO;
    let router = alone(settings).await;
    until("both are well", || ["a", "b"].iter().all(|id| state(&router, id) == StockState::Ready)).await;
    assert_ne!(get(&router, "/standup").await.body, "other");
    is_dead.store(true, Ordering::Relaxed);
    raw.falls_silent();
    assert_eq!(get(&router, "/standup").await.body, "other");
    assert_eq!(raw.connections(), [0, 0]);
    assert_eq!(raw.closed().await, 0);
}

#[tokio::test]
async fn a_router_that_ends_leaves_no_connection() {
    let mut raw = Raw::start(echo).await;
    let router = front(&[("a", &raw)]).await;
    assert_eq!(get(&router, "/standup").await.status, 200);
    router.shutdown().await;
    assert_eq!(raw.closed().await, 0);
}
