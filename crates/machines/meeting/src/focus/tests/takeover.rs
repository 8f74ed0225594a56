//! Another shard owns the meeting: what the former owner had under way, and that nobody's media notices.

use super::super::limits::{OWNER_GRACE_MS, PROBE_RETRY_MS};
use super::World;
use super::world::{FEATURES, MEETING, bridge, screen};

/// What the former owner was about when it died.
#[derive(Clone, Copy, Debug)]
enum UnderWay {
    Nothing,
    /// cid's endpoint
    Creation,
    /// ann shows her screen
    Sources,
    /// cid came, had media and left
    Expiry,
    /// the answer to a session-accept is out, the bridge does not know the client's transport
    Accept,
}

const ALL: [UnderWay; 5] =
    [UnderWay::Nothing, UnderWay::Creation, UnderWay::Sources, UnderWay::Expiry, UnderWay::Accept];

/// Ann and bob talk; the rest is under way.
fn before(under_way: UnderWay) -> World {
    let mut world = World::talking(&["ann", "bob"]);
    match under_way {
        UnderWay::Nothing => {}
        UnderWay::Sources => assert_eq!(world.add_sources("ann", &screen("ann")), "result"),
        UnderWay::Creation | UnderWay::Expiry | UnderWay::Accept => {
            world.join("cid");
            world.answer_disco("cid", &FEATURES);
        }
    }
    match under_way {
        UnderWay::Expiry => {
            world.settle();
            world.leave("cid");
        }
        UnderWay::Accept => {
            world.answer_one();
            world.accept("cid");
        }
        UnderWay::Nothing | UnderWay::Sources | UnderWay::Creation => {}
    }
    world
}

/// The former owner's requests reach the bridge or not; nobody hears the answers.
fn die(world: &mut World, arrived: bool) {
    while let Some((id, _, text)) = world.asked.pop_front() {
        if arrived {
            world.bridges.get_mut(&id).expect("a bridge").answer(&text);
        }
    }
    world.act(|focus, cx| focus.handle_owner_changed(cx));
}

fn check(world: &mut World, before: &[Option<String>], what: &str) {
    world.settle();
    let now: Vec<_> = ["ann", "bob"].iter().map(|nick| world.client(nick).sid.clone()).collect();
    assert_eq!(now, before, "{what}: media goes on");
    assert!(world.clients.values().all(|client| client.accepted), "{what}");
    assert!(world.clients.values().all(|client| client.terminations.is_empty()), "{what}");
    assert!(
        world.facts.iter().all(|fact| *fact == crate::effect::Fact::Invited),
        "{what}: {:?}",
        world.facts
    );
    world.check_agreement();
}

fn sids(world: &World) -> Vec<Option<String>> {
    ["ann", "bob"].iter().map(|nick| world.client(nick).sid.clone()).collect()
}

#[test]
fn a_bridge_that_is_there_already_is_asked_at_once() {
    for under_way in ALL {
        for arrived in [true, false] {
            let what = format!("{under_way:?}, arrived: {arrived}");
            let mut world = before(under_way);
            let sids = sids(&world);
            die(&mut world, arrived);
            assert_eq!(world.asked.len(), 1, "{what}: a probe");
            check(&mut world, &sids, &what);
        }
    }
}

#[test]
fn a_bridge_that_logs_in_later_is_waited_for() {
    for under_way in ALL {
        for arrived in [true, false] {
            let what = format!("{under_way:?}, arrived: {arrived}");
            let mut world = before(under_way);
            let sids = sids(&world);
            die(&mut world, arrived);
            // the brewery does not show it: every question is lost
            let start = world.now;
            while world.now < start + OWNER_GRACE_MS - 3 * PROBE_RETRY_MS {
                while !world.asked.is_empty() {
                    world.lose_one(false);
                }
                world.pass(PROBE_RETRY_MS);
            }
            // the room goes on meanwhile
            world.add_sources("bob", &screen("bob"));
            assert!(world.asked.len() <= 1, "{what}: probes only");
            world.asked.clear();
            world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
            check(&mut world, &sids, &what);
        }
    }
}

#[test]
fn a_bridge_that_shows_up_twice_is_no_harm() {
    for under_way in ALL {
        let mut world = before(under_way);
        let sids = sids(&world);
        die(&mut world, true);
        world.answer_one();
        world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1")));
        check(&mut world, &sids, &format!("{under_way:?}"));
    }
}

#[test]
fn owners_may_die_one_after_the_other() {
    for under_way in ALL {
        for arrived in [true, false] {
            let mut world = before(under_way);
            let sids = sids(&world);
            for step in 0..6 {
                die(&mut world, arrived);
                for _ in 0..step {
                    world.answer_one();
                }
            }
            check(&mut world, &sids, &format!("{under_way:?}, arrived: {arrived}"));
        }
    }
}

#[test]
fn every_request_tells_which_owner_asks() {
    let mut world = World::talking(&["ann", "bob"]);
    let epochs = |world: &mut World| {
        world.add_sources("ann", &screen("ann"));
        let asked = world.answer_one().expect("a request");
        assert_eq!(asked.meeting_id, MEETING, "as the room calls it");
        asked.epoch.expect("an epoch")
    };
    let first = epochs(&mut world);
    world.act(|focus, cx| focus.handle_owner_changed(cx));
    let probe = world.answer_one().expect("a probe");
    assert!(probe.epoch.expect("an epoch") > first);
    world.settle();
}

#[test]
fn a_bridge_that_never_comes_is_left_in_the_end() {
    let mut world = World::talking(&["ann", "bob"]);
    world.act(|focus, cx| focus.handle_owner_changed(cx));
    world.bridges.get_mut(&bridge("b1")).expect("b1").conferences.clear();
    let start = world.now;
    while world.focus.bridges() == [bridge("b1")] {
        assert!(world.now - start <= OWNER_GRACE_MS + 2 * PROBE_RETRY_MS);
        while !world.asked.is_empty() {
            world.lose_one(false);
        }
        world.pass(PROBE_RETRY_MS);
    }
    assert!(world.now - start >= OWNER_GRACE_MS);
    world.settle();
    assert_eq!(world.focus.bridges(), [bridge("b2")]);
    world.check_agreement();
}

#[test]
fn owners_that_change_while_nothing_is_on_a_bridge_change_nothing() {
    let mut world = World::new();
    world.act(|focus, cx| focus.handle_owner_changed(cx));
    world.join("ann");
    world.act(|focus, cx| focus.handle_owner_changed(cx));
    assert!(world.asked.is_empty() && world.picks.is_empty());
    world.join("bob");
    world.settle();
    world.check_agreement();
}
