//! Every invariant can fail: a world that is broken on purpose breaks the one that is named.

use sim::{Invariant, Mutation, run_broken, run_calm};

const SEEDS: u64 = 20;

/// Some seed of the first few shows it; which one does not matter.
#[track_caller]
fn check(mutation: Mutation, calm: bool, invariant: Invariant) {
    let found: Vec<Option<Invariant>> = (1..=SEEDS)
        .map(|seed| run_broken(seed, mutation, calm).failure.map(|failure| failure.breach.invariant))
        .take_while_inclusive(invariant)
        .collect();
    assert_eq!(found.last().copied().flatten(), Some(invariant), "{mutation:?}: {found:?}");
}

trait TakeWhile: Iterator<Item = Option<Invariant>> + Sized {
    /// Up to the first that is the one looked for.
    fn take_while_inclusive(self, wanted: Invariant) -> impl Iterator<Item = Option<Invariant>> {
        let mut over = false;
        self.take_while(move |found| !std::mem::replace(&mut over, *found == Some(wanted)))
    }
}

impl<I: Iterator<Item = Option<Invariant>>> TakeWhile for I {}

#[test]
fn nothing_is_broken_where_nothing_is_broken() {
    for seed in 1..=3 {
        let outcome = run_calm(seed);
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure.map(|failure| failure.to_string()));
        assert_eq!((outcome.counts.reloads, outcome.counts.kills), (0, 0));
    }
}

#[test]
fn two_writers_are_noticed() {
    check(Mutation::NoFence, false, Invariant::OneWriter);
}

#[test]
fn a_state_that_is_not_the_journals_is_noticed() {
    check(Mutation::OwnChance, true, Invariant::ReplayIsLive);
}

#[test]
fn an_outage_that_ends_a_meeting_is_noticed() {
    check(Mutation::OutageEnds, false, Invariant::MeetingLives);
}

#[test]
fn a_new_identity_is_noticed() {
    check(Mutation::LostTokens, false, Invariant::IdentityKept);
}

#[test]
fn counters_that_run_backward_are_noticed() {
    check(Mutation::CountersBack, true, Invariant::CountersForward);
}

#[test]
fn an_acknowledgement_of_what_is_not_durable_is_noticed() {
    check(Mutation::EarlyPromises, false, Invariant::CountersForward);
}

#[test]
fn a_number_that_means_two_stanzas_is_noticed() {
    check(Mutation::NothingTold, false, Invariant::ExactlyOnce);
}

#[test]
fn a_line_that_comes_twice_is_noticed() {
    check(Mutation::DoubledLines, true, Invariant::ExactlyOnce);
}

#[test]
fn an_offer_that_comes_twice_is_noticed() {
    check(Mutation::DoubledOffers, true, Invariant::JingleOnce);
}

#[test]
fn somebody_who_is_not_seen_is_noticed() {
    check(Mutation::HiddenPresence, true, Invariant::Reunion);
}

#[test]
fn an_expiry_by_somebody_else_is_noticed() {
    check(Mutation::ZombieExpires, false, Invariant::ExpiredByOwner);
}

#[test]
fn a_router_with_an_opinion_of_its_own_is_noticed() {
    check(Mutation::DeafRouter, false, Invariant::RoutersAgree);
}
