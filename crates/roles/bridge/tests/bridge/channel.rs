//! The bridge channel over WebSocket.

use std::net::SocketAddr;

use bridge::Running;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::shard::{Link, Shard, within};
use crate::{bridge_of, create, modify};

type Socket = WebSocketStream<TcpStream>;

#[tokio::test]
async fn another_bridge_is_not_found_and_everything_else_is_forbidden() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    let path = channel_path(&mut link, "alice").await;
    let (conference, _) = path.strip_prefix("/colibri-ws/bridge-1/").unwrap().split_once('/').unwrap();

    check_status(&running, &path.replace("bridge-1", "bridge-2"), 404).await;
    check_status(&running, "/colibri-ws/bridge-1/nothing", 404).await;
    for refused in [
        format!("/colibri-ws/bridge-1/{conference}/alice"),
        format!("/colibri-ws/bridge-1/{conference}/alice?pwd="),
        format!("/colibri-ws/bridge-1/{conference}/alice?pwd=wrong"),
        format!("/colibri-ws/bridge-1/{conference}/alice?x=1&pwd=wrong"),
        path.replace("/alice?", "/bob?"),
        path.replace(conference, "ffffffff"),
        format!("/colibri-ws/bridge-1/{conference}/alice?pwd={}", "x".repeat(5000)),
    ] {
        check_status(&running, &refused, 403).await;
    }
    running.shutdown().await;
}

#[tokio::test]
async fn a_request_that_is_no_upgrade_is_refused() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut tcp = TcpStream::connect(running.http_addr()).await.unwrap();
    tcp.write_all(b"GET /colibri-ws/bridge-1/c/e?pwd=x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    within("an answer", tcp.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    running.shutdown().await;
}

#[tokio::test]
async fn a_newer_socket_replaces_the_older() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    let path = channel_path(&mut link, "alice").await;
    let mut older = open(running.http_addr(), &path).await;
    let mut newer = open(running.http_addr(), &path).await;
    assert_eq!(close_code(&mut older).await, CloseCode::Normal);

    newer.send(Message::text(r#"{"colibriClass":"LastNChangedEvent","lastN":5}"#)).await.unwrap();
    newer.send(Message::text("no json")).await.unwrap();
    newer.send(Message::Ping(Vec::from(b"still here").into())).await.unwrap();
    loop {
        if let Message::Pong(payload) = within("a pong", newer.next()).await.unwrap().unwrap() {
            assert_eq!(&payload[..], b"still here");
            break;
        }
    }
    running.shutdown().await;
}

#[tokio::test]
async fn binary_frames_and_long_messages_end_the_socket() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    let path = channel_path(&mut link, "alice").await;
    let mut socket = open(running.http_addr(), &path).await;
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(close_code(&mut socket).await, CloseCode::Unsupported);

    let mut socket = open(running.http_addr(), &path).await;
    // the bridge may hang up while we are still writing
    let _ = socket.send(Message::text("x".repeat(1 << 20))).await;
    while let Some(Ok(message)) = within("the end", socket.next()).await {
        assert!(!message.is_pong());
    }
    running.shutdown().await;
}

#[tokio::test]
async fn an_expired_endpoint_loses_its_socket() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    let path = channel_path(&mut link, "alice").await;
    let mut socket = open(running.http_addr(), &path).await;
    let mut request = modify("m");
    request.endpoints =
        vec![colibri::Endpoint { id: "alice".to_owned(), expire: true, ..Default::default() }];
    link.ask("set", request.to_element()).await;
    assert_eq!(close_code(&mut socket).await, CloseCode::Away);
    running.shutdown().await;
}

#[tokio::test]
async fn sockets_are_told_when_the_bridge_ends() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    let path = channel_path(&mut link, "alice").await;
    let mut socket = open(running.http_addr(), &path).await;
    let ended = tokio::spawn(running.shutdown());
    assert_eq!(close_code(&mut socket).await, CloseCode::Away);
    within("the end", ended).await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_up_the_end() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut tcp = TcpStream::connect(running.http_addr()).await.unwrap();
    tcp.write_all(b"GET /colibri-ws/bridge-1/c/e?pwd=x HTTP/1.1\r\nhost:").await.unwrap();
    within("the end", running.shutdown()).await;
}

/// Creates the conference `m` with one endpoint and gives the path of its channel.
async fn channel_path(link: &mut Link, endpoint: &str) -> String {
    let answer = create(link, "m", endpoint).await;
    let ice = answer.endpoints[0].transport.as_ref().and_then(|t| t.ice.as_ref()).expect("a transport");
    let url = ice.web_sockets.first().expect("a web-socket");
    url.strip_prefix("ws://127.0.0.1").unwrap_or_else(|| panic!("another base: {url}")).to_owned()
}

async fn open(http: SocketAddr, path: &str) -> Socket {
    let tcp = TcpStream::connect(http).await.unwrap();
    let url = format!("ws://{http}{path}");
    within("an upgrade", client_async(url, tcp)).await.unwrap().0
}

async fn close_code(socket: &mut Socket) -> CloseCode {
    loop {
        match within("a close frame", socket.next()).await.expect("a close frame").unwrap() {
            Message::Close(frame) => return frame.expect("a code").code,
            _ => continue,
        }
    }
}

async fn check_status(running: &Running, path: &str, status: u16) {
    let tcp = TcpStream::connect(running.http_addr()).await.unwrap();
    let url = format!("ws://{}{path}", running.http_addr());
    let error = within("an answer", client_async(url, tcp)).await.expect_err("refused");
    let tokio_tungstenite::tungstenite::Error::Http(response) = error else { panic!("{path}: {error}") };
    assert_eq!(response.status(), status, "{path}");
}
