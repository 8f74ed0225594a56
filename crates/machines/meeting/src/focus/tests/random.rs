//! Random lives of a meeting. Clients and bridges are strict at each step; at the end everybody has media and all
//! agree on who sends what.

use proptest::collection::vec;
use proptest::prelude::*;

use super::World;
use super::world::{FEATURES, bridge, screen};

const NICKS: [&str; 4] = ["ann", "bob", "cid", "dan"];

#[derive(Clone, Debug)]
enum Step {
    Join(usize),
    Leave(usize),
    Disco(usize),
    Accept(usize),
    Share(usize),
    Unshare(usize),
    Restart(usize),
    Pick,
    Answer,
    Lose { arrived: bool },
    BridgeForgets,
    BridgeUp,
    BridgeLost,
    Owner,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let nick = || 0..NICKS.len();
    prop_oneof![
        4 => nick().prop_map(Step::Join),
        1 => nick().prop_map(Step::Leave),
        4 => nick().prop_map(Step::Disco),
        5 => nick().prop_map(Step::Accept),
        2 => nick().prop_map(Step::Share),
        2 => nick().prop_map(Step::Unshare),
        1 => nick().prop_map(Step::Restart),
        3 => Just(Step::Pick),
        8 => Just(Step::Answer),
        1 => any::<bool>().prop_map(|arrived| Step::Lose { arrived }),
        1 => Just(Step::BridgeForgets),
        1 => Just(Step::BridgeUp),
        1 => Just(Step::BridgeLost),
        1 => Just(Step::Owner),
        2 => (1..30_000u64).prop_map(Step::Pass),
    ]
}

fn obey(world: &mut World, step: &Step) {
    let nick = |at: &usize| NICKS[*at];
    let here = |world: &World, at: &usize| world.clients.contains_key(NICKS[*at]);
    let talks =
        |world: &World, at: &usize| world.clients.get(NICKS[*at]).is_some_and(|client| client.accepted);
    match step {
        Step::Join(at) if !here(world, at) => world.join(nick(at)),
        Step::Leave(at) if here(world, at) => world.leave(nick(at)),
        Step::Disco(at) if here(world, at) => world.answer_disco(nick(at), &FEATURES),
        Step::Accept(at) if here(world, at) && !talks(world, at) && world.client(nick(at)).sid.is_some() => {
            world.accept(nick(at));
        }
        Step::Share(at) if talks(world, at) => drop(world.add_sources(nick(at), &screen(nick(at)))),
        Step::Unshare(at) if talks(world, at) => drop(world.remove_sources(nick(at), &screen(nick(at)))),
        Step::Restart(at) if talks(world, at) => drop(world.restart(nick(at))),
        Step::Pick => world.pick(),
        Step::Answer => drop(world.answer_one()),
        Step::Lose { arrived } if !world.asked.is_empty() => world.lose_one(*arrived),
        Step::BridgeForgets => world.bridges.values_mut().for_each(|bridge| bridge.conferences.clear()),
        Step::BridgeUp => world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge("b1"))),
        Step::BridgeLost => {
            // a lost bridge has nothing any more, and what was on its way to it is lost too
            world.bridges.insert(bridge("b1"), Default::default());
            world.asked.retain(|(id, ..)| *id != bridge("b1"));
            world.act(|focus, cx| focus.handle_bridge_lost(cx, &bridge("b1")));
        }
        Step::Owner => {
            // what was not answered may have happened
            for (id, _, text) in std::mem::take(&mut world.asked) {
                world.bridges.get_mut(&id).expect("a bridge").answer(&text);
            }
            world.picks.clear();
            world.act(|focus, cx| focus.handle_owner_changed(cx));
        }
        Step::Pass(ms) => world.pass(*ms),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_all_talk_in_the_end(steps in vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            obey(&mut world, step);
        }
        // quiet returns: bridges are heard of, everything under way arrives, time passes; whoever used up their
        // restarts comes anew
        for id in ["b1", "b2"] {
            world.act(|focus, cx| focus.handle_bridge_up(cx, &bridge(id)));
        }
        for _ in 0..6 {
            world.settle();
            world.pass(31_000);
        }
        world.settle();
        let without: Vec<String> =
            world.clients.iter().filter(|(_, client)| !client.accepted).map(|(nick, _)| nick.clone()).collect();
        for nick in without {
            world.leave(&nick);
            world.join(&nick);
            world.settle();
        }
        world.settle();
        if steps.iter().any(|step| matches!(step, Step::Lose { .. })) {
            world.time_out_unused();
        }
        let count = world.clients.len();
        prop_assert!(count < 2 || world.clients.values().all(|client| client.accepted), "{:?}", world.focus);
        if count >= 2 {
            world.check_agreement();
        }
    }
}
