//! Restarts and ends of sessions; their order is what the client depends on, and checks itself.

use xmpp::{elem, ns};

use super::World;
use crate::effect::Fact;

#[test]
fn a_restart_is_a_result_then_a_new_session() {
    let mut world = World::talking(&["ann", "bob", "cid"]);
    assert_eq!(world.restart("ann"), "result");
    assert!(!world.client("bob").told.contains_key("ann"), "the others let go of the old sources");
    assert!(world.facts.contains(&Fact::ReInvited));
    world.settle();
    assert!(world.client("ann").accepted);
    world.check_agreement();
}

#[test]
fn all_may_restart_at_once() {
    let mut world = World::talking(&["ann", "bob"]);
    assert_eq!(world.restart("ann"), "result");
    assert_eq!(world.restart("bob"), "result");
    world.settle();
    world.check_agreement();
    assert!(world.client("ann").accepted && world.client("bob").accepted);
}

#[test]
fn the_only_endpoint_restarts_with_its_conference() {
    let mut world = World::new();
    for nick in ["ann", "bob"] {
        world.join(nick);
    }
    world.answer_disco("ann", &super::world::FEATURES);
    world.pick();
    world.answer_one();
    world.accept("ann");
    assert_eq!(world.restart("ann"), "result");
    world.settle();
    world.check_agreement();
}

#[test]
fn restarts_are_rationed() {
    let mut world = World::talking(&["ann", "bob"]);
    assert_eq!(world.restart("ann"), "result");
    world.settle();
    world.pass(4_000);
    assert_eq!(world.restart("ann"), "resource-constraint");
    world.settle();
    assert_eq!(world.client("ann").sid, None, "the session is over anyway");
    world.check_agreement();
}

#[test]
fn another_bridge_session_is_not_found_and_nothing_is_done() {
    let mut world = World::talking(&["ann", "bob"]);
    let other = || elem("bridge-session", ns::FOCUS).attr("id", "old").attr("restart", "true").build();
    assert_eq!(world.jingle("ann", "session-terminate", vec![other()]), "item-not-found");
    assert_eq!(world.jingle("ann", "session-info", vec![other()]), "item-not-found");
    world.settle();
    assert!(world.asked.is_empty());
    world.check_agreement();
}

#[test]
fn without_restart_the_session_is_over_and_the_occupant_stays() {
    let mut world = World::talking(&["ann", "bob", "cid"]);
    assert_eq!(world.jingle("ann", "session-terminate", Vec::new()), "result");
    world.client_mut("ann").end();
    world.settle();
    world.check_agreement();
    world.join("dan");
    world.settle();
    assert_eq!(world.client("ann").sid, None, "it is not invited again");
    assert!(world.client("dan").accepted);
    world.check_agreement();
}

#[test]
fn ice_restarts_in_place_are_declined() {
    let mut world = World::talking(&["ann", "bob"]);
    let id = world.client("ann").bridge_session.clone().expect("a bridge session");
    let ask = elem("bridge-session", ns::FOCUS).attr("id", id).attr("ice-restart", "true").build();
    assert_eq!(world.jingle("ann", "session-info", vec![ask]), "feature-not-implemented");
    let state = elem("ice-state", ns::FOCUS).text("failed").build();
    assert_eq!(world.jingle("ann", "session-info", vec![state]), "result");
}

#[test]
fn a_refused_offer_ends_the_session() {
    let mut world = World::talking(&["ann", "bob", "cid"]);
    world.join("dan");
    world.answer_disco("dan", &super::world::FEATURES);
    world.answer_one();
    let last = format!("focus-{}", world.focus.last_id);
    let error = elem("iq", ns::CLIENT).attr("type", "error").attr("id", last).build();
    world.act(|focus, cx| focus.handle_iq_answer(cx, "dan", &error));
    world.client_mut("dan").end();
    world.settle();
    world.check_agreement();
}
