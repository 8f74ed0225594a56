//! The whole session-initiate as the client gets it.

use xmpp::Element;
use xmpp::text::to_text;

use super::World;

const PAYLOADS: &str = "\
    <payload-type clockrate='90000' id='41' name='AV1'>FB</payload-type>\
    <payload-type clockrate='90000' id='100' name='VP8'>FB</payload-type>\
    <payload-type clockrate='90000' id='107' name='H264'>\
    <parameter name='profile-level-id' value='42e01f;level-asymmetry-allowed=1;packetization-mode=1;'/>FB</payload-type>\
    <payload-type clockrate='90000' id='101' name='VP9'>FB</payload-type>\
    <payload-type clockrate='90000' id='42' name='rtx'><parameter name='apt' value='41'/>RX</payload-type>\
    <payload-type clockrate='90000' id='96' name='rtx'><parameter name='apt' value='100'/>RX</payload-type>\
    <payload-type clockrate='90000' id='97' name='rtx'><parameter name='apt' value='101'/>RX</payload-type>\
    <payload-type clockrate='90000' id='99' name='rtx'><parameter name='apt' value='107'/></payload-type>";

const EXTENSION: &str = "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'";
const MIXED: &str =
    "<extmap-allow-mixed xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/><rtcp-mux/></description>";

fn transport(nick: &str, more: &str) -> String {
    format!(
        "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' pwd='bridge-pwd' ufrag='u{nick}'><rtcp-mux/>\
         <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>AA:BB</fingerprint>\
         <candidate component='1' foundation='1' generation='0' id='c' ip='192.0.2.10' network='0' port='10000' \
         priority='2130706431' protocol='udp' type='host'/>{more}</transport>"
    )
}

fn content(name: &str, inner: &str) -> String {
    format!("<content creator='initiator' name='{name}' senders='both'>{inner}</content>")
}

#[test]
fn it_is_what_a_stock_focus_offers() {
    let mut world = World::talking(&["ann", "bob"]);
    world.join("cid");
    world.settle();
    let client = world.client("cid");
    let offer = client.last_offer.as_ref().expect("an offer");
    let fb = "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type=";
    let repair = format!("{fb}'ccm' subtype='fir'/>{fb}'nack'/>{fb}'nack' subtype='pli'/>");
    let video = PAYLOADS.replace("FB", &format!("{repair}{fb}'transport-cc'/>")).replace("RX", &repair);
    let tcc = "uri='http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'/>";
    let mid = "uri='urn:ietf:params:rtp-hdrext:sdes:mid'/>";
    let audio = content(
        "audio",
        &format!(
            "<description xmlns='urn:xmpp:jingle:apps:rtp:1' maxptime='60' media='audio'>\
             <payload-type channels='2' clockrate='48000' id='111' name='opus'><parameter name='minptime' value='10'/>\
             <parameter name='useinbandfec' value='1'/>{fb}'transport-cc'/></payload-type>\
             <payload-type clockrate='8000' id='126' name='telephone-event'/>\
             {EXTENSION} id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>{EXTENSION} id='10' {mid}\
             {EXTENSION} id='5' {tcc}{MIXED}{}",
            transport("cid", "")
        ),
    );
    let video = content(
        "video",
        &format!(
            "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'>{video}\
             {EXTENSION} id='11' uri='https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension'/>\
             {EXTENSION} id='10' {mid}\
             {EXTENSION} id='3' uri='http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time'/>\
             {EXTENSION} id='5' {tcc}{MIXED}{}",
            transport("cid", "")
        ),
    );
    let map = "<sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='5000' protocol='webrtc-datachannel' \
               streams='1024'/>";
    let data = content(
        "data",
        &format!(
            "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='application'><rtcp-mux/></description>{}",
            transport("cid", map)
        ),
    );
    let sources = r#"{"sources":{"ann":[[{"m":"ms ann-v0","n":"ann-v0","s":9702},{"m":"ms ann-v0","n":"ann-v0","s":9703}],[["f",9702,9703]],[{"m":"ms ann-a0","n":"ann-a0","s":9701}]],"bob":[[{"m":"ms bob-v0","n":"bob-v0","s":9802},{"m":"ms bob-v0","n":"bob-v0","s":9803}],[["f",9802,9803]],[{"m":"ms bob-a0","n":"bob-a0","s":9801}]],"jvb":[[{"m":"mixedmslabel mixedlabelvideo0","n":"jvb-v0","s":9002}],[],[{"m":"mixedmslabel mixedlabelaudio0","n":"jvb-a0","s":9001}]]}}"#;
    let expected = format!(
        "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='focus@auth.meet.example/focus' sid='{}'>\
         {audio}{video}{data}\
         <group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='audio'/><content name='video'/>\
         <content name='data'/></group>\
         <bridge-session xmlns='http://jitsi.org/protocol/focus' id='{}' region='eu'/>\
         <json-message xmlns='http://jitsi.org/jitmeet'>{sources}</json-message></jingle>",
        client.sid.as_deref().expect("a session"),
        client.bridge_session.as_deref().expect("a bridge session"),
    );
    let expected: Element = expected.parse().expect("XML of the test");
    assert_eq!(to_text(offer), to_text(&expected));
}

#[test]
fn the_presence_of_the_focus_tells_the_bridges() {
    let told = |world: &World| {
        let children = world.focus.presence_children();
        children.iter().map(to_text).collect::<String>()
    };
    let world = World::new();
    assert!(told(&world).contains("<property key=\"bridge-count\" value=\"0\"/>"), "{}", told(&world));
    let world = World::talking(&["ann", "bob"]);
    let text = told(&world);
    for part in [
        "<conference-properties xmlns=\"http://jitsi.org/protocol/focus\">",
        "<property key=\"support-terminate-restart\" value=\"true\"/>",
        "<property key=\"bridge-count\" value=\"1\"/>",
        "<component name=\"focus\">",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
