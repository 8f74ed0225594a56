//! What the client does when its socket is lost, with its own timers.

mod support;

use std::time::Duration;

use participant::{Closing, End, Fact, Failure, Settings, audit};
use support::{World, settings};

#[test]
fn it_comes_back_after_the_clients_delay_and_nobody_notices() {
    let mut world = World::new();
    world.join(0, &settings());
    world.join(1, &settings());
    world.run(3.0);
    let lost = world.now;
    world.cut(0);
    assert_eq!(world.seat(1).participant.occupants().len(), 3, "the other one does not see it go");
    world.run(5.0);
    assert!(world.is_joined(0));

    let [_, (connected, previd)] = &world.seat(0).connects[..] else { panic!("one more socket") };
    let delay = *connected - lost;
    assert!(delay >= Duration::from_millis(1_500) && delay <= Duration::from_secs(3), "{delay:?}");
    assert!(previd.is_some());
    let resumed =
        world.seat(0).facts.iter().any(|(_, fact)| matches!(fact, Fact::Resumed { attempts: 1, .. }));
    assert!(resumed);
    assert_eq!(world.seat(1).participant.occupants().len(), 3);
}

#[test]
fn nothing_said_is_lost_or_doubled_whatever_was_on_its_way() {
    for seed in 0..20 {
        let mut world = World::new();
        let talker = Settings { chat: Some(Duration::from_millis(50)), ..settings() };
        (0..3).for_each(|number| world.join(number, &talker));
        world.run(2.0);
        // half a second of frames of both directions is gone with the socket
        world.seat(0).deaf = true;
        world.run(0.05 * f64::from(seed));
        world.cut(0);
        world.run(10.0);
        world.take_over();
        world.run(10.0);
        let records = world.conclude();
        assert!(records.iter().all(|record| record.end == Some(End::Left)), "{records:?}");
        assert_eq!(records[0].resumed, 2);
        let lines = audit(&records);
        assert_eq!((lines.lost, lines.doubled, lines.late), (0, 0, 0), "{seed}: {lines:?}");
    }
}

#[test]
fn after_three_attempts_the_page_reloads() {
    let mut world = World::new();
    world.join(0, &settings());
    world.run(3.0);
    world.down = Some(Closing::Refused);
    let lost = world.now;
    world.cut(0);
    world.run(45.0);
    let connects: Vec<_> = world.seat(0).connects.iter().skip(1).map(|(at, _)| *at - lost).collect();
    assert_eq!(connects.len(), 3);
    assert!(connects[2] >= Duration::from_secs(9) && connects[2] <= Duration::from_secs(39), "{connects:?}");
    let gave_up = Failure::GaveUp { lost: Closing::Broken, last: Closing::Refused };
    assert_eq!(world.end(0), Some(End::Reload(gave_up)));
}

#[test]
fn an_attempt_that_succeeds_gives_three_new_ones() {
    let mut world = World::new();
    world.join(0, &settings());
    for _ in 0..3 {
        world.run(1.0);
        world.down = Some(Closing::Status(503));
        world.cut(0);
        world.run(3.1);
        assert_eq!(world.end(0), None);
        world.down = None;
        world.run(10.0);
        assert!(world.is_joined(0));
    }
}

#[test]
fn a_stream_that_nobody_knows_is_a_reload() {
    let mut world = World::new();
    world.join(0, &settings());
    world.join(1, &settings());
    world.run(1.0);
    // the server hears of the loss at once, the client only when its pings fail, long after the session is forgotten
    world.down = Some(Closing::Refused);
    world.cut(0);
    world.seat(0).connects.clear();
    world.run(2.0);
    world.down = None;
    let h = world.record(0).resumed;
    assert_eq!(h, 0);
    let mut forgetful = World::new();
    forgetful.join(1, &settings());
    // the same client meets a server that has lost everything
    std::mem::swap(&mut world.seats, &mut forgetful.seats);
    forgetful.now = world.now;
    forgetful.run(20.0);
    let refused = Failure::ResumeRefused("item-not-found".to_owned());
    assert_eq!(forgetful.end(0), Some(End::Reload(refused)));
}

#[test]
fn a_silent_socket_is_found_by_pings() {
    let mut world = World::new();
    world.join(0, &settings());
    world.run(3.0);
    world.seat(0).deaf = true;
    let deaf = world.now;
    world.run(40.0);
    let lost = world.seat(0).facts.iter().find(|(_, fact)| *fact == Fact::Lost).map(|(at, _)| *at - deaf);
    let lost = lost.expect("it is found");
    assert!(lost >= Duration::from_secs(15) && lost <= Duration::from_secs(35), "{lost:?}");
}

#[test]
fn a_clean_close_before_the_features_hangs_the_client() {
    let mut world = World::new();
    world.join(0, &settings());
    world.run(1.0);
    world.down = Some(Closing::Broken);
    world.cut(0);
    // the next attempt gets as far as the socket
    let until = world.seat(0).participant.poll_timeout().expect("an attempt");
    world.with(0, |participant, _| {
        participant.handle_timeout(until);
        while participant.poll_output().is_some() {}
        participant.handle_connected(until);
        while participant.poll_output().is_some() {}
        participant.handle_closed(until, Closing::Clean(1012));
        assert_eq!(participant.poll_timeout(), None);
    });
    let record = world.conclude().remove(0);
    assert_eq!(record.end, Some(End::Reload(Failure::Hangs)));
}

#[test]
fn an_attempt_that_is_never_answered_is_waited_for() {
    let mut world = World::new();
    world.join(0, &settings());
    world.run(1.0);
    world.cut(0);
    world.seat(0).deaf = true;
    world.run(120.0);
    assert_eq!(world.end(0), None);
    let record = world.conclude().remove(0);
    assert_eq!(format!("{:?}", record.end), "Some(Reload(Unanswered(Resuming)))");
}

#[test]
fn acknowledgements_out_of_range_are_told() {
    for (h, words) in [("999", "higher"), ("0", "lower"), ("x", "no number")] {
        let mut world = World::new();
        world.join(0, &Settings { chat: Some(Duration::from_millis(100)), ..settings() });
        world.run(5.0);
        world.frame(0, &format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>"));
        let Some(End::Reload(Failure::Acknowledgement(text))) = world.end(0) else { panic!("{h}") };
        assert!(text.contains(words), "{text}");
    }
}
