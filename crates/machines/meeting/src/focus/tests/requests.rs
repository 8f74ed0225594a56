//! Every request is answered: wrong sessions, malformed accepts, mutes, and what the focus does not do.

use xmpp::jingle::ns::{ICE_UDP, JINGLE};
use xmpp::{Element, elem, ns};

use super::World;
use super::world::{FEATURES, ROOM, devices};

fn parse(xml: &str) -> Element {
    xml.parse().expect("XML of the test")
}

#[test]
fn an_unknown_session_is_not_found() {
    let mut world = World::talking(&["ann", "bob"]);
    for action in [
        "session-accept",
        "source-add",
        "source-remove",
        "transport-info",
        "session-info",
        "session-terminate",
    ] {
        let jingle = elem("jingle", JINGLE).attr("action", action).attr("sid", "other").build();
        assert_eq!(world.request("ann", jingle), "item-not-found", "{action}");
    }
    let theirs = world.client("bob").sid.clone().expect("a session");
    let jingle = elem("jingle", JINGLE).attr("action", "session-terminate").attr("sid", theirs).build();
    assert_eq!(world.request("ann", jingle), "item-not-found", "somebody else's");
    world.check_agreement();
}

#[test]
fn before_the_accept_no_sources_are_taken() {
    let mut world = World::new();
    world.join("ann");
    world.join("bob");
    world.answer_disco("ann", &FEATURES);
    world.pick();
    world.answer_one();
    assert_eq!(world.add_sources("ann", &devices("ann")), "item-not-found");
    world.accept("ann");
    assert_eq!(world.jingle("ann", "session-accept", Vec::new()), "bad-request", "a second accept");
}

#[test]
fn accepts_that_cannot_be() {
    let mut world = World::new();
    world.join("ann");
    world.join("bob");
    world.answer_disco("ann", &FEATURES);
    world.pick();
    world.answer_one();
    let content =
        |inner: &str| parse(&format!("<content xmlns='urn:xmpp:jingle:1' name='audio'>{inner}</content>"));
    let ice = "xmlns='urn:xmpp:jingle:transports:ice-udp:1'";
    let print =
        "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>AA</fingerprint>";
    let source = "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='4294967296'/>";
    let rtp = "xmlns='urn:xmpp:jingle:apps:rtp:1'";
    for contents in [
        vec![],
        vec![content("")],
        vec![content(&format!("<transport {ice} ufrag='u' pwd='p'/>"))],
        vec![content(&format!("<transport {ice} ufrag='u'>{print}</transport>"))],
        vec![content(&format!(
            "<description {rtp} media='audio'>{source}</description><transport {ice} ufrag='u' pwd='p'>{print}</transport>"
        ))],
        vec![content(&format!(
            "<description {rtp} media='smell'/><transport {ice} ufrag='u' pwd='p'>{print}</transport>"
        ))],
        vec![content(""); 100],
    ] {
        assert_eq!(world.jingle("ann", "session-accept", contents), "bad-request");
    }
    world.accept("ann");
    let update = world.answer_one().expect("an update");
    let transport = update.endpoints[0].transport.as_ref().expect("the client's transport");
    assert_eq!(transport.ice.as_ref().and_then(|ice| ice.ufrag.as_deref()), Some("cann"));
    assert_eq!(update.endpoints[0].sources.as_ref().map(Vec::len), Some(2));
}

#[test]
fn initial_last_n_rides_along() {
    let mut world = World::new();
    world.join("ann");
    world.join("bob");
    world.answer_disco("ann", &FEATURES);
    world.pick();
    world.answer_one();
    let content = parse(
        "<content xmlns='urn:xmpp:jingle:1' name='video'><initial-last-n xmlns='jitsi:colibri2' value='20'/>\
         <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>\
         <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='p'>\
         <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>AA</fingerprint></transport>\
         </content>",
    );
    assert_eq!(world.jingle("ann", "session-accept", vec![content]), "result");
    assert_eq!(world.answer_one().expect("an update").endpoints[0].initial_last_n, Some(20));
}

#[test]
fn late_candidates_go_to_the_bridge() {
    let mut world = World::talking(&["ann", "bob"]);
    let info = |children: &str| {
        vec![parse(&format!(
            "<content xmlns='{JINGLE}' name='audio'><transport xmlns='{ICE_UDP}' ufrag='u' pwd='p'>{children}</transport>\
             </content>"
        ))]
    };
    assert_eq!(world.jingle("ann", "transport-info", info("")), "result");
    assert!(world.asked.is_empty());
    let candidate = "<candidate component='1' foundation='1' ip='192.0.2.77' port='4000' priority='1' protocol='udp' \
                     type='host'/>";
    assert_eq!(world.jingle("ann", "transport-info", info(candidate)), "result");
    let told = world.answer_one().expect("a request").endpoints[0].transport.clone().expect("a transport");
    assert_eq!(told.ice.map(|ice| ice.candidates[0].port), Some(4000));
}

#[test]
fn what_the_focus_does_not_do_is_refused() {
    let mut world = World::talking(&["ann", "bob"]);
    for (action, expected) in [
        ("transport-accept", "feature-not-implemented"),
        ("session-info", "feature-not-implemented"),
        ("content-add", "feature-not-implemented"),
    ] {
        assert_eq!(world.jingle("ann", action, Vec::new()), expected, "{action}");
    }
    let jibri = elem("jibri", "http://jitsi.org/protocol/jibri").attr("action", "start").build();
    assert_eq!(world.request("ann", jibri), "service-unavailable");
    let dial = elem("dial", "urn:xmpp:rayo:1").build();
    assert_eq!(world.request("ann", dial), "service-unavailable");
    let jingle = elem("jingle", JINGLE).attr("action", "session-info").build();
    assert_eq!(world.request_as("ann", false, "get", jingle), "service-unavailable");
    assert_eq!(world.request_as("ann", false, "get", xmpp::ping::ping()), "result");
    assert_eq!(world.request_as("ann", false, "get", xmpp::disco::info(None, [])), "result");
}

fn mute(ns: &str, jid: &str, text: &str) -> Element {
    elem("mute", ns).attr("jid", jid).text(text).build()
}

#[test]
fn moderators_mute_others_and_nobody_unmutes_them() {
    let mut world = World::talking(&["ann", "bob"]);
    let bob = format!("{ROOM}/bob");
    for media in ["audio", "video", "desktop"] {
        let media = format!("http://jitsi.org/jitmeet/{media}");
        assert_eq!(world.request_as("ann", true, "set", mute(&media, &bob, "true")), "result");
        let order = world.client_mut("bob").mutes.pop().expect("an order");
        assert_eq!((order.ns(), order.attr("actor")), (media.clone(), Some(format!("{ROOM}/ann").as_str())));
        assert_eq!(order.text(), "true");
        assert_eq!(world.request_as("ann", true, "set", mute(&media, &bob, "false")), "not-allowed");
        assert_eq!(world.request_as("ann", false, "set", mute(&media, &bob, "true")), "not-allowed");
    }
    assert!(world.client("bob").mutes.is_empty());
}

#[test]
fn mutes_of_oneself_and_of_nobody() {
    let mut world = World::talking(&["ann", "bob"]);
    let audio = "http://jitsi.org/jitmeet/audio";
    let ann = format!("{ROOM}/ann");
    for text in ["true", "false", " true "] {
        assert_eq!(world.request("ann", mute(audio, &ann, text)), "result");
    }
    for (jid, text, expected) in [
        (format!("{ROOM}/nobody"), "true", "item-not-found"),
        ("other@conference.meet.example/bob".to_owned(), "true", "item-not-found"),
        (format!("{ROOM}x/bob"), "true", "item-not-found"),
        (ann, "perhaps", "bad-request"),
    ] {
        assert_eq!(world.request_as("ann", true, "set", mute(audio, &jid, text)), expected, "{jid}");
    }
    assert_eq!(world.request("ann", elem("mute", audio).text("true").build()), "bad-request");
    let unknown = mute("http://jitsi.org/jitmeet/smell", &format!("{ROOM}/bob"), "true");
    assert_eq!(world.request_as("ann", true, "set", unknown), "service-unavailable");
    assert!(world.client("ann").mutes.is_empty() && world.client("bob").mutes.is_empty());
}

#[test]
fn empty_iqs_are_refused() {
    let mut world = World::talking(&["ann", "bob"]);
    let asker = super::super::Asker { nick: "ann".to_owned(), moderator: false, jid: "x".to_owned() };
    world.client_mut("ann").unanswered.insert("e".to_owned());
    let iq = elem("iq", ns::CLIENT).attr("type", "set").attr("id", "e").build();
    world.act(|focus, cx| focus.handle_iq(cx, &asker, &iq));
    assert_eq!(world.client("ann").answer.as_deref(), Some("bad-request"));
}
