//! A stream over HTTP, request by request, and what a participant does without on it.

mod support;

use participant::bosh::{Bosh, Output};
use participant::{Author, Closing, End, Failure, Settings, Time, Transport};
use support::{World, at, settings};

const OPEN: &str = "<open xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" to=\"meet.example\"/>";
const CLOSE: &str = "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\"/>";
const FEATURES: &str = "<s:features xmlns:s='http://etherx.jabber.org/streams'/>";
const HELLO: &str = "<message xmlns=\"jabber:client\"/>";

/// A session, and the server at the other end of it: the test.
struct Talk {
    bosh: Bosh,
    /// number and body of what was posted, in order, and when
    posts: Vec<(Time, u64, String)>,
    frames: Vec<String>,
    closed: Option<(Time, Closing)>,
}

impl Talk {
    fn new() -> Self {
        let bosh = Bosh::new("meet.example", Author::default(), 7);
        Self { bosh, posts: Vec::new(), frames: Vec::new(), closed: None }
    }

    /// With a session from 0 on, and its first request, the poll, on its way at 0.1 seconds.
    fn begun() -> Self {
        let mut talk = Self::new();
        talk.say(0.0, OPEN);
        talk.answer(0.01, 0, &format!("sid='s' wait='60' requests='2'>{FEATURES}"));
        talk.run(1.0);
        assert_eq!((talk.posts.len(), talk.frames.len()), (2, 2));
        talk
    }

    fn say(&mut self, now: f64, text: &str) {
        self.run(now);
        self.bosh.say(at(now), text.to_owned());
        self.obey(at(now));
    }

    /// Answers the post of this index with a body of these attributes and children.
    fn answer(&mut self, now: f64, index: usize, inner: &str) {
        let inner = if inner.contains('>') { inner.to_owned() } else { format!("{inner}>") };
        let body = format!("<body xmlns='http://jabber.org/protocol/httpbind' {inner}</body>");
        self.answer_with(now, index, Ok((200, &body)));
    }

    fn answer_with(&mut self, now: f64, index: usize, answer: Result<(u16, &str), Closing>) {
        self.run(now);
        let rid = self.posts[index].1;
        self.bosh.handle_answer(at(now), rid, answer);
        self.obey(at(now));
    }

    /// Everything that is due by then.
    fn run(&mut self, until: f64) {
        while let Some(due) = self.bosh.poll_timeout().filter(|due| *due <= at(until)) {
            self.bosh.handle_timeout(due);
            self.obey(due);
        }
    }

    fn obey(&mut self, now: Time) {
        while let Some(output) = self.bosh.poll_output() {
            assert_eq!(self.closed, None, "{output:?} after the end");
            match output {
                Output::Post { rid, body } => self.posts.push((now, rid, body)),
                Output::Frame(frame) => self.frames.push(frame),
                Output::Closed(how) => self.closed = Some((now, how)),
            }
        }
    }

    fn last(&self) -> &(Time, u64, String) {
        self.posts.last().expect("something was posted")
    }

    fn closed(&self) -> Option<&Closing> {
        self.closed.as_ref().map(|(_, how)| how)
    }
}

#[test]
fn a_session_is_made_at_once_and_looks_like_a_websocket() {
    let mut talk = Talk::new();
    talk.say(0.0, OPEN);
    let (_, rid, body) = talk.last().clone();
    assert!(
        body.contains(" hold=\"1\"") && body.contains(" wait=\"60\"") && !body.contains("sid="),
        "{body}"
    );
    assert!(body.contains(&format!(" rid=\"{rid}\"")), "{body}");
    talk.answer(0.01, 0, &format!("sid='s'>{FEATURES}"));
    let [open, features] = &talk.frames[..] else { panic!("{:?}", talk.frames) };
    assert!(open.starts_with("<open xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\""), "{open}");
    assert!(open.contains("version=\"1.0\"") && features.starts_with("<features "), "{open} {features}");
}

#[test]
fn numbers_rise_from_a_start_of_the_seed() {
    let first = |participant, seed| {
        let author = Author { participant, attendance: 0 };
        let mut bosh = Bosh::new("meet.example", author, seed);
        bosh.say(Time::ZERO, OPEN.to_owned());
        let Some(Output::Post { rid, .. }) = bosh.poll_output() else { panic!("no post") };
        rid
    };
    assert_eq!(first(1, 7), first(1, 7));
    assert!(first(1, 7) != first(2, 7) && first(1, 7) != first(1, 8));
    let talk = Talk::begun();
    assert_eq!(talk.posts[1].1, talk.posts[0].1 + 1);
    assert!(talk.posts[1].2.contains(" sid=\"s\""));
}

#[test]
fn the_login_begins_a_second_stream() {
    let mut talk = Talk::new();
    talk.say(0.0, OPEN);
    talk.answer(0.01, 0, &format!("sid='s'>{FEATURES}"));
    talk.say(0.02, "<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\" mechanism=\"ANONYMOUS\"/>");
    talk.run(0.5);
    assert!(talk.last().2.contains("<auth "), "{:?}", talk.posts);
    talk.answer(0.5, 1, "><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    talk.say(0.5, OPEN);
    talk.run(0.7);
    let restart = &talk.last().2;
    assert!(
        restart.contains(" xmpp:restart=\"true\"") && restart.contains(" to=\"meet.example\""),
        "{restart}"
    );
    talk.answer(0.8, 2, &format!(">{FEATURES}"));
    let starts: Vec<&str> = talk.frames.iter().map(|frame| &frame[..5]).collect();
    assert_eq!(starts, ["<open", "<feat", "<succ", "<open", "<feat"]);
}

#[test]
fn what_is_said_waits_a_moment_for_more_and_two_are_on_their_way_at_most() {
    let mut talk = Talk::begun();
    talk.say(2.0, HELLO);
    talk.say(2.05, HELLO);
    talk.run(2.14);
    assert_eq!(talk.posts.len(), 2);
    talk.run(2.2);
    assert_eq!((talk.posts.len(), talk.last().0), (3, at(2.15)));
    assert_eq!(talk.last().2.matches(HELLO).count(), 2);
    // both are on their way now
    talk.say(3.0, HELLO);
    talk.run(5.0);
    assert_eq!(talk.posts.len(), 3);
    talk.answer(5.0, 1, "");
    talk.run(5.2);
    assert_eq!(talk.posts.len(), 4);
    assert!(talk.last().2.contains(HELLO));
}

#[test]
fn there_is_always_a_request_for_the_server_to_answer() {
    let mut talk = Talk::begun();
    for round in 1..5_u8 {
        let now = 10.0 * f64::from(round);
        talk.answer(now, usize::from(round), &format!(">{HELLO}"));
        talk.run(now + 0.11);
        assert_eq!(talk.posts.len(), usize::from(round) + 2, "a poll within a tick");
    }
    assert_eq!(talk.frames.iter().filter(|frame| frame.starts_with("<message")).count(), 4);
}

#[test]
fn a_request_that_fails_is_repeated_with_its_number_and_nothing_is_lost() {
    let mut talk = Talk::begun();
    talk.say(2.0, HELLO);
    talk.run(2.2);
    let sent = talk.last().clone();
    talk.answer_with(3.0, 2, Err(Closing::Broken));
    assert_eq!((talk.last().0, talk.last().1, &talk.last().2), (at(3.0), sent.1, &sent.2), "at once");
    talk.answer_with(4.0, 2, Ok((502, "")));
    assert_eq!(talk.posts.len(), 4);
    talk.run(11.9);
    assert_eq!(talk.posts.len(), 4, "eight seconds later");
    talk.run(12.0);
    assert_eq!((talk.last().1, &talk.last().2), (sent.1, &sent.2));
    talk.answer(12.5, 2, &format!(">{HELLO}"));
    assert_eq!((talk.closed(), talk.frames.len()), (None, 3));
    // the answer counts once
    talk.answer(12.6, 2, &format!(">{HELLO}"));
    assert_eq!(talk.frames.len(), 3);
}

#[test]
fn a_server_that_stays_away_is_given_up() {
    let mut talk = Talk::begun();
    talk.answer_with(2.0, 1, Err(Closing::Refused));
    talk.answer_with(2.0, 1, Err(Closing::Refused));
    talk.answer_with(10.0, 1, Err(Closing::Refused));
    assert_eq!((talk.closed(), talk.posts.len()), (None, 4));
    // the last repetition is due at 37 seconds; whoever says something before does not wait for it
    let mut silent = talk.bosh.clone();
    talk.say(20.0, HELLO);
    let retried = Closing::Retried(Box::new(Closing::Refused));
    assert_eq!(talk.closed(), Some(&retried));
    assert_eq!(talk.bosh.poll_timeout(), None);
    assert_eq!(silent.poll_timeout(), Some(at(37.0)));
    silent.handle_timeout(at(37.0));
    assert!(matches!(silent.poll_output(), Some(Output::Post { .. })));
}

#[test]
fn a_server_that_is_not_there_is_given_up_before_there_is_a_session() {
    let mut talk = Talk::new();
    talk.say(0.0, OPEN);
    for now in [0.0, 0.0, 8.0, 35.0] {
        talk.answer_with(now, 0, Err(Closing::Refused));
    }
    let refused = Closing::Retried(Box::new(Closing::Refused));
    assert_eq!((talk.closed, talk.posts.len()), (Some((at(35.0), refused)), 4));
}

#[test]
fn an_answer_that_does_not_come_is_asked_for_again() {
    let mut talk = Talk::begun();
    let poll = talk.last().clone();
    talk.run(66.0);
    assert_eq!(talk.posts.len(), 2);
    talk.run(66.2);
    assert_eq!((talk.posts.len(), talk.last().1), (3, poll.1), "a tenth more than the wait");
    // one that was overtaken is suspected six seconds later
    let mut talk = Talk::begun();
    talk.say(2.0, HELLO);
    talk.answer(2.5, 2, "");
    talk.say(8.0, HELLO);
    talk.run(8.4);
    assert_eq!(talk.posts.len(), 3, "its number would be too far from the first");
    talk.say(8.5, HELLO);
    assert_eq!((talk.posts.len(), talk.last().1), (4, talk.posts[1].1));
    talk.answer(9.0, 3, "");
    assert_eq!((talk.posts.len(), talk.last().1), (5, talk.posts[2].1 + 1));
    assert_eq!(talk.closed(), None);
}

#[test]
fn a_wait_of_nothing_and_a_window_of_one_are_borne() {
    let mut talk = Talk::new();
    talk.say(0.0, OPEN);
    talk.answer(0.01, 0, &format!("sid='s' wait='0' requests='1'>{FEATURES}"));
    talk.say(0.5, HELLO);
    talk.say(1.0, HELLO);
    talk.run(5.0);
    assert_eq!(talk.posts.len(), 2, "one at a time");
    talk.answer(5.0, 1, "");
    assert_eq!(talk.posts.len(), 3);
    assert!(talk.last().2.contains(HELLO));
    talk.run(14.9);
    assert_eq!((talk.posts.len(), talk.closed()), (3, None));
}

#[test]
fn what_the_server_says_of_the_end_is_told() {
    let check = |answer: Result<(u16, &str), Closing>, words: &str| {
        let mut talk = Talk::begun();
        talk.answer_with(2.0, 1, answer);
        let told = talk.closed().map(ToString::to_string).unwrap_or_default();
        assert_eq!(told, words);
        talk.say(3.0, HELLO);
        talk.run(100.0);
        assert_eq!(talk.posts.len(), 2, "nothing more");
    };
    let body = |inner: &str| {
        format!("<body xmlns='http://jabber.org/protocol/httpbind' type='terminate' {inner}</body>")
    };
    check(Ok((404, "")), "is answered with HTTP status 404");
    check(Ok((200, &body("condition='item-not-found'>"))), "is terminated by the server (item-not-found)");
    check(Ok((200, &body(">"))), "is terminated by the server (no reason is given)");
    let error = "<s:error xmlns:s='http://etherx.jabber.org/streams'>\
        <conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></s:error>";
    let remote = body(&format!("condition='remote-stream-error'>{error}"));
    check(Ok((200, &remote)), "is terminated by the server (remote-stream-error, conflict)");
    check(Ok((200, "<html/>")), "is answered with no BOSH body: it is no body element");
}

#[test]
fn whoever_leaves_says_the_rest_with_the_last_request() {
    let mut talk = Talk::begun();
    talk.say(2.0, HELLO);
    talk.say(2.0, "<presence xmlns=\"jabber:client\" type=\"unavailable\"/>");
    talk.say(2.0, CLOSE);
    let (now, rid, body) = talk.last().clone();
    assert_eq!((now, rid), (at(2.0), talk.posts[1].1 + 1));
    assert!(
        body.contains(" type=\"terminate\"") && body.contains(HELLO) && body.contains("unavailable"),
        "{body}"
    );
    // the poll is answered by the way
    talk.answer(2.1, 1, "type='terminate'>");
    assert_eq!(talk.closed(), None);
    talk.answer(2.2, 2, "type='terminate'>");
    assert_eq!(talk.closed(), Some(&Closing::Stream));

    let mut nobody = Talk::new();
    nobody.say(0.0, CLOSE);
    assert_eq!((nobody.closed(), nobody.posts.len()), (Some(&Closing::Stream), 0));
}

#[test]
fn a_session_that_says_too_much_to_nobody_is_over() {
    let mut talk = Talk::begun();
    talk.say(2.0, HELLO);
    talk.run(2.2);
    for _ in 0..10_000 {
        talk.bosh.say(at(3.0), HELLO.to_owned());
    }
    talk.obey(at(3.0));
    assert_eq!(talk.closed(), None);
    talk.say(3.0, HELLO);
    assert_eq!(talk.closed(), Some(&Closing::Silent));
}

#[test]
fn over_bosh_nothing_is_taken_up_again() {
    let mut world = World::new();
    world.join(0, &Settings { transport: Transport::Bosh, ..settings() });
    world.run(3.0);
    assert!(world.is_joined(0));
    world.cut(0);
    let Some(End::Reload(Failure::Closed(Closing::Broken, _))) = world.end(0) else {
        panic!("{:?}", world.end(0))
    };
}

#[test]
fn over_bosh_pings_that_are_not_answered_cost_nothing() {
    let mut world = World::new();
    world.join(0, &Settings { transport: Transport::Bosh, ..settings() });
    world.run(3.0);
    world.seat(0).deaf = true;
    world.run(60.0);
    assert_eq!(world.end(0), None);
}
