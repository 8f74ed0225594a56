//! colibri2 requests and their answers.

use std::time::Duration;

use colibri::{Condition, ConferenceModify, Endpoint, ForceMute, Reason, Sctp, SctpRole, Transport};
use sfu::Fact;
use xmpp::jingle::ice::Setup;
use xmpp::jingle::rtp::Kind;

use crate::wire::{MEETING, World, bridge, creation};

#[test]
fn a_creation_is_answered_with_a_transport_and_the_feedback_sources() {
    let mut world = World::new();
    let answer = world.create("a");
    let transport = answer.endpoints[0].transport.as_ref().expect("a transport");
    assert_eq!(transport.sctp, Some(Sctp { port: Some(5000), role: Some(SctpRole::Server) }));
    let ice = transport.ice.as_ref().expect("described");
    assert!(ice.pwd.as_ref().expect("a password").len() >= 22);
    assert_eq!((ice.candidates[0].ip, ice.candidates[0].port), (bridge().ip(), bridge().port()));
    assert_eq!(ice.fingerprints[0].setup, Setup::ActPass);
    assert_eq!(ice.fingerprints[0].value.len(), 32 * 3 - 1);
    let sources = answer.sources.expect("the feedback sources");
    let named: Vec<_> = sources.iter().map(|s| (s.kind, &*s.id)).collect();
    assert_eq!(named, [(Kind::Audio, "jvb-a0"), (Kind::Video, "jvb-v0")]);
    assert_eq!(world.create("b").sources, Some(sources), "the same for the whole conference");
}

#[test]
fn late_requests_of_a_former_owner_change_nothing() {
    let mut world = World::with(&["a"]);
    let of = |epoch, expire| ConferenceModify {
        meeting_id: MEETING.to_owned(),
        epoch,
        expire,
        ..ConferenceModify::default()
    };
    let mut ask = |epoch, expire| world.sfu.handle_request(world.now, &of(epoch, expire));
    assert!(ask(Some(1), false).is_ok() && ask(Some(3), false).is_ok());
    for expire in [false, true] {
        assert_eq!(ask(Some(2), expire).expect_err("too late").condition, Condition::Conflict);
    }
    assert!(ask(None, false).is_ok() && ask(Some(3), false).is_ok(), "there is still an endpoint");
    assert!(ask(Some(4), true).is_ok());
    assert_eq!(ask(Some(4), false).expect_err("gone").condition, Condition::ItemNotFound);
}

#[test]
fn refusals_carry_the_condition_and_reason_that_the_focus_acts_on() {
    use Condition::{BadRequest, Conflict, FeatureNotImplemented, ItemNotFound};
    let mut world = World::with(&["a"]);
    check(&mut world, |r| r.create = true, Conflict, Some(Reason::ConferenceAlreadyExists));
    check(&mut world, |r| r.meeting_id = "other".to_owned(), ItemNotFound, Some(Reason::ConferenceNotFound));
    let mut endpoint = |endpoint: Endpoint, condition, reason| {
        check(&mut world, |r| r.endpoints.push(endpoint), condition, reason);
    };
    endpoint(creation("a"), Conflict, None);
    endpoint(Endpoint { transport: None, ..creation("b") }, BadRequest, None);
    endpoint(Endpoint { capabilities: vec![], ..creation("b") }, BadRequest, None);
    endpoint(Endpoint { id: String::new(), ..creation("b") }, BadRequest, None);
    let sctp = |port, role| Some(Transport { sctp: Some(Sctp { port, role }), ..Default::default() });
    endpoint(Endpoint { transport: sctp(Some(5001), None), ..creation("b") }, BadRequest, None);
    let client = sctp(None, Some(SctpRole::Client));
    endpoint(Endpoint { transport: client, ..creation("b") }, FeatureNotImplemented, None);
    let probe = Endpoint { create: false, transport: Some(Transport::default()), ..creation("nobody") };
    endpoint(probe, ItemNotFound, Some(Reason::UnknownEndpoint));
    assert_eq!(world.sfu.stats().endpoints, 1);
}

#[test]
fn probes_are_harmless() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").talks = Some(-30);
    world
        .request(&ConferenceModify { meeting_id: MEETING.to_owned(), ..Default::default() })
        .expect("it exists");
    let probe = Endpoint { id: "a".to_owned(), transport: Some(Transport::default()), ..Default::default() };
    let answer = world.modify(probe).expect("known");
    assert_eq!(answer.endpoints, [Endpoint { id: "a".to_owned(), ..Default::default() }]);
    assert_eq!(answer.sources, None);
    world.run(Duration::from_secs(1));
    let ssrc = world.clients["a"].audio_ssrc();
    assert!(world.clients["b"].stream(ssrc).len() > 40);
}

#[test]
fn a_transport_sent_again_does_not_disturb_the_media() {
    let mut world = World::with(&["a", "b"]);
    world.client("a").talks = Some(-30);
    let mut ice = world.client("a").description();
    ice.ufrag = Some("else".to_owned());
    ice.fingerprints[0].value = "00".to_owned();
    let transport = Some(Transport { ice: Some(ice), ..Default::default() });
    world.modify(Endpoint { id: "a".to_owned(), transport, ..Default::default() }).expect("ignored");
    world.run(Duration::from_secs(60));
    let ssrc = world.clients["a"].audio_ssrc();
    assert!(world.clients["b"].stream(ssrc).len() > 2900);
}

#[test]
fn hints_and_ends_of_unknown_endpoints_are_echoed() {
    let mut world = World::with(&["a"]);
    let mute = Endpoint { id: "x".to_owned(), force_mute: Some(ForceMute::default()), ..Default::default() };
    assert_eq!(world.modify(mute).expect("echoed").endpoints[0].id, "x");
    let end = Endpoint { id: "x".to_owned(), expire: true, ..Default::default() };
    assert!(world.modify(end).expect("echoed").endpoints[0].expire);
}

#[test]
fn an_ssrc_of_somebody_else_is_refused() {
    let mut world = World::with(&["a", "b"]);
    let sources = world.clients["a"].sources();
    let stolen = Endpoint { id: "b".to_owned(), sources: Some(sources), ..Default::default() };
    let refusal = world.modify(stolen).expect_err("refused");
    assert_eq!(refusal.condition, Condition::BadRequest);
    assert!(refusal.text.contains("used twice"), "{}", refusal.text);
}

#[test]
fn a_conference_ends_with_its_last_endpoint_or_when_told() {
    let mut world = World::with(&["a"]);
    world.expire("a");
    assert_eq!(world.sfu.stats().conferences, 0);
    let mut world = World::with(&["a", "b"]);
    let end = ConferenceModify { meeting_id: MEETING.to_owned(), expire: true, ..Default::default() };
    world.request(&end).expect("known");
    assert_eq!((world.sfu.stats().conferences, world.sfu.stats().endpoints), (0, 0));
    assert_eq!(world.request(&end).expect_err("gone").condition, Condition::ItemNotFound);
    assert_eq!(world.count(Fact::ConferenceExpired), 1);
    world.run(Duration::from_secs(1));
    assert_eq!(world.sfu.poll_timeout(), None, "an empty machine sleeps");
}

#[test]
fn a_conference_that_nobody_joins_ends_by_itself() {
    let mut world = World::new();
    let open = ConferenceModify { meeting_id: MEETING.to_owned(), create: true, ..Default::default() };
    world.request(&open).expect("created");
    world.run(Duration::from_secs(21));
    assert_eq!(world.sfu.stats().conferences, 0);
}

/// That the machine refuses a request for [`MEETING`], changed by `change`.
#[track_caller]
fn check(
    world: &mut World,
    change: impl FnOnce(&mut ConferenceModify),
    condition: Condition,
    reason: Option<Reason>,
) {
    let mut request = ConferenceModify { meeting_id: MEETING.to_owned(), ..Default::default() };
    change(&mut request);
    let refusal = world.request(&request).expect_err("refused");
    assert_eq!((refusal.condition, refusal.reason), (condition, reason), "{}", refusal.text);
    assert_eq!(refusal.endpoint.is_some(), reason == Some(Reason::UnknownEndpoint));
}
