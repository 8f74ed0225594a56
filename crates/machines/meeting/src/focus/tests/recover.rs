//! Bridges that refuse, fall silent, come back or die, and owners that change.

use colibri::{Condition, ConferenceModified, Reason, Refusal};

use super::super::limits::{PROBE_RETRY_MS, RESTART_DISTANCE_MS};
use super::World;
use super::stock_bridge::refusal;
use super::world::{FEATURES, bridge, screen};
use crate::effect::Fact;

/// Two whose allocations are about to begin: the create is under way.
fn creating() -> World {
    let mut world = World::new();
    for nick in ["ann", "bob"] {
        world.join(nick);
        world.answer_disco(nick, &FEATURES);
    }
    world.pick();
    world
}

fn sids(world: &World) -> Vec<Option<String>> {
    world.clients.values().map(|client| client.sid.clone()).collect()
}

fn check_all_talk(world: &World) {
    assert!(world.clients.values().all(|client| client.accepted), "{:?}", sids(world));
    world.check_agreement();
}

#[test]
fn refusals_of_an_allocation() {
    // (condition, reason, bridge afterwards)
    let table = [
        (Condition::ServiceUnavailable, Some(Reason::GracefulShutdown), "b2"),
        (Condition::ServiceUnavailable, None, "b2"),
        (Condition::InternalServerError, None, "b2"),
        (Condition::ResourceConstraint, None, "b2"),
        (Condition::ItemNotFound, Some(Reason::ConferenceNotFound), "b1"),
    ];
    for (condition, reason, expected) in table {
        let mut world = creating();
        world.refuse_one(&refusal(condition, reason));
        world.settle();
        check_all_talk(&world);
        assert_eq!(world.focus.bridges(), [bridge(expected)], "{condition:?}");
        assert!(world.facts.contains(&Fact::BridgeRefused));
    }
}

#[test]
fn a_bad_request_costs_one_participant_only() {
    let mut world = creating();
    world.refuse_one(&refusal(Condition::BadRequest, None));
    world.settle();
    assert_eq!(world.client("ann").sid, None);
    assert!(world.client("bob").accepted);
    world.check_agreement();
}

#[test]
fn a_conflict_never_ends_a_conference() {
    // the conference exists: it is used
    let mut world = creating();
    let (id, _, text) = world.asked.front().cloned().expect("a request");
    world
        .bridges
        .get_mut(&id)
        .expect("b1")
        .answer(&text.replace("id=\"ann\"", "id=\"stranger\"").replace("'ann'", "'stranger'"));
    world.answer_one();
    while let Some(request) = world.asked.front().cloned() {
        assert!(!request.2.contains("meeting-id") || !conference_expires(&request.2), "{}", request.2);
        world.answer_one();
    }
    for nick in ["ann", "bob"] {
        world.accept(nick);
    }
    // the endpoint exists: it alone is made anew
    world.join("cid");
    world.answer_disco("cid", &FEATURES);
    let (id, _, text) = world.asked.back().cloned().expect("a create");
    world.bridges.get_mut(&id).expect("b1").answer(&text);
    while let Some(request) = world.asked.front().cloned() {
        assert!(!conference_expires(&request.2), "{}", request.2);
        world.answer_one();
    }
    assert!(world.client("cid").sid.is_some());
}

fn conference_expires(text: &str) -> bool {
    colibri::ConferenceModify::from_text(text).expect("a request").expire
}

#[test]
fn an_answer_that_is_none_counts_as_a_broken_bridge() {
    let mut world = creating();
    let (id, number, _) = world.asked.pop_front().expect("a request");
    world.act(|focus, cx| focus.handle_bridge_answered(cx, &id, number, Some("<what/>")));
    world.settle();
    check_all_talk(&world);
    assert_eq!(world.focus.bridges(), [bridge("b2")]);
}

#[test]
fn an_allocation_without_a_transport_fails_for_good() {
    let mut world = creating();
    let (id, number, _) = world.asked.pop_front().expect("a request");
    let empty = ConferenceModified::default().to_text();
    world.act(|focus, cx| focus.handle_bridge_answered(cx, &id, number, Some(&empty)));
    assert_eq!(world.client("ann").sid, None);
    assert!(world.facts.contains(&Fact::BridgeRefused));
}

#[test]
fn a_lost_answer_is_found_out_by_probes() {
    for arrived in [true, false] {
        let mut world = creating();
        world.lose_one(arrived);
        assert!(world.asked.is_empty(), "nothing is asked of a bridge in doubt");
        world.pass(PROBE_RETRY_MS);
        world.settle();
        check_all_talk(&world);
        assert_eq!(world.focus.bridges(), [bridge("b1")]);
    }
}

#[test]
fn a_lost_update_is_made_again_and_nobody_is_interrupted() {
    for arrived in [true, false] {
        let mut world = World::talking(&["ann", "bob"]);
        let before = sids(&world);
        world.add_sources("ann", &screen("ann"));
        world.lose_one(arrived);
        world.add_sources("bob", &screen("bob"));
        assert!(world.asked.is_empty());
        world.pass(PROBE_RETRY_MS);
        world.settle();
        check_all_talk(&world);
        assert_eq!(sids(&world), before);
    }
}

#[test]
fn a_bridge_that_stays_silent_is_left() {
    let mut world = World::talking(&["ann", "bob"]);
    world.add_sources("ann", &screen("ann"));
    world.lose_one(false);
    for _ in 0..3 {
        world.pass(PROBE_RETRY_MS);
        world.lose_one(false);
    }
    world.bridges.get_mut(&bridge("b1")).expect("b1").conferences.clear();
    world.settle();
    check_all_talk(&world);
    assert_eq!(world.focus.bridges(), [bridge("b2")]);
    assert_eq!(world.client("bob").terminations, ["success"]);
}

#[test]
fn a_bridge_that_reconnects_keeps_the_conference() {
    let mut world = World::talking(&["ann", "bob"]);
    let before = sids(&world);
    world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
    let probe = world.answer_one().expect("a probe");
    assert!(probe.endpoints.is_empty() && !probe.create && !probe.expire, "it changes nothing");
    let probe = world.answer_one().expect("an endpoint's probe");
    assert_eq!(probe.endpoints[0].transport, Some(colibri::Transport::default()));
    assert_eq!(probe.endpoints[0].sources, None);
    world.settle();
    check_all_talk(&world);
    assert_eq!(sids(&world), before);
}

#[test]
fn a_bridge_that_was_restarted_gets_everybody_anew() {
    let mut world = World::talking(&["ann", "bob"]);
    world.bridges.get_mut(&bridge("b1")).expect("b1").conferences.clear();
    world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
    world.settle();
    check_all_talk(&world);
    assert_eq!(world.client("ann").terminations, ["success"]);
    assert_eq!(world.focus.bridges(), [bridge("b1")]);
}

#[test]
fn one_endpoint_that_the_bridge_forgot_is_invited_alone() {
    let mut world = World::talking(&["ann", "bob", "cid"]);
    for conference in world.bridges.get_mut(&bridge("b1")).expect("b1").conferences.values_mut() {
        conference.remove("bob");
    }
    let before = world.client("ann").sid.clone();
    world.add_sources("bob", &screen("bob"));
    world.settle();
    check_all_talk(&world);
    assert_eq!(world.client("bob").terminations, ["success"]);
    assert_eq!(world.client("ann").sid, before);
}

#[test]
fn an_invitation_anew_costs_the_client_no_restart() {
    let mut world = World::talking(&["ann", "bob"]);
    world.add_sources("ann", &screen("ann"));
    world.refuse_one(&refusal(Condition::BadRequest, None));
    world.settle();
    assert_eq!(world.client("ann").terminations, ["success"]);
    assert_eq!(world.restart("ann"), "result", "at once");
    world.settle();
    check_all_talk(&world);
    world.add_sources("ann", &screen("ann"));
    world.refuse_one(&refusal(Condition::BadRequest, None));
    world.settle();
    assert_eq!(world.client("ann").sid, None, "nor does the client's own pay for those of the focus");
    assert_eq!(world.client("ann").terminations, ["success", "failed-transport"], "its own reason");
    world.pass(RESTART_DISTANCE_MS);
    world.settle();
    check_all_talk(&world);
}

#[test]
fn refusals_of_an_update() {
    let table: [(Refusal, usize, &str); 5] = [
        (refusal(Condition::Conflict, None), 0, "b1"),
        (refusal(Condition::BadRequest, None), 1, "b1"),
        (refusal(Condition::ItemNotFound, Some(Reason::UnknownEndpoint)), 1, "b1"),
        (refusal(Condition::ItemNotFound, Some(Reason::ConferenceNotFound)), 2, "b1"),
        (refusal(Condition::InternalServerError, None), 2, "b2"),
    ];
    for (refusal, interrupted, expected) in table {
        let mut world = World::talking(&["ann", "bob"]);
        world.add_sources("ann", &screen("ann"));
        world.refuse_one(&refusal);
        // what the refusal claims is so
        if refusal.reason == Some(Reason::ConferenceNotFound) {
            world.bridges.get_mut(&bridge("b1")).expect("b1").conferences.clear();
        }
        world.settle();
        let ended: usize = world.clients.values().map(|client| client.terminations.len()).sum();
        assert_eq!(ended, interrupted, "{refusal:?}");
        assert_eq!(world.focus.bridges(), [bridge(expected)], "{refusal:?}");
        assert!(world.clients.values().all(|client| client.accepted));
    }
}

#[test]
fn a_wish_for_a_bridge_is_repeated_by_a_new_owner() {
    let mut world = World::new();
    for nick in ["ann", "bob"] {
        world.join(nick);
        world.answer_disco(nick, &FEATURES);
    }
    world.picks.clear();
    world.act(|focus, cx| focus.handle_owner_changed(cx));
    world.settle();
    check_all_talk(&world);
}

#[test]
fn a_bridge_that_fails_again_and_again_is_not_hammered() {
    let mut world = creating();
    let start = world.now;
    let mut requests = 0;
    while world.now - start < 60_000 {
        while !world.asked.is_empty() || !world.picks.is_empty() {
            world.pick();
            if !world.asked.is_empty() {
                requests += 1;
                world.refuse_one(&refusal(Condition::InternalServerError, None));
            }
        }
        world.pass(500);
    }
    assert!((5..40).contains(&requests), "{requests} requests in a minute");
}

#[test]
fn the_end_of_the_meeting_expires_the_conference() {
    let mut world = World::talking(&["ann", "bob"]);
    world.act(|focus, cx| focus.meeting_ended(cx));
    assert!(conference_expires(&world.asked.back().expect("a request").2));
    while world.answer_one().is_some() {}
    assert!(world.bridges.values().all(|bridge| bridge.conferences.is_empty()));
}
