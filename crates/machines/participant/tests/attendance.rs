//! From the page load to the goodbye, against the real meeting.

mod support;

use std::time::Duration;

use participant::{Closing, End, Fact, Failure, Invitation, Settings, audit};
use support::{World, settings};

#[test]
fn it_joins_sees_the_others_and_leaves() {
    let mut world = World::new();
    world.join(0, &settings());
    world.join(1, &settings());
    world.run(5.0);
    assert!(world.is_joined(0) && world.is_joined(1));
    // itself, the other, the focus
    assert_eq!(world.seat(0).participant.occupants().len(), 3);
    assert_eq!(world.occupants_of_the_room(), 2);

    world.with(1, |participant, now| participant.leave(now));
    world.settle();
    assert_eq!(world.end(1), Some(End::Left));
    assert_eq!(world.occupants_of_the_room(), 1, "the goodbye is understood, nothing hibernates");
    assert_eq!(world.seat(0).participant.occupants().len(), 2);
    assert!(world.is_joined(0));
}

#[test]
fn the_focus_can_be_asked_on_the_stream_or_not_at_all() {
    for invitation in [Invitation::Iq("focus.meet.example".to_owned()), Invitation::None] {
        let mut world = World::new();
        world.join(0, &Settings { invitation, ..settings() });
        world.run(1.0);
        assert!(world.is_joined(0));
    }
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let life = || {
        let mut world = World::new();
        let talker = Settings { chat: Some(Duration::from_secs(1)), ..settings() };
        world.join(0, &talker);
        world.join(1, &talker);
        world.run(7.0);
        world.cut(0);
        world.run(20.0);
        world.conclude()
    };
    assert_eq!(life(), life());
}

#[test]
fn a_thousand_lines_are_heard_once_each() {
    let mut world = World::new();
    let talker = Settings { chat: Some(Duration::from_millis(100)), ..settings() };
    for number in 0..5 {
        world.join(number, &talker);
        world.run(0.5);
    }
    world.run(40.0);
    let lines = audit(&world.conclude());
    assert!(lines.said > 1_000, "{lines:?}");
    assert_eq!((lines.lost, lines.doubled, lines.late), (0, 0, 0), "{lines:?}");
}

#[test]
fn a_talker_that_leaves_takes_nothing_with_it() {
    let mut world = World::new();
    let talker = Settings { chat: Some(Duration::from_millis(100)), ..settings() };
    (0..3).for_each(|number| world.join(number, &talker));
    world.run(10.0);
    world.with(1, |participant, now| participant.leave(now));
    world.settle();
    world.run(10.0);
    let records = world.conclude();
    assert!(records.iter().all(|record| record.end == Some(End::Left)));
    let lines = audit(&records);
    assert_eq!((lines.lost, lines.doubled, lines.late), (0, 0, 0), "{lines:?}");
}

#[test]
fn a_lost_line_is_found() {
    let mut world = World::new();
    let talker = Settings { chat: Some(Duration::from_millis(500)), ..settings() };
    world.join(0, &talker);
    world.join(1, &talker);
    world.run(5.0);
    // a frame that the network eats, though the socket stands: what must never happen
    world.seat(1).deaf = true;
    world.run(1.0);
    world.seat(1).deaf = false;
    world.run(5.0);
    assert!(audit(&world.conclude()).lost > 0);
}

#[test]
fn probes_are_answered_and_a_pause_is_measured() {
    let mut world = World::new();
    let settings = Settings { probe: Some(Duration::from_millis(50)), ..settings() };
    world.join(0, &settings);
    world.run(10.0);
    let record = world.record(0);
    assert!((190..=202).contains(&record.probes.answers), "{record:?}");
    assert!(record.probes.gaps.is_empty() && record.probes.longest.length() <= Duration::from_millis(50));

    let lost = world.now;
    world.cut(0);
    world.run(10.0);
    let record = world.conclude().remove(0);
    let [gap] = record.probes.gaps[..] else { panic!("{:?}", record.probes) };
    assert_eq!(record.probes.longest, gap);
    let resumed = record.resumptions[0].resumed;
    assert!(gap.from <= lost && gap.to >= resumed && gap.to < resumed + Duration::from_millis(60), "{gap:?}");
}

#[test]
fn a_conference_that_is_refused_is_the_end() {
    let check = |answer: Result<(u16, &str), Closing>, failure: Failure| {
        let mut participant = begun();
        participant.handle_answer(support::at(0.1), answer);
        let end = std::iter::from_fn(|| participant.poll_output()).last();
        let over = participant::Output::Fact(Fact::Over(End::Failed(failure)));
        assert_eq!(end, Some(over));
    };
    let refused = |text: &str| Failure::Request(text.to_owned());
    check(Ok((403, "")), refused("HTTP status 403"));
    check(Ok((400, "{\"error\":\"no such room\"}")), refused("HTTP status 400, no such room"));
    check(Ok((200, "<html>")), refused("the answer is no JSON"));
    check(Err(Closing::Refused), Failure::RequestLost(Closing::Refused));
}

#[test]
fn a_conference_that_is_not_ready_is_asked_for_again() {
    let mut participant = begun();
    participant.handle_answer(support::at(0.0), Ok((200, "{\"ready\":false}")));
    assert_eq!(participant.poll_timeout(), Some(support::at(1.0)));
    participant.handle_timeout(support::at(1.0));
    assert!(matches!(participant.poll_output(), Some(participant::Output::Request(_))));
    participant.handle_answer(support::at(1.5), Ok((200, "{\"ready\":false}")));
    assert_eq!(participant.poll_timeout(), Some(support::at(3.5)));
}

#[test]
fn who_is_not_there_at_the_end_has_failed() {
    let mut participant = begun();
    participant.conclude(support::at(9.0));
    let end = participant.record(support::at(9.0)).end;
    assert_eq!(end.map(|end| format!("{end:?}")), Some("Failed(Unanswered(Asking))".to_owned()));
}

/// A participant whose request is on its way.
fn begun() -> participant::Participant {
    let settings = std::sync::Arc::new(settings());
    let mut participant = participant::Participant::new(settings, Default::default(), 1, Duration::ZERO);
    assert!(matches!(participant.poll_output(), Some(participant::Output::Request(_))));
    participant
}
