//! Joining, being alone, leaving.

use super::super::limits::{DISCO_MS, LONELY_MS};
use super::World;
use super::world::bridge;
use crate::effect::Fact;

#[test]
fn two_get_media_and_one_does_not() {
    let mut world = World::new();
    world.join("ann");
    world.settle();
    assert!(world.client("ann").sid.is_none() && world.focus.bridges().is_empty());
    world.join("bob");
    world.settle();
    world.check_agreement();
    assert_eq!(world.focus.bridges(), [bridge("b1")]);
    assert_eq!(world.focus.bridge_of("ann"), Some(&bridge("b1")));
    assert_eq!(world.facts, [Fact::Invited, Fact::Invited]);
    assert_eq!(world.properties, 1, "the bridge count changed once");
}

#[test]
fn the_conference_is_made_with_the_first_endpoint_and_one_endpoint_a_request() {
    let mut world = World::new();
    world.join("ann");
    world.join("bob");
    for nick in ["ann", "bob"] {
        world.answer_disco(nick, &super::world::FEATURES);
    }
    world.pick();
    assert_eq!(world.asked.len(), 1, "the second waits for the conference");
    let first = world.answer_one().expect("a request");
    assert!(first.create && first.name.as_deref() == Some(super::world::ROOM));
    assert_eq!((first.endpoints.len(), first.endpoints[0].create), (1, true));
    assert_eq!(first.endpoints[0].capabilities, ["source-names"]);
    let second = world.answer_one().expect("a request");
    assert!(!second.create && second.name.is_none());
    assert_eq!((second.endpoints.len(), second.meeting_id), (1, first.meeting_id));
}

#[test]
fn a_client_that_does_not_tell_is_taken_at_its_least() {
    let mut world = World::new();
    world.join("ann");
    world.join("bob");
    world.answer_disco("ann", &super::world::FEATURES);
    world.pick();
    world.answer_one();
    assert!(world.client("ann").sid.is_some(), "the one that told does not wait for the other");
    assert!(world.client("bob").sid.is_none());
    world.pass(DISCO_MS);
    world.answer_one();
    assert!(world.client("bob").sid.is_some());
    let offer = xmpp::text::to_text(world.client("bob").last_offer.as_ref().expect("an offer"));
    assert!(
        !offer.contains("transport-cc") && !offer.contains("rtx") && offer.contains("sctpmap"),
        "{offer}"
    );
}

#[test]
fn the_one_left_alone_keeps_its_session_for_a_while() {
    let mut world = World::talking(&["ann", "bob"]);
    world.leave("bob");
    world.pass(LONELY_MS - 1);
    assert!(world.client("ann").sid.is_some());
    world.pass(1);
    assert_eq!(world.client("ann").terminations, ["expired"]);
    world.settle();
    assert!(world.bridges.values().all(|bridge| bridge.conferences.is_empty()));
    assert!(world.focus.bridges().is_empty());
    assert_eq!(world.focus.deadline(), None);
    world.join("cid");
    world.settle();
    world.check_agreement();
    assert!(world.client("ann").accepted && world.client("cid").accepted);
}

#[test]
fn somebody_who_comes_in_time_finds_the_session_as_it_was() {
    let mut world = World::talking(&["ann", "bob"]);
    let sid = world.client("ann").sid.clone();
    world.leave("bob");
    world.pass(LONELY_MS / 2);
    world.join("cid");
    world.settle();
    world.pass(LONELY_MS * 2);
    assert_eq!(world.client("ann").sid, sid);
    world.check_agreement();
}

#[test]
fn with_the_last_the_conference_ends() {
    let mut world = World::talking(&["ann", "bob"]);
    world.leave("ann");
    world.leave("bob");
    world.settle();
    assert!(world.focus.is_idle() && world.focus.bridges().is_empty());
    assert!(world.bridges.values().all(|bridge| bridge.conferences.is_empty()));
    assert_eq!(world.focus.deadline(), None);
}

#[test]
fn leaving_before_the_bridge_has_answered_leaves_nothing_behind() {
    let mut world = World::new();
    for nick in ["ann", "bob", "cid"] {
        world.join(nick);
        world.answer_disco(nick, &super::world::FEATURES);
    }
    world.pick();
    world.leave("ann");
    world.settle();
    world.check_agreement();
    assert!(world.client("bob").accepted && world.client("cid").accepted);
}

#[test]
fn without_a_bridge_it_tries_again_and_tells_nobody() {
    let mut world = World::new();
    let bridges = std::mem::take(&mut world.bridges);
    world.join("ann");
    world.join("bob");
    world.settle();
    assert!(world.facts.contains(&Fact::NoBridge));
    let presence: String = world.focus.presence_children().iter().map(xmpp::text::to_text).collect();
    assert!(!presence.contains("bridgeNotAvailable"), "fatal for clients");
    world.bridges = bridges;
    world.pass(3_000);
    world.settle();
    world.check_agreement();
}

#[test]
fn a_bridge_that_comes_up_is_taken_at_once() {
    let mut world = World::new();
    let bridges = std::mem::take(&mut world.bridges);
    world.join("ann");
    world.join("bob");
    world.settle();
    world.bridges = bridges;
    world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
    world.settle();
    world.check_agreement();
}

#[test]
fn a_second_join_under_the_same_nick_starts_anew() {
    let mut world = World::talking(&["ann", "bob", "cid"]);
    world.clients.insert("bob".to_owned(), Default::default());
    for nick in ["ann", "cid"] {
        world.client_mut(nick).see_leave("bob", false);
    }
    world.act(|focus, cx| focus.handle_joined(cx, "bob", None));
    world.settle();
    world.check_agreement();
}
