//! Clients that want too much, send too slowly, or never say anything.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use std::time::Duration;

use router::Running;
use support::{SOON, config, get, open, parse, request, say, start, upstreams};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let router = start(config(upstreams().await)).await;
    let headers = format!("X-Large: {}\r\n", "x".repeat(20_000));
    assert_eq!(request(&router, "GET", "/", &headers, "").await.status, 431);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let router = start(config(upstreams().await)).await;
    let body = "x".repeat(5_000);
    let answer = request(&router, "POST", "/conference-request/v1?room=a", "", &body).await;
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("4096 bytes"), "{}", answer.body);
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let router = start(config(upstreams().await)).await;
    assert_eq!(say(router.addr(), "\u{1}\u{2}nonsense\r\n\r\n").await.status, 400);
}

#[tokio::test]
async fn a_slow_head_is_not_waited_for() {
    let mut config = config(upstreams().await);
    config.limits.header_time = Duration::from_millis(100);
    let router = start(config).await;
    for head in ["", "GET / HTTP/1.1\r\nHost: me"] {
        let mut slow = TcpStream::connect(router.addr()).await.unwrap();
        slow.write_all(head.as_bytes()).await.unwrap();
        check_ended(&mut slow).await;
    }
    // One that has asked may take its time for the next request.
    let mut kept = kept(&router).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    check_answers(&mut kept).await;
}

#[tokio::test]
async fn silent_sockets_keep_nobody_out() {
    let mut config = config(upstreams().await);
    config.limits.connections = 200;
    config.limits.half_open = 100;
    let router = start(config).await;
    let mut kept = kept(&router).await;
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        silent.push(TcpStream::connect(router.addr()).await.unwrap());
    }
    assert_eq!(get(&router, "/").await.status, 200);
    open(&router, "/xmpp-websocket?room=a").await.unwrap();
    check_answers(&mut kept).await;
    check_ended(&mut silent[0]).await;
}

#[tokio::test]
async fn when_every_connection_is_in_use_the_next_is_told() {
    let mut config = config(upstreams().await);
    config.limits.connections = 2;
    let router = start(config).await;
    let socket = open(&router, "/xmpp-websocket?room=a").await.unwrap();
    let mut kept = kept(&router).await;

    let refused = get(&router, "/").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    assert_eq!(refused.body, "this server has as many connections as it may; try again soon");

    check_answers(&mut kept).await;
    drop(socket);
    let room_again = async { while get(&router, "/").await.status != 200 {} };
    timeout(SOON, room_again).await.expect("the place of the WebSocket is free again");
}

/// A connection that has asked once and stays.
async fn kept(router: &Running) -> TcpStream {
    let mut stream = TcpStream::connect(router.addr()).await.unwrap();
    check_answers(&mut stream).await;
    stream
}

async fn check_answers(stream: &mut TcpStream) {
    stream.write_all(b"GET /_unlock HTTP/1.1\r\nHost: meet.example\r\n\r\n").await.unwrap();
    let mut text = String::new();
    while !text.ends_with("OK\n") {
        let mut bytes = [0; 1024];
        let read = timeout(SOON, stream.read(&mut bytes)).await.expect("an answer in time").unwrap();
        assert_ne!(read, 0, "the connection has ended after {text:?}");
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert_eq!(parse(&text).status, 200);
}

async fn check_ended(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // It may also be reset.
    let _ = timeout(SOON, stream.read_to_end(&mut rest)).await.expect("an end in time");
}
