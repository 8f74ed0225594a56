//! Clients over real WebSockets: they bind, meet, lose their sockets and take them up again.

mod support;

use std::sync::Arc;
use std::time::Duration;

use journal::{Fault, Journal as _, Memory};
use service::clock::Clock;
use shard::{Config, Ingress, Limits};
use support::{End, Guest, between, config, get, http, start, start_with, until};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn two_guests_of_a_room_hear_each_other() {
    let shard = start().await;
    let (mut anna, _) = Guest::joined(&shard, "demo").await;
    let (mut bob, _) = Guest::joined(&shard, "demo").await;
    assert!(anna.hear_until(&bob.occupant("demo")).await.starts_with("<presence"));
    bob.say(&chat("demo", "1", "hello")).await;
    for guest in [&mut anna, &mut bob] {
        let heard = guest.hear_until("<body>").await;
        assert!(heard.contains("hello"), "{heard}");
    }
}

#[tokio::test]
async fn rooms_and_tenants_are_apart() {
    let shard = start().await;
    let _guests = [Guest::joined(&shard, "one").await, Guest::joined(&shard, "two").await];
    let mut tenant = Guest::connect(&shard, "room=one&prefix=Acme").await;
    tenant.log_in().await;
    tenant.bind().await;
    let mut rooms: Vec<_> =
        shard.meetings().await.into_iter().map(|(room, s)| (room, s.participants.len())).collect();
    rooms.sort();
    assert_eq!(rooms, [("[acme]one".to_owned(), 0), ("one".to_owned(), 1), ("two".to_owned(), 1)]);
}

#[tokio::test]
async fn a_cut_stream_is_taken_up_and_nothing_is_lost() {
    let shard = start().await;
    let (anna, token) = Guest::joined(&shard, "demo").await;
    let (mut bob, _) = Guest::joined(&shard, "demo").await;
    let jid = anna.cut();
    until(async || (shard.meetings().await[0].1.hibernating == 1).then_some(())).await;
    bob.say(&chat("demo", "1", "while you were away")).await;
    bob.hear_until("<body>").await;

    let mut anna = Guest::connect(&shard, &format!("room=demo&previd={token}")).await;
    anna.log_in().await;
    // the presence was the one stanza that she sent; nothing of what she heard is acknowledged
    assert_eq!(anna.resume(&token, 0).await, Ok(1));
    let mut numbers = 0;
    loop {
        let heard = anna.hear_stanza().await;
        numbers += 1;
        if heard.contains("while you were away") {
            assert!(!heard.contains("urn:xmpp:delay"), "{heard}");
            break;
        }
    }
    assert!(numbers > 3, "the presences come again before it: {numbers}");
    anna.jid = jid;
    anna.say(&chat("demo", "2", "back")).await;
    let heard = bob.hear_until("back").await;
    assert_eq!(between(&heard, "from=\"", "\""), anna.occupant("demo"));
}

#[tokio::test]
async fn thousands_of_unacknowledged_stanzas_are_sent_again() {
    let shard = start().await;
    let (anna, _) = Guest::bound(&shard, "demo").await;
    let mut anna = anna.acknowledging();
    anna.join("demo").await;
    let (bob, token) = Guest::joined(&shard, "demo").await;
    bob.cut();
    until(async || (shard.meetings().await[0].1.hibernating == 1).then_some(())).await;
    // more than any queue of a socket should hold otherwise
    for n in 0..3_000 {
        anna.say(&chat("demo", &n.to_string(), &format!("line {n}."))).await;
        if n % 100 == 99 {
            anna.hear_until(&format!("line {n}.")).await;
        }
    }
    let mut bob = Guest::connect(&shard, &format!("room=demo&previd={token}")).await;
    bob.log_in().await;
    assert_eq!(bob.resume(&token, 0).await, Ok(1));
    bob.hear_until("line 0.").await;
    bob.hear_until("line 2999.").await;
}

#[tokio::test]
async fn a_client_that_floods_is_read_at_its_rate_and_disturbs_nobody() {
    let ingress = Ingress { stanzas_per_second: 20, stanzas_burst: 10, ..Ingress::default() };
    let limits = Limits { ingress, ..Limits::default() };
    let shard = start_with(Config { limits, ..config() }, Arc::new(Memory::new())).await;
    let (mut anna, _) = Guest::joined(&shard, "demo").await;
    let (mut bob, _) = Guest::joined(&shard, "demo").await;
    let started = Clock.now();
    for n in 0..40 {
        anna.say(&chat("demo", &n.to_string(), &format!("line {n}."))).await;
    }
    // in the middle of the flood
    bob.say(&chat("demo", "b", "bob's")).await;
    bob.hear_until("bob's").await;
    bob.hear_until("line 39.").await;
    // thirty at the least are over the burst
    assert!(started.elapsed() >= Duration::from_millis(1_450), "{:?}", started.elapsed());
}

#[tokio::test]
async fn the_newest_resume_wins() {
    let shard = start().await;
    let (mut old, token) = Guest::joined(&shard, "demo").await;
    let mut new = Guest::connect(&shard, &format!("room=demo&previd={token}")).await;
    new.log_in().await;
    assert_eq!(new.resume(&token, 0).await, Ok(1));
    let (heard, end) = old.end().await;
    assert_eq!(end, End::Dropped);
    assert!(!heard.iter().any(|text| text.contains("error")), "{heard:?}");
}

#[tokio::test]
async fn an_unknown_token_is_refused() {
    let shard = start().await;
    let (_guest, _) = Guest::joined(&shard, "demo").await;
    for room in ["demo", "nobody-is-here"] {
        let mut guest = Guest::connect(&shard, &format!("room={room}&previd=x")).await;
        guest.log_in().await;
        let refused = guest.resume("x", 0).await.unwrap_err();
        assert!(refused.starts_with("<failed") && refused.contains("item-not-found"), "{refused}");
    }
    let rooms: Vec<_> = shard.meetings().await.into_iter().map(|(room, _)| room).collect();
    assert_eq!(rooms, ["demo"], "no meeting was started to refuse it");
}

#[tokio::test]
async fn a_goodbye_is_answered_and_ends_the_meeting() {
    let memory = Memory::new();
    let shard = start_with(config(), Arc::new(memory.clone())).await;
    let (mut guest, _) = Guest::joined(&shard, "demo").await;
    guest.say("<presence type='unavailable' xmlns='jabber:client'/>").await;
    guest.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
    let (heard, end) = guest.end().await;
    assert_eq!(end, End::Closed(1000), "{heard:?}");
    assert!(heard.last().unwrap().starts_with("<close "), "{heard:?}");
    until(async || memory.meetings().await.unwrap().is_empty().then_some(())).await;
    until(async || shard.meetings().await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_room_can_be_used_again_at_once() {
    let shard = start().await;
    for _ in 0..30 {
        let (mut guest, _) = Guest::joined(&shard, "demo").await;
        guest.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
        // the next one comes while this one's meeting ends
    }
    let (_guest, _) = Guest::joined(&shard, "demo").await;
    until(async || (shard.meetings().await.first()?.1.participants.len() == 1).then_some(())).await;
}

#[tokio::test]
async fn an_outage_of_the_journal_delays_and_loses_nothing() {
    let memory = Memory::new();
    let shard = start_with(config(), Arc::new(memory.clone())).await;
    let (mut guest, _) = Guest::joined(&shard, "demo").await;
    memory.fail_appends(Fault::Unavailable, 3);
    memory.fail_appends(Fault::AnswerLost, 1);
    for n in 0..20 {
        guest.say(&chat("demo", &n.to_string(), &format!("line {n}."))).await;
    }
    for n in 0..20 {
        let heard = guest.hear_until("<body>").await;
        assert!(heard.contains(&format!("line {n}.")), "{n}: {heard}");
    }
}

#[tokio::test]
async fn another_owner_takes_the_sockets_away() {
    let memory = Memory::new();
    let shard = start_with(config(), Arc::new(memory.clone())).await;
    let (mut guest, _) = Guest::joined(&shard, "demo").await;
    let next = memory.replay("demo").await.unwrap().next;
    let entry = meeting::Entry {
        at: 0,
        seed: [0; 32],
        input: meeting::Input::Owner { shard: "shard-2".to_owned(), settings: config().settings },
    };
    memory.append("demo", next, vec![entry.to_bytes()]).await.unwrap();
    guest.say(&chat("demo", "1", "hello?")).await;
    let (heard, end) = guest.end().await;
    assert_eq!(end, End::Dropped);
    assert!(
        !heard.iter().any(|text| text.contains("hello?")),
        "what was not committed is not seen: {heard:?}"
    );
    assert_eq!(memory.replay("demo").await.unwrap().next, next + 1);
}

#[tokio::test]
async fn a_conference_request_is_answered() {
    let shard = start().await;
    let body = r#"{"room":"demo@conference.meet.example","properties":{"rtcstatsEnabled":false}}"#;
    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (status, answer) = http(&shard, &post("/conference-request/v1?room=demo", body)).await;
    assert_eq!(status, 200, "{answer}");
    assert!(
        answer.contains("\"ready\":true") && answer.contains("\"focusJid\":\"focus@auth.meet.example\""),
        "{answer}"
    );
    for (path, body, expected) in [
        ("/conference-request/v1", body, 400),
        ("/conference-request/v1?room=", body, 400),
        ("/conference-request/v1?room=demo", "no json", 400),
        ("/conference-request/v1?room=demo", &"x".repeat(100_000), 413),
    ] {
        let (status, answer) = http(&shard, &post(path, body)).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    assert_eq!(get(&shard, "/conference-request/v1?room=demo").await.0, 405);
}

#[tokio::test]
async fn the_keep_alive_request_is_answered() {
    let shard = start().await;
    assert_eq!(get(&shard, "/xmpp-websocket?room=demo").await.0, 200);
    assert_eq!(get(&shard, "/healthz").await.0, 200);
    assert!(shard.meetings().await.is_empty());
}

#[tokio::test]
async fn pings_of_the_socket_are_answered() {
    let shard = start().await;
    let (mut guest, _) = Guest::joined(&shard, "demo").await;
    guest.send(Message::Ping("x".into())).await;
    guest.say("<iq type='get' id='p' to='meet.example' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>").await;
    assert!(guest.hear_until("id=\"p\"").await.contains("type=\"result\""));
}

fn chat(room: &str, id: &str, text: &str) -> String {
    format!(
        "<message type='groupchat' id='{id}' to='{room}@conference.meet.example' xmlns='jabber:client'><body>{text}</body></message>"
    )
}
