//! Requests, answers and refusals as a stock focus and a stock bridge write them.

use colibri::{Answer, Condition, ConferenceModified, ConferenceModify, ForceMute, Reason, SctpRole};
use xmpp::Element;
use xmpp::jingle::rtp::Kind;
use xmpp::jingle::source::{Semantics, VideoType};

const CREATE: &str = "<conference-modify xmlns='jitsi:colibri2' meeting-id='6f0f' name='room1@conference.meet.example' \
    create='true' rtcstats-enabled='true'>\
    <endpoint id='a1b2c3d4' create='true' stats-id='Foo-1aB'>\
    <capability name='source-names'/><capability name='ssrc-rewriting'/>\
    <transport ice-controlling='true'><sctp/></transport>\
    <media type='audio'>\
    <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' id='111' name='opus' clockrate='48000' channels='2'>\
    <parameter name='minptime' value='10'/>\
    <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='transport-cc'/></payload-type>\
    <rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>\
    <extmap-allow-mixed xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/></media>\
    <sources/><force-mute audio='true' video='false'/><novelty xmlns='x:y'/></endpoint></conference-modify>";

const CREATED: &str = "<conference-modified xmlns='jitsi:colibri2'><endpoint id='a1b2c3d4'><transport>\
    <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='c0p1' pwd='secret'><rtcp-mux/>\
    <candidate component='1' foundation='1' generation='0' id='e6a1' ip='203.0.113.9' network='0' port='10000' \
    priority='2130706431' protocol='udp' type='host'/>\
    <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>AA:BB</fingerprint>\
    <web-socket xmlns='http://jitsi.org/protocol/colibri' url='wss://meet.example/colibri-ws/b/c/e?pwd=x'/></transport>\
    <sctp port='5000' role='server'/></transport></endpoint>\
    <sources><media-source type='audio' id='jvb-a0'>\
    <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1094821' name='jvb-a0'/></media-source>\
    <media-source type='video' id='jvb-v0'>\
    <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='2094822' name='jvb-v0' videoType='camera'/>\
    <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='7' name='jvb-v0'/>\
    <ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'><source ssrc='2094822'/><source ssrc='7'/>\
    </ssrc-group></media-source></sources></conference-modified>";

#[test]
fn a_conference_and_its_first_endpoint() {
    let read = ConferenceModify::from_text(CREATE).expect("a request");
    assert!(read.create && !read.expire);
    assert_eq!(
        (read.meeting_id.as_str(), read.name.as_deref()),
        ("6f0f", Some("room1@conference.meet.example"))
    );
    let endpoint = &read.endpoints[0];
    assert!(endpoint.create);
    assert_eq!(endpoint.stats_id.as_deref(), Some("Foo-1aB"));
    assert_eq!(endpoint.capabilities, ["source-names", "ssrc-rewriting"]);
    let transport = endpoint.transport.as_ref().expect("a transport");
    assert!(transport.ice_controlling && transport.ice.is_none() && transport.sctp.is_some());
    assert_eq!(
        (endpoint.media[0].kind, endpoint.media[0].description.payload_types[0].id),
        (Kind::Audio, 111)
    );
    assert!(endpoint.media[0].description.extmap_allow_mixed);
    assert_eq!(endpoint.sources, Some(Vec::new()), "an empty element means: no sources");
    assert_eq!(endpoint.force_mute, Some(ForceMute { audio: true, video: false }));
    assert_eq!(ConferenceModify::from_text(&read.to_text()), Ok(read));
}

#[test]
fn its_answer() {
    let Ok(Answer::Modified(read)) = Answer::from_text(CREATED) else { panic!("no answer") };
    let transport = read.endpoints[0].transport.as_ref().expect("a transport");
    let sctp = transport.sctp.as_ref().expect("sctp");
    assert_eq!((sctp.port, sctp.role), (Some(5000), Some(SctpRole::Server)));
    let ice = transport.ice.as_ref().expect("credentials");
    assert!(ice.rtcp_mux);
    assert_eq!((ice.ufrag.as_deref(), ice.candidates[0].port), (Some("c0p1"), 10000));
    assert_eq!(ice.web_sockets, ["wss://meet.example/colibri-ws/b/c/e?pwd=x"]);
    let sources = read.sources.as_ref().expect("feedback sources");
    assert_eq!((sources[1].id.as_str(), sources[1].ssrcs.as_slice()), ("jvb-v0", [2_094_822, 7].as_slice()));
    assert_eq!(sources[1].video_type, Some(VideoType::Camera));
    assert_eq!(sources[1].groups[0].semantics, Semantics::Fid);
    assert_eq!(ConferenceModified::from_text(&read.to_text()), Ok(read));
}

#[test]
fn every_namespace_stands_literally_where_it_begins() {
    let text = ConferenceModified::from_text(CREATED).expect("an answer").to_text();
    for (element, namespace) in [
        ("<transport", "urn:xmpp:jingle:transports:ice-udp:1"),
        ("<fingerprint", "urn:xmpp:jingle:apps:dtls:0"),
        ("<web-socket", "http://jitsi.org/protocol/colibri"),
        ("<source", "urn:xmpp:jingle:apps:rtp:ssma:0"),
        ("<ssrc-group", "urn:xmpp:jingle:apps:rtp:ssma:0"),
    ] {
        assert!(text.contains(&format!("{element} xmlns=\"{namespace}\"")), "{element} in {text}");
    }
}

#[test]
fn a_probe_has_a_transport_without_anything() {
    let probe = "<conference-modify xmlns='jitsi:colibri2' meeting-id='x'><endpoint id='e'><transport/></endpoint>\
                 </conference-modify>";
    let read = ConferenceModify::from_text(probe).expect("a probe");
    let transport = read.endpoints[0].transport.clone().expect("a transport");
    assert_eq!(transport, colibri::Transport::default());
    assert_eq!(read.endpoints[0].sources, None, "absent means: leave them");
    assert_eq!(read.to_element(), probe.parse::<Element>().expect("XML of the test"));
}

fn check_refusal(xml: &str, condition: Condition, reason: Option<Reason>, endpoint: Option<&str>) {
    let Ok(Answer::Refused(read)) = Answer::from_text(xml) else { panic!("no refusal: {xml}") };
    assert_eq!((read.condition, read.reason, read.endpoint.as_deref()), (condition, reason, endpoint));
    let Ok(Answer::Refused(again)) = Answer::from_text(&read.to_text()) else { panic!("not ours") };
    assert_eq!(again, read);
}

#[test]
fn refusals_with_and_without_a_reason() {
    let stanzas = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'";
    check_refusal(
        &format!(
            "<error xmlns='jabber:client' type='cancel'><item-not-found {stanzas}/><text {stanzas}>Unknown</text>\
             <error xmlns='jitsi:colibri2' reason='unknown_endpoint'/><endpoint xmlns='jitsi:colibri2' id='e'/></error>"
        ),
        Condition::ItemNotFound,
        Some(Reason::UnknownEndpoint),
        Some("e"),
    );
    check_refusal(
        &format!("<error xmlns='jabber:server'><conflict {stanzas}/></error>"),
        Condition::Conflict,
        None,
        None,
    );
    check_refusal(
        &format!("<error xmlns='x'><gone {stanzas}/><error xmlns='jitsi:colibri2' reason='novel'/></error>"),
        Condition::InternalServerError,
        Some(Reason::Unspecified),
        None,
    );
}

#[test]
fn requests_that_do_not_fit_are_refused() {
    let endpoints = "<endpoint id='e'/>".repeat(colibri::limits::ENDPOINTS_MAX + 1);
    let long = "x".repeat(2000);
    for body in [
        "<conference-modify xmlns='jitsi:colibri2'/>".to_owned(),
        "<conference-modify xmlns='other' meeting-id='x'/>".to_owned(),
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='x'><endpoint/></conference-modify>".to_owned(),
        format!("<conference-modify xmlns='jitsi:colibri2' meeting-id='{long}'/>"),
        format!("<conference-modify xmlns='jitsi:colibri2' meeting-id='x'>{endpoints}</conference-modify>"),
        "<a xmlns='b'>".repeat(50_000),
        " ".repeat(xmpp::limits::STANZA_BYTES_MAX + 1),
    ] {
        assert!(ConferenceModify::from_text(&body).is_err(), "{}", &body[..body.len().min(80)]);
    }
}
