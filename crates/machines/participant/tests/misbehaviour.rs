//! What servers do that clients do not survive, and what strangers send.

mod support;

use participant::{Closing, End, Failure};
use proptest::prelude::*;
use support::{ROOM, World, settings};

const FOCUS: &str = "demo@conference.meet.example/focus";

fn joined() -> World {
    let mut world = World::new();
    world.join(0, &settings());
    world.run(1.0);
    assert!(world.is_joined(0));
    world
}

fn check(frame: &str, failure: Failure) {
    let mut world = joined();
    let nick = nick(&mut world);
    world.frame(0, &frame.replace("{NICK}", &nick));
    assert_eq!(world.end(0), Some(End::Reload(failure)), "{frame}");
    assert_eq!(world.seat(0).participant.poll_timeout(), None);
}

fn nick(world: &mut World) -> String {
    world.seat(0).participant.occupants().iter().find(|nick| *nick != "focus").cloned().expect("itself")
}

#[test]
fn what_is_fatal_to_the_client_is_a_reload() {
    let unavailable = |nick: &str, x: &str| {
        format!(
            "<presence xmlns='jabber:client' from='{ROOM}/{nick}' type='unavailable'>\
             <x xmlns='http://jabber.org/protocol/muc#user'>{x}</x></presence>"
        )
    };
    check(&unavailable("focus", ""), Failure::FocusLeft);
    check(&unavailable("{NICK}", "<status code='110'/><status code='307'/>"), Failure::Removed(307));
    check(&unavailable("{NICK}", "<destroy/>"), Failure::Destroyed);
    let error = "<e:error xmlns:e='http://etherx.jabber.org/streams'>\
        <conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></e:error>";
    check(error, Failure::StreamError("conflict".to_owned()));
    let not_xml = xmpp::frame::parse("<a").unwrap_err().to_string();
    check("<a", Failure::NotXml(not_xml));
}

#[test]
fn a_closed_stream_is_taken_up() {
    let mut world = joined();
    world.frame(0, "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />");
    world.run(5.0);
    assert!(world.is_joined(0));
    assert_eq!(world.seat(0).connects.len(), 2);
}

#[test]
fn a_room_that_refuses_is_told_with_its_reason() {
    let mut world = World::new();
    let other = participant::Settings { room: "other@conference.meet.example".to_owned(), ..settings() };
    world.join(0, &participant::Settings { invitation: participant::Invitation::None, ..other });
    world.run(1.0);
    let Some(End::Failed(failure)) = world.end(0) else { panic!("{:?}", world.seat(0).facts) };
    assert!(matches!(failure, Failure::Join(_)), "{failure:?}");
}

#[test]
fn nobody_there_is_told_as_such() {
    let mut world = World::new();
    world.down = Some(Closing::Refused);
    world.join(0, &settings());
    let Some(End::Failed(failure)) = world.end(0) else { panic!("it fails") };
    assert_eq!(failure.to_string(), "the connection is refused, connecting");
}

#[test]
fn an_offer_is_accepted_and_ended_sessions_are_forgotten() {
    let mut world = joined();
    let sent = |world: &mut World, frame: &str| {
        world.with(0, |participant, now| participant.handle_frame(now, frame));
        let participant = &mut world.seat(0).participant;
        std::iter::from_fn(|| participant.poll_output())
            .map(|output| format!("{output:?}"))
            .collect::<String>()
    };
    let initiate = format!(
        "<iq xmlns='jabber:client' type='set' id='i' from='{FOCUS}'><jingle xmlns='urn:xmpp:jingle:1' \
         action='session-initiate' sid='s1'><content name='audio'>\
         <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></content></jingle></iq>"
    );
    let accept = sent(&mut world, &initiate);
    for part in ["session-accept", "fingerprint", "ssrc", "BUNDLE", "responder"] {
        assert!(accept.contains(part), "no {part} in {accept}");
    }
    assert!(sent(&mut world, &initiate).contains("service-unavailable"), "the same session again");
    let stranger = initiate.replace("/focus", "/0123abcd").replace("s1", "s2");
    assert!(sent(&mut world, &stranger).contains("service-unavailable"), "no direct sessions");
    let action = |action: &str| initiate.replace("session-initiate", action);
    assert!(sent(&mut world, &action("source-add")).contains("result"));
    assert!(sent(&mut world, &action("session-info")).contains("bad-request"));
    assert!(sent(&mut world, &action("session-terminate")).contains("result"));
    assert!(sent(&mut world, &action("source-add")).contains("unknown-session"));
    // the accept is never answered, and nobody waits for it any more
    world.run(15.0);
    assert_eq!(world.end(0), None);
    assert_eq!(world.record(0).offers, 1);
}

#[test]
fn an_accept_that_is_not_answered_is_a_reload() {
    let mut world = joined();
    let initiate = format!(
        "<iq xmlns='jabber:client' type='set' id='i' from='{FOCUS}'><jingle xmlns='urn:xmpp:jingle:1' \
         action='session-initiate' sid='s1'/></iq>"
    );
    world.seat(0).deaf = true;
    world.frame(0, &initiate);
    world.run(10.5);
    assert_eq!(world.end(0), Some(End::Reload(Failure::AcceptUnanswered)));
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "iq",
        "presence",
        "message",
        "type",
        "error",
        "unavailable",
        "set",
        "jingle",
        "urn:xmpp:jingle:1",
        "urn:xmpp:sm:3",
        "a",
        "r",
        "h",
        "18446744073709551615",
        "-1",
        "from",
        "id",
        "x",
        "delay",
        "body",
        "althing load t 0.0 99999",
        "session-initiate",
        "content",
        "enabled",
        "resumed",
        "features",
        "http://etherx.jabber.org/streams",
        "jabber:client",
        FOCUS,
        "http://jabber.org/protocol/muc#user",
    ]);
    let attribute =
        (word.clone(), word.clone()).prop_map(|(name, value)| format!(" {}='{value}'", plain(name)));
    let open = (word.clone(), word.clone(), prop::collection::vec(attribute, 0..4));
    prop::collection::vec(open, 1..5).prop_map(|elements| {
        let begin: String = elements
            .iter()
            .map(|(name, space, attributes)| {
                format!("<{} xmlns='{space}'{}>", plain(name), attributes.concat())
            })
            .collect();
        let end: String = elements.iter().rev().map(|(name, ..)| format!("</{}>", plain(name))).collect();
        begin + &end
    })
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_lowercase).collect::<String>()
        + "x".repeat(usize::from(name.len() > 12)).as_str()
}

proptest! {
    #[test]
    fn nothing_that_is_sent_makes_it_panic(frames in prop::collection::vec(words(), 1..20), early in any::<bool>()) {
        let mut world = if early { World::new() } else { joined() };
        if early {
            world.down = Some(Closing::Broken);
            world.join(0, &settings());
        }
        for frame in frames {
            world.with(0, |participant, now| {
                participant.handle_frame(now, &frame);
                participant.handle_timeout(now);
                while participant.poll_output().is_some() {}
            });
        }
        world.with(0, |participant, now| {
            participant.conclude(now);
            let _ = participant.record(now);
        });
    }
}
