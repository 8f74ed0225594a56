//! The control stream.

use std::time::Duration;

use bridge::Signalling;
use colibri::{Condition, Reason};
use tokio::time::timeout;
use xmpp::{disco, elem, ns};

use crate::shard::{BREWERY, Shard, stat, within};
use crate::{bridge_of, create, error_of, modify, state};

const HEALTH: &str = "http://jitsi.org/protocol/healthcheck";

#[tokio::test]
async fn a_bridge_enters_the_brewery_with_its_stats() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.login().await;
    let presence = link.admit().await;
    let expected =
        [("drain", "false"), ("healthy", "true"), ("graceful_shutdown", "false"), ("region", "eu")];
    for (name, value) in expected {
        assert_eq!(stat(&presence, name).as_deref(), Some(value), "{name}");
    }
    assert!(stat(&presence, "stress_level").is_some_and(|level| level.parse::<f64>().is_ok()));
    state(&running, Signalling::Entered).await;

    let again = link.next_of("presence").await;
    assert!(!again.has_child("x", ns::MUC), "{again:?}");
    assert_eq!(stat(&again, "drain").as_deref(), Some("false"));
    running.shutdown().await;
}

#[tokio::test]
async fn draining_is_told_at_once_and_the_end_too() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    state(&running, Signalling::Entered).await;
    running.drain(true);
    let presence = timeout(Duration::from_secs(4), link.next_of("presence")).await.expect("at once");
    for name in ["drain", "shutting_down"] {
        assert_eq!(stat(&presence, name).as_deref(), Some("true"), "{name}");
    }

    let ended = tokio::spawn(running.shutdown());
    let last = link.next_of("presence").await;
    assert_eq!(last.attr("type"), Some("unavailable"));
    within("the end", ended).await.unwrap();
}

#[tokio::test]
async fn questions_about_the_bridge_are_answered() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    for payload in [
        elem("healthcheck", HEALTH).build(),
        elem("query", "jabber:iq:version").build(),
        disco::info(None, []),
        xmpp::ping::ping(),
    ] {
        let answer = link.ask("get", payload).await;
        assert_eq!(answer.attr("type"), Some("result"), "{answer:?}");
    }
    let unknown = link.ask("set", elem("shutdown", "http://jitsi.org/protocol/colibri").build()).await;
    assert_eq!(error_of(&unknown).condition, Condition::ServiceUnavailable);
    let broken = link.ask("set", elem("conference-modify", colibri::NS).build()).await;
    assert_eq!(error_of(&broken).condition, Condition::BadRequest);
    running.shutdown().await;
}

#[tokio::test]
async fn a_conference_is_created_and_an_unknown_one_refused() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    let answer = create(&mut link, "m1", "alice").await;
    let ice = answer.endpoints[0].transport.as_ref().and_then(|t| t.ice.as_ref()).expect("a transport");
    assert!(ice.candidates.iter().all(|c| c.port == running.media_addr().port() && c.ip.is_loopback()));
    assert!(!ice.candidates.is_empty());
    assert!(answer.sources.is_some(), "feedback sources");

    let unknown = error_of(&link.ask("get", modify("m2").to_element()).await);
    assert_eq!(
        (unknown.condition, unknown.reason),
        (Condition::ItemNotFound, Some(Reason::ConferenceNotFound))
    );
    running.shutdown().await;
}

#[tokio::test]
async fn answers_come_in_the_order_of_requests() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    create(&mut link, "m", "alice").await;
    for id in 0..200 {
        link.post("set", &id.to_string(), modify("m").to_element()).await;
    }
    for id in 0..200 {
        let answer = link.next_of("iq").await;
        assert_eq!(answer.attr("id"), Some(id.to_string().as_str()));
        assert_eq!(answer.attr("type"), Some("result"));
    }
    running.shutdown().await;
}

#[tokio::test]
async fn a_lost_shard_is_found_again_and_conferences_go_on() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    create(&mut link, "m", "alice").await;
    state(&running, Signalling::Entered).await;
    drop(link);

    let mut link = shard.enter().await;
    let answer = link.ask("get", modify("m").to_element()).await;
    assert_eq!(answer.attr("type"), Some("result"), "the conference is still there: {answer:?}");
    running.shutdown().await;
}

#[tokio::test]
async fn a_bridge_started_before_its_shard_waits_for_it() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    // not a shard yet: hangs up at once
    drop(shard.connection().await);
    let _link = shard.enter().await;
    state(&running, Signalling::Entered).await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_dropped_bridge_hangs_up() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    state(&running, Signalling::Entered).await;
    drop(running);
    link.closed().await;
}

#[tokio::test]
async fn a_silent_shard_is_pinged_and_then_left() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    let ping = link.next_of("iq").await;
    assert!(xmpp::ping::is_ping(&ping), "{ping:?}");
    let _again = shard.enter().await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_refused_password_is_said_and_not_tried_in_a_storm() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    shard.refuse().await;
    state(&running, Signalling::PasswordRefused).await;
    let storm = timeout(Duration::from_secs(2), shard.connection()).await;
    assert!(storm.is_err(), "tried again within two seconds");
    within("the end", running.shutdown()).await;
}

#[tokio::test]
async fn a_refused_entry_is_said_and_tried_again() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.login().await;
    link.next_of("presence").await;
    let error = elem("presence", ns::CLIENT)
        .attr("type", "error")
        .attr("from", format!("{BREWERY}/bridge-1"))
        .child(elem("error", ns::CLIENT).attr("type", "cancel").child(elem("conflict", ns::STANZAS)))
        .build();
    link.send(&error).await;
    state(&running, Signalling::BreweryRefused).await;
    let _link = shard.enter().await;
    state(&running, Signalling::Entered).await;
    running.shutdown().await;
}
