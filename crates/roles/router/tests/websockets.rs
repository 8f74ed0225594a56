//! WebSockets through the router: to the shard and to bridges, and what a client sees when those die.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod support;

use futures_util::{SinkExt as _, StreamExt as _};
use router::Upstreams;
use support::{SOON, Socket, config, dead, open, start, whole, with_shard};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};

#[tokio::test]
async fn a_websocket_reaches_the_shard_with_its_query() {
    let router = whole().await;
    let mut socket = open(&router, "/xmpp-websocket?room=standup&previd=a-b").await.unwrap();
    check_says(&mut socket, "/xmpp-websocket?room=standup&previd=a-b for 127.0.0.1").await;
    check_echoes(&mut socket, "<open/>").await;
    check_echoes(&mut socket, &"x".repeat(200_000)).await;
}

#[tokio::test]
async fn the_tenant_of_the_path_is_the_prefix_of_the_query() {
    let router = whole().await;
    let mut socket = open(&router, "/Guild/xmpp-websocket?prefix=evil&room=standup").await.unwrap();
    check_says(&mut socket, "/xmpp-websocket?prefix=guild&room=standup for 127.0.0.1").await;
}

#[tokio::test]
async fn a_bridge_is_found_by_its_name() {
    let router = whole().await;
    for path in ["/colibri-ws/bridge-1/conf/ep?pwd=secret", "/guild/colibri-ws/bridge-1/conf/ep?pwd=secret"] {
        let mut socket = open(&router, path).await.unwrap();
        check_says(&mut socket, "/colibri-ws/bridge-1/conf/ep?pwd=secret").await;
        check_echoes(&mut socket, "{}").await;
    }
    check_refused(&router, "/colibri-ws/bridge-9/conf/ep", 404, "no such bridge").await;
}

#[tokio::test]
async fn a_refusal_of_the_shard_is_passed_on() {
    check_refused(&whole().await, "/xmpp-websocket?room=refused", 400, "no such room").await;
}

#[tokio::test]
async fn no_websocket_without_a_room() {
    let router = whole().await;
    for path in ["/xmpp-websocket", "/xmpp-websocket?room=", "/guild/xmpp-websocket?room=%00"] {
        check_refused(&router, path, 400, "?room=NAME").await;
    }
}

#[tokio::test]
async fn a_dead_shard_or_bridge_is_an_error_and_never_a_close() {
    let router = start(config(Upstreams::Fixed {
        shard: dead().await,
        bridges: [("bridge-1".to_owned(), dead().await)].into(),
    }))
    .await;
    check_refused(&router, "/xmpp-websocket?room=standup", 503, "try again").await;
    check_refused(&router, "/colibri-ws/bridge-1/conf/ep", 503, "try again").await;
}

#[tokio::test]
async fn when_the_shard_drops_a_socket_the_client_sees_no_close_frame() {
    let router = whole().await;
    let mut socket = open(&router, "/xmpp-websocket?room=standup").await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket.send(Message::text("die")).await.unwrap();
    match next(&mut socket).await {
        None | Some(Err(Error::Protocol(_) | Error::Io(_) | Error::ConnectionClosed)) => {}
        other => panic!("the socket should have broken, not {other:?}"),
    }
}

#[tokio::test]
async fn a_close_frame_of_the_shard_reaches_the_client() {
    let router = whole().await;
    let mut socket = open(&router, "/xmpp-websocket?room=standup").await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket.send(Message::text("bye")).await.unwrap();
    assert!(matches!(next(&mut socket).await, Some(Ok(Message::Close(_)))));
}

#[tokio::test]
async fn the_end_of_the_router_drops_every_socket() {
    let router = whole().await;
    let mut socket = open(&router, "/xmpp-websocket?room=standup").await.unwrap();
    socket.next().await.unwrap().unwrap();
    router.shutdown().await;
    assert!(!matches!(next(&mut socket).await, Some(Ok(_))), "no goodbye");
}

#[tokio::test]
async fn a_shard_that_is_no_http_server_is_a_bad_gateway() {
    let nonsense = tokio::net::TcpListener::bind(support::any_port()).await.unwrap();
    let shard = nonsense.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = nonsense.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, b"SSH-2.0-nonsense\r\n\r\n").await;
        }
    });
    let router = start(config(with_shard(shard).await)).await;
    check_refused(&router, "/xmpp-websocket?room=standup", 502, "try again").await;
}

async fn check_says(socket: &mut Socket, expected: &str) {
    match next(socket).await {
        Some(Ok(Message::Text(text))) => assert_eq!(text.as_str(), expected),
        other => panic!("{expected:?} was to come, not {other:?}"),
    }
}

async fn check_echoes(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    check_says(socket, text).await;
}

async fn check_refused(router: &router::Running, path: &str, status: u16, part: &str) {
    match open(router, path).await {
        Err(Error::Http(response)) => {
            let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
            assert_eq!(response.status(), status, "{path}: {body}");
            assert!(body.contains(part), "{path}: {body}");
        }
        Err(other) => panic!("{path}: {other}"),
        Ok(_) => panic!("{path}: it was opened"),
    }
}

async fn next(socket: &mut Socket) -> Option<Result<Message, Error>> {
    timeout(SOON, socket.next()).await.expect("something in time")
}
