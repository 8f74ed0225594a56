//! Roll calls: how long an answer takes, and how much of it are the client's own timers.

mod support;

use std::time::Duration;

use participant::{Closing, Fact, Time};
use support::{World, settings};

/// Answers to calls, and how much of each were timers.
fn answers(world: &mut World, number: u32) -> Vec<(Time, Time)> {
    let facts = &world.seat(number).facts;
    let answers = facts.iter().filter_map(|(_, fact)| match fact {
        Fact::Answered { after, timers } => Some((*after, *timers)),
        _ => None,
    });
    answers.collect()
}

fn call(world: &mut World, number: u32) -> bool {
    let mut is_in = false;
    world.with(number, |participant, now| is_in = participant.call(now));
    world.settle();
    is_in
}

fn joined() -> World {
    let mut world = World::new();
    world.join(0, &settings());
    world.run(3.0);
    world
}

#[test]
fn on_a_stream_that_stands_the_answer_comes_at_once() {
    let mut world = joined();
    for calls in 1..=2 {
        assert!(call(&mut world, 0));
        assert_eq!(answers(&mut world, 0), vec![(Time::ZERO, Time::ZERO); calls]);
    }
}

#[test]
fn a_break_is_waited_for_and_nothing_but_timers_passes_in_it() {
    for called_first in [true, false] {
        let mut world = joined();
        // the call is on its way when the socket is lost, or comes after that
        world.seat(0).deaf = called_first;
        if called_first {
            call(&mut world, 0);
        }
        world.run(0.2);
        world.cut(0);
        if !called_first {
            world.run(0.7);
            call(&mut world, 0);
        }
        world.run(5.0);
        let [(after, timers)] = answers(&mut world, 0)[..] else { panic!("one answer") };
        let before = if called_first { Duration::from_millis(200) } else { Duration::ZERO };
        assert_eq!(after, before + timers);
        assert!(timers > Duration::from_millis(700) && timers <= Duration::from_secs(3), "{timers:?}");
    }
}

#[test]
fn attempts_that_fail_add_up() {
    let mut world = joined();
    call(&mut world, 0);
    world.down = Some(Closing::Refused);
    world.seat(0).facts.clear();
    world.cut(0);
    call(&mut world, 0);
    world.run(3.1);
    world.down = None;
    world.run(10.0);
    let [(after, timers)] = answers(&mut world, 0)[..] else { panic!("one answer") };
    assert!(after == timers && timers >= Duration::from_millis(4_500), "{after:?} {timers:?}");
}

#[test]
fn only_the_last_call_is_answered_and_only_to_who_is_in() {
    let mut world = joined();
    world.seat(0).deaf = true;
    call(&mut world, 0);
    world.run(1.0);
    call(&mut world, 0);
    world.cut(0);
    world.run(5.0);
    assert_eq!(answers(&mut world, 0).len(), 1);

    world.down = Some(Closing::Refused);
    world.cut(0);
    call(&mut world, 0);
    world.run(60.0);
    assert_eq!(answers(&mut world, 0).len(), 1, "it gave up");
    assert!(!call(&mut world, 0));
}
