//! Bridges that are lost, and who moves where.

use xmpp::{elem, ns};

use super::super::limits::{AVOID_LOST_MS, PICK_RETRY_MS, RESTART_WINDOW_MS, RESTARTS_MAX};
use super::World;
use super::stock_bridge::refusal;
use super::world::{MEETING, bridge, screen};
use crate::effect::Fact;
use colibri::Condition;

fn lose(world: &mut World, id: &str) {
    world.bridges.remove(&bridge(id));
    world.act(|focus, cx| focus.handle_bridge_lost(cx, &bridge(id)));
}

fn check_all_talk(world: &World, on: &str) {
    assert!(world.clients.values().all(|client| client.accepted));
    assert_eq!(world.focus.bridges(), [bridge(on)]);
    world.check_agreement();
}

#[test]
fn all_move_at_once_to_one_other_bridge() {
    let mut world = World::talking(&["ann", "bob", "cid"]);
    lose(&mut world, "b1");
    assert!(world.clients.values().all(|client| client.terminations == ["success"]));
    assert_eq!(world.picks, [vec![bridge("b1")]], "one bridge for all");
    world.settle();
    check_all_talk(&world, "b2");
    assert_eq!(world.facts.iter().filter(|fact| **fact == Fact::ReInvited).count(), 3);
}

#[test]
fn a_bridge_that_is_lost_before_anybody_came_to_it_costs_no_time() {
    let mut world = World::talking(&["ann", "bob"]);
    for lost in ["b1", "b2", "b3", "b4", "b5", "b6", "b7"] {
        let next = format!("b{}", lost[1..].parse::<u32>().expect("a number") + 1);
        world.bridges.insert(bridge(&next), Default::default());
        lose(&mut world, lost);
        assert!(!world.picks.is_empty(), "{lost}: at once");
        world.pick();
        world.answer_one();
    }
    world.settle();
    check_all_talk(&world, "b8");
}

#[test]
fn without_another_bridge_they_wait_for_one_and_are_told_nothing() {
    // when the lost bridge comes back, whether that is told, and how long they wait at most
    for (back, told, patience) in [(500, true, 0), (60_000, true, 0), (60_000, false, PICK_RETRY_MS)] {
        let mut world = World::talking(&["ann", "bob"]);
        world.bridges.remove(&bridge("b2"));
        lose(&mut world, "b1");
        world.settle();
        assert!(world.focus.awaits(&bridge("any")));
        for _ in 0..back / 500 {
            world.pass(500);
            world.settle();
        }
        world.bridges.insert(bridge("b1"), Default::default());
        if told {
            world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
        }
        world.pass(patience);
        world.settle();
        check_all_talk(&world, "b1");
        let presence: String = world.focus.presence_children().iter().map(xmpp::text::to_text).collect();
        assert!(!presence.contains("bridgeNotAvailable"), "fatal for clients");
        assert!(world.clients.values().all(|client| client.terminations.len() == 1));
    }
}

#[test]
fn a_bridge_that_came_back_is_soon_good_again() {
    let mut world = World::talking(&["ann", "bob"]);
    world.bridges.remove(&bridge("b2"));
    world.act(|focus, cx| focus.handle_bridge_lost(cx, &bridge("b1")));
    let start = world.now;
    while world.now < start + AVOID_LOST_MS + PICK_RETRY_MS {
        world.settle();
        world.pass(PICK_RETRY_MS / 2);
    }
    world.settle();
    check_all_talk(&world, "b1");
}

#[test]
fn what_a_lost_bridge_still_has_is_not_taken_for_the_new_conference() {
    // it returns as it was, and they move back to it
    let mut world = World::talking(&["ann", "bob", "cid"]);
    let old = world.bridges[&bridge("b1")].clone();
    lose(&mut world, "b1");
    world.settle();
    world.bridges.insert(bridge("b1"), old);
    world.leave("cid");
    world.settle();
    world.pass(AVOID_LOST_MS);
    lose(&mut world, "b2");
    world.settle();
    check_all_talk(&world, "b1");
    assert_eq!(world.bridges[&bridge("b1")].conferences[MEETING].len(), 2, "nothing of before");
    assert!(!world.facts.contains(&Fact::BridgeRefused), "no conflict either");
}

#[test]
fn a_lost_bridge_that_is_up_again_forgets_the_conference() {
    let mut world = World::talking(&["ann", "bob"]);
    let old = world.bridges[&bridge("b1")].clone();
    lose(&mut world, "b1");
    world.settle();
    world.bridges.insert(bridge("b1"), old);
    assert!(world.focus.awaits(&bridge("b1")) && !world.focus.awaits(&bridge("b3")));
    world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
    assert!(!world.focus.awaits(&bridge("b1")));
    assert_eq!(world.asked.len(), 1, "the bridge in use is left in peace");
    world.settle();
    assert!(world.bridges[&bridge("b1")].conferences.is_empty());
    check_all_talk(&world, "b2");
    world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
    assert!(world.asked.is_empty(), "once");
}

#[test]
fn a_bridge_that_is_left_while_it_can_be_told_forgets_at_once() {
    let mut world = World::talking(&["ann", "bob"]);
    world.act(|focus, cx| focus.handle_bridge_lost(cx, &bridge("b1")));
    world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
    assert!(!world.focus.awaits(&bridge("b1")));
    world.settle();
    assert!(world.bridges[&bridge("b1")].conferences.is_empty());
    assert!(world.clients.values().all(|client| client.terminations.len() == 1), "moved once");
    check_all_talk(&world, "b2");
}

#[test]
fn late_answers_of_a_lost_bridge_are_nobodys() {
    let mut world = World::talking(&["ann", "bob"]);
    world.join("cid");
    world.answer_disco("cid", &super::world::FEATURES);
    let (id, number, text) = world.asked.pop_front().expect("a create");
    let late = world.bridges.get_mut(&id).expect("b1").answer(&text);
    lose(&mut world, "b1");
    world.act(|focus, cx| focus.handle_bridge_answered(cx, &id, number, Some(&late)));
    assert_eq!(world.client("cid").sid, None);
    world.settle();
    check_all_talk(&world, "b2");
}

#[test]
fn who_fails_again_and_again_is_offered_media_later() {
    let mut world = World::talking(&["ann", "bob"]);
    let bob = world.client("bob").sid.clone();
    for n in 0..=RESTARTS_MAX {
        world.add_sources("ann", &screen("ann"));
        world.refuse_one(&refusal(Condition::BadRequest, None));
        if n < RESTARTS_MAX {
            world.settle();
            assert!(world.client("ann").accepted, "{n}");
            world.pass(5_000);
        }
    }
    world.settle();
    assert_eq!(world.client("ann").terminations.last().map(String::as_str), Some("failed-transport"));
    assert_eq!(world.client("ann").sid, None);
    world.check_agreement();
    world.pass(RESTART_WINDOW_MS);
    world.settle();
    check_all_talk(&world, "b1");
    assert_eq!(world.client("bob").sid, bob);
}

#[test]
fn a_move_ends_a_pause() {
    let mut world = World::talking(&["ann", "bob"]);
    for _ in 0..2 {
        world.add_sources("ann", &screen("ann"));
        world.refuse_one(&refusal(Condition::BadRequest, None));
        world.settle();
    }
    assert_eq!(world.client("ann").sid, None, "the second came too soon");
    lose(&mut world, "b1");
    world.settle();
    check_all_talk(&world, "b2");
}

#[test]
fn a_wish_for_a_restart_that_crosses_a_move_is_granted() {
    // whether the new offer is out when the wish comes
    for offered in [false, true] {
        let mut world = World::talking(&["ann", "bob"]);
        let old = world.client("ann").sid.clone().expect("a session");
        lose(&mut world, "b1");
        if offered {
            world.settle();
        }
        let bridge_session = elem("bridge-session", ns::FOCUS).attr("id", "old").attr("restart", "true");
        let wish = elem("jingle", xmpp::jingle::ns::JINGLE)
            .attr("action", "session-terminate")
            .attr("sid", &old)
            .child(bridge_session);
        assert_eq!(world.request("ann", wish.clone().build()), "result", "a refusal makes the client reload");
        world.settle();
        check_all_talk(&world, "b2");
        assert_eq!(world.client("ann").terminations.len(), if offered { 2 } else { 1 });
        assert_eq!(world.request("ann", wish.build()), "item-not-found", "once");
    }
}
