//! Who is told of which source, and when.

use super::super::limits::GROUPS_MAX;
use super::super::sources::SourceSet;
use super::super::sources::tests::source;
use super::World;
use super::world::{FEATURES, devices, screen};

#[test]
fn a_new_source_reaches_the_bridge_and_the_others() {
    let mut world = World::talking(&["ann", "bob", "cid"]);
    assert_eq!(world.add_sources("ann", &screen("ann")), "result");
    assert!(world.client("bob").told["ann"].contains(&9709), "at once");
    world.settle();
    world.check_agreement();
    assert_eq!(world.remove_sources("ann", &screen("ann")), "result");
    world.settle();
    world.check_agreement();
}

#[test]
fn changes_before_the_accept_come_after_it_and_together() {
    let mut world = World::talking(&["ann", "bob"]);
    world.join("cid");
    world.answer_disco("cid", &FEATURES);
    world.answer_one();
    assert!(world.client("cid").sid.is_some() && !world.client("cid").accepted);
    world.add_sources("ann", &screen("ann"));
    world.add_sources("bob", &screen("bob"));
    world.remove_sources("ann", &screen("ann"));
    world.remove_sources("bob", &devices("bob"));
    // the client panics on anything before its accept, on empty adds and on sources told twice
    world.accept("cid");
    world.settle();
    world.check_agreement();
}

#[test]
fn a_burst_of_changes_is_few_requests() {
    let mut world = World::talking(&["ann", "bob"]);
    for _ in 0..10 {
        world.add_sources("ann", &screen("ann"));
        world.remove_sources("ann", &screen("ann"));
    }
    assert_eq!(world.asked.len(), 1, "one under way, the rest waits for its answer");
    world.settle();
    world.check_agreement();
}

#[test]
fn who_left_is_taken_away_for_those_that_do_not_do_it_themselves() {
    let mut world = World::new();
    world.rewriting = true;
    for nick in ["ann", "bob", "cid"] {
        world.join(nick);
    }
    world.settle();
    world.leave("cid");
    assert!(!world.client("ann").told.contains_key("cid"));
    world.settle();
    world.check_agreement();
}

#[test]
fn invalid_sources_are_refused_and_nobody_hears_of_them() {
    let mut world = World::talking(&["ann", "bob"]);
    assert_eq!(world.add_sources("ann", &devices("ann")), "bad-request", "own SSRCs again");
    assert_eq!(world.add_sources("ann", &devices("bob")), "bad-request", "somebody else's");
    let feedback = SourceSet { sources: vec![source("v9002", "ann-v5")], groups: Vec::new() };
    assert_eq!(world.add_sources("ann", &feedback), "bad-request", "the bridge's own");
    assert_eq!(world.remove_sources("ann", &screen("ann")), "bad-request", "never announced");
    let claimed = SourceSet { sources: vec![source("v77", "bob-v7")], groups: Vec::new() };
    assert_eq!(world.add_sources("ann", &claimed), "bad-request", "somebody else's name");
    let many = (0..=GROUPS_MAX).map(|n| source(&format!("v{}", 50 + n), "ann-v1")).collect();
    let many = SourceSet { sources: many, groups: Vec::new() };
    assert_eq!(world.add_sources("ann", &many), "resource-constraint");
    world.settle();
    world.check_agreement();
}

#[test]
fn no_sources_at_all_are_no_news() {
    let mut world = World::talking(&["ann", "bob"]);
    assert_eq!(world.add_sources("ann", &SourceSet::default()), "result");
    assert_eq!(world.remove_sources("ann", &SourceSet::default()), "result");
    world.settle();
    world.check_agreement();
}

#[test]
fn a_muted_client_accepts_without_sources() {
    let mut world = World::new();
    world.join("ann");
    world.join("bob");
    for nick in ["ann", "bob"] {
        world.answer_disco(nick, &FEATURES);
    }
    world.pick();
    while world.answer_one().is_some() {}
    assert_eq!(world.accept_with("ann", &SourceSet::default()), "result");
    assert_eq!(world.accept_with("bob", &devices("bob")), "result");
    world.settle();
    world.check_agreement();
}
