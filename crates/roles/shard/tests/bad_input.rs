//! What no client should send, and sockets that do nothing.

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use journal::Memory;
use shard::{Config, Limits, Running};
use support::{
    DOMAIN, End, Guest, PATIENCE, config, get, http, limits, request_conference, start, start_with, until,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_room_that_is_none_is_refused() {
    let shard = start().await;
    let long = format!("room={}", "x".repeat(10 * 1024));
    for query in ["", "room=", "room=a%00b", "room=a%0Ab", "room=a%7F", "room=a&prefix=%5B", &long] {
        assert_eq!(Guest::try_connect(&shard, query).await.err(), Some(StatusCode::BAD_REQUEST), "{query}");
        let (status, body) = get(&shard, &format!("/xmpp-websocket?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(body.contains("room") || body.contains("tenant"), "a sentence: {body}");
    }
    let (status, _) = get(&shard, "/xmpp-websocket?room=%FF").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_stream_needs_its_subprotocol() {
    let shard = start().await;
    let upgrade = |more: &str| {
        format!(
            "GET /xmpp-websocket?room=demo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        )
    };
    for more in ["", "Sec-WebSocket-Protocol: chat\r\n"] {
        let request = upgrade(&format!("{more}Connection: close\r\n"));
        assert_eq!(http(&shard, &request).await.0, 400, "{more}");
    }
}

#[tokio::test]
async fn a_big_frame_is_refused_with_its_code() {
    let shard = start().await;
    for size in [300 * 1024, 900 * 1024] {
        let mut guest = Guest::connect(&shard, "room=demo").await;
        guest.say(&"x".repeat(size)).await;
        assert_eq!(guest.end().await.1, End::Closed(1009), "{size} bytes before the bind");
        let (mut guest, _) = Guest::bound(&shard, "demo").await;
        guest.say(&"x".repeat(size)).await;
        assert_eq!(guest.end().await.1, End::Closed(1009), "{size} bytes after it");
    }
}

#[tokio::test]
async fn wrong_steps_end_the_stream() {
    let shard = start().await;
    for frame in [
        "hello",
        "<a",
        "<iq xmlns='jabber:client' type='set' id='1'/>",
        "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>",
    ] {
        let mut guest = Guest::connect(&shard, "room=demo").await;
        guest.say(frame).await;
        let (heard, end) = guest.end().await;
        assert_eq!(end, End::Dropped, "{frame}");
        assert!(heard.iter().any(|text| text.starts_with("<stream:error")), "{frame}: {heard:?}");
    }
    assert!(shard.meetings().await.is_empty());
}

#[tokio::test]
async fn binary_frames_are_refused() {
    let shard = start().await;
    let (mut guest, _) = Guest::bound(&shard, "demo").await;
    guest.send(Message::binary(vec![0; 10])).await;
    assert_eq!(guest.end().await.1, End::Closed(1003));
}

#[tokio::test]
async fn bad_clients_do_not_disturb_a_meeting() {
    let shard = start().await;
    let (mut anna, _) = Guest::joined(&shard, "demo").await;
    let (mut bob, _) = Guest::joined(&shard, "demo").await;
    let deep = format!("<message xmlns='jabber:client'>{}", "<a>".repeat(50_000));
    let names = "n".repeat(10 * 1024);
    let bad = [
        "not xml",
        "<message",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><message xmlns='jabber:client'>&a;</message>",
        &deep,
        "<iq type='set' id='2' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
        "<a xmlns='urn:xmpp:sm:3' h='4294967295'/>",
        "<resume xmlns='urn:xmpp:sm:3' h='1' previd='x'/>",
        "<x xmlns='unheard-of'/>",
        &format!("<presence xmlns='jabber:client' to='demo@conference.{DOMAIN}/{names}'/>"),
        &format!(
            "<message xmlns='jabber:client' from='focus@auth.{DOMAIN}/focus' type='groupchat' to='demo@conference.{DOMAIN}'><body>forged</body></message>"
        ),
        &format!(
            "<presence xmlns='jabber:client' to='other@conference.{DOMAIN}/x'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        ),
    ];
    for frame in bad {
        let (mut guest, _) = Guest::bound(&shard, "demo").await;
        guest.say(frame).await;
        guest.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
        guest.end().await;
    }
    anna.say(&format!("<message type='groupchat' id='1' to='demo@conference.{DOMAIN}' xmlns='jabber:client'><body>still here</body></message>")).await;
    let heard = bob.hear_until("<body>").await;
    assert!(heard.contains("still here"), "{heard}");
    let occupants = shard.meetings().await[0].1.participants.len();
    assert_eq!(occupants, 2);
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_socket_only() {
    let shard = start().await;
    let (anna, _) = Guest::bound(&shard, "demo").await;
    let mut anna = anna.acknowledging();
    anna.join("demo").await;
    let (deaf, _) = Guest::joined(&shard, "demo").await;
    let line = "x".repeat(50_000);
    // more than the sockets' buffers and the queue hold; each line is echoed before the next
    for sent in 0..1_000 {
        anna.say(&format!("<message type='groupchat' id='{sent}' to='demo@conference.{DOMAIN}' xmlns='jabber:client'><body>{line}</body></message>")).await;
        anna.hear_until("<body>").await;
        if sent % 10 == 0 && !hears(&shard, deaf.nick()).await {
            break;
        }
    }
    assert!(!hears(&shard, deaf.nick()).await && hears(&shard, anna.nick()).await);
    drop(deaf);
}

async fn hears(shard: &Running, nick: &str) -> bool {
    shard.meetings().await[0].1.participants.iter().any(|p| p.nick == nick && p.connected)
}

#[tokio::test]
async fn sockets_that_negotiate_are_bounded_in_number_and_time() {
    let limits = Limits { negotiations_max: 50, negotiation_time: Duration::from_secs(2), ..limits() };
    let shard = start_with(Config { limits, ..config() }, Arc::new(Memory::new())).await;
    let mut half_open = Vec::new();
    for _ in 0..50 {
        half_open.push(Guest::connect(&shard, "room=demo").await);
    }
    // a newcomer gets the place of the oldest
    let (_guest, _) = Guest::joined(&shard, "demo").await;
    for guest in &mut half_open {
        assert_eq!(guest.end().await, (Vec::new(), End::Dropped));
    }
}

#[tokio::test]
async fn the_oldest_negotiation_makes_place_for_a_newcomer() {
    let limits = Limits { negotiations_max: 3, negotiation_time: 10 * PATIENCE, ..limits() };
    let shard = start_with(Config { limits, ..config() }, Arc::new(Memory::new())).await;
    let mut oldest = Guest::connect(&shard, "room=demo").await;
    let mut others = [Guest::connect(&shard, "room=demo").await, Guest::connect(&shard, "room=demo").await];
    let (_guest, _) = Guest::joined(&shard, "demo").await;
    assert_eq!(oldest.end().await, (Vec::new(), End::Dropped));
    for other in &mut others {
        other.log_in().await;
        other.bind().await;
    }
}

#[tokio::test]
async fn sockets_of_clients_count_among_all_sockets() {
    let limits = Limits { http_connections_max: 3, ..limits() };
    let shard = start_with(Config { limits, ..config() }, Arc::new(Memory::new())).await;
    let mut guests = Vec::new();
    for _ in 0..3 {
        guests.push(Guest::joined(&shard, "demo").await.0);
    }
    let mut late = TcpStream::connect(shard.http_addr()).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, late.read(&mut [0; 1])).await.expect("it is closed");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    // the place of a socket is free again with its end
    guests.pop();
    until(async || {
        let mut socket = TcpStream::connect(shard.http_addr()).await.ok()?;
        socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.ok()?;
        answer.contains(" 200 ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn conference_requests_alone_do_not_fill_the_shard() {
    let limits = Limits { empty_meetings_max: 3, ..limits() };
    let shard = start_with(Config { limits, ..config() }, Arc::new(Memory::new())).await;
    for room in ["a", "b", "c", "a"] {
        let (head, body) = request_conference(&shard, room).await;
        assert!(head.contains(" 200 "), "{room}: {head} {body}");
    }
    let (head, body) = request_conference(&shard, "d").await;
    assert!(head.contains(" 503 ") && head.contains("retry-after: 5"), "{head}");
    assert!(body.contains("no place"), "{body}");
    // whoever really comes is let in, and a room with somebody in it does not count
    let (_guest, _) = Guest::joined(&shard, "e").await;
    let (head, _) = request_conference(&shard, "d").await;
    assert!(head.contains(" 503 "), "{head}");
    let (guest, _) = Guest::joined(&shard, "a").await;
    let (head, _) = request_conference(&shard, "d").await;
    assert!(head.contains(" 200 "), "{head}");
    drop(guest);
    assert!(request_conference(&shard, "f").await.0.contains(" 503 "), "who hibernates is still there");
}

#[tokio::test]
async fn thousands_of_silent_sockets_do_not_hurt() {
    let limits = Limits { http_connections_max: 2_500, head_time: Duration::from_secs(5), ..limits() };
    let shard = start_with(Config { limits, ..config() }, Arc::new(Memory::new())).await;
    let (mut anna, _) = Guest::joined(&shard, "demo").await;
    let mut silent = Vec::new();
    for n in 0..3_000 {
        let mut socket = TcpStream::connect(shard.http_addr()).await.unwrap();
        if n % 2 == 0 {
            // half a head; a socket over the limit is gone already
            let _ = socket.write_all(b"GET /xmpp-websocket?room=demo HTTP/1.1\r\nHost:").await;
        }
        silent.push(socket);
    }
    let asked = service::clock::Clock.now();
    anna.say(
        "<iq type='get' id='p' to='meet.example' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>",
    )
    .await;
    anna.hear_until("id=\"p\"").await;
    let took = service::clock::Clock.now().duration_since(asked);
    eprintln!("a ping beside 3000 silent sockets took {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    // each of them is let go of
    for socket in &mut silent {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("it is closed");
    }
    let (_guest, _) = Guest::joined(&shard, "demo").await;
}
