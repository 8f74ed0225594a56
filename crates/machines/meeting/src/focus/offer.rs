//! What is offered: payload types and extensions as the stock focus has them, and the session-initiate.

use serde_json::{Map, Value};
use xmpp::jingle::ice::IceUdp;
use xmpp::jingle::ns::{DTLS_SCTP, GROUPING, JINGLE, RTP};
use xmpp::jingle::rtp::{Description, Feedback, HeaderExtension, Kind, PayloadType};
use xmpp::{Element, elem, ns};

use super::participant::Features;
use super::propagate::json_message;

const TCC_URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const ABS_SEND_TIME_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const DEPENDENCY_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Everything that goes into a session-initiate.
pub(super) struct Offer<'a> {
    pub(super) features: Features,
    /// the bridge's
    pub(super) transport: &'a IceUdp,
    /// the bridge's, where it has data channels
    pub(super) sctp_port: Option<u16>,
    pub(super) bridge_session: &'a str,
    pub(super) region: Option<&'a str>,
    /// sources by owner
    pub(super) sources: Map<String, Value>,
}

impl Offer<'_> {
    /// The children of `<jingle/>`.
    pub(super) fn to_children(&self) -> Vec<Element> {
        let mut contents = Vec::new();
        if self.features.audio {
            contents.push(self.content("audio", description(Kind::Audio, &audio(self.features))));
        }
        if self.features.video {
            contents.push(self.content("video", description(Kind::Video, &video(self.features))));
        }
        if self.sctp_port.is_some() {
            let application =
                elem("description", RTP).attr("media", "application").child(elem("rtcp-mux", RTP));
            contents.push(self.content("data", application.build()));
        }
        let names = contents.iter().filter_map(|content| content.attr("name"));
        let group = elem("group", GROUPING)
            .attr("semantics", "BUNDLE")
            .children(names.map(|name| elem("content", GROUPING).attr("name", name).build()));
        let bridge_session =
            elem("bridge-session", ns::FOCUS).attr("id", self.bridge_session).attr_opt("region", self.region);
        let group = group.build();
        contents.extend([group, bridge_session.build()]);
        // COMPAT: JSON sources make the client create an audio and a video content, transport or not
        if self.features.audio && self.features.video && !self.sources.is_empty() {
            contents.push(json_message(self.sources.clone()));
        }
        contents
    }

    fn content(&self, name: &'static str, description: Element) -> Element {
        let mut transport = self.transport.to_element();
        if let Some(port) = self.sctp_port.filter(|_| name == "data") {
            let map = elem("sctpmap", DTLS_SCTP)
                .attr("number", port.to_string())
                .attr("protocol", "webrtc-datachannel")
                .attr("streams", "1024");
            transport.append_child(map.build());
        }
        elem("content", JINGLE)
            .attr("creator", "initiator")
            .attr("name", name)
            .attr("senders", "both")
            .child(description)
            .child(transport)
            .build()
    }
}

/// Audio as it is offered and as the bridge is told.
pub(super) fn audio(features: Features) -> Description {
    let mut opus = payload_type(111, "opus", 48_000, &[("minptime", "10"), ("useinbandfec", "1")]);
    opus.channels = 2;
    if features.tcc {
        opus.feedback.push(feedback("transport-cc", None));
    }
    Description {
        payload_types: vec![opus, payload_type(126, "telephone-event", 8_000, &[])],
        extensions: extensions(features, &[(1, AUDIO_LEVEL_URI), (10, MID_URI)]),
        extmap_allow_mixed: true,
    }
}

/// Video as it is offered and as the bridge is told. The order is a preference.
pub(super) fn video(features: Features) -> Description {
    // COMPAT: one parameter holds the whole fmtp line, so that the client writes it as it stands
    let h264 = [("profile-level-id", "42e01f;level-asymmetry-allowed=1;packetization-mode=1;")];
    let codecs = [(41, "AV1", &[][..]), (100, "VP8", &[]), (107, "H264", &h264), (101, "VP9", &[])];
    let mut payload_types = Vec::new();
    for (id, name, parameters) in codecs {
        let mut codec = payload_type(id, name, 90_000, parameters);
        codec.feedback = repair_feedback();
        if features.tcc {
            codec.feedback.push(feedback("transport-cc", None));
        } else if features.remb {
            codec.feedback.push(feedback("goog-remb", None));
        }
        payload_types.push(codec);
    }
    let repairs = [(42, "41"), (96, "100"), (97, "101"), (99, "107")];
    for (id, apt) in repairs.into_iter().filter(|_| features.rtx) {
        let mut rtx = payload_type(id, "rtx", 90_000, &[("apt", apt)]);
        if id != 99 {
            rtx.feedback = repair_feedback();
        }
        payload_types.push(rtx);
    }
    Description {
        payload_types,
        extensions: extensions(features, &[(11, DEPENDENCY_URI), (10, MID_URI), (3, ABS_SEND_TIME_URI)]),
        extmap_allow_mixed: true,
    }
}

fn description(kind: Kind, media: &Description) -> Element {
    let maxptime = (kind == Kind::Audio).then_some("60");
    elem("description", RTP)
        .attr("media", kind.as_str())
        .attr_opt("maxptime", maxptime)
        .children(media.to_children())
        .child(elem("rtcp-mux", RTP))
        .build()
}

fn payload_type(id: u8, name: &str, clockrate: u32, parameters: &[(&str, &str)]) -> PayloadType {
    PayloadType {
        id,
        name: name.to_owned(),
        clockrate,
        channels: 1,
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        feedback: Vec::new(),
    }
}

fn repair_feedback() -> Vec<Feedback> {
    vec![feedback("ccm", Some("fir")), feedback("nack", None), feedback("nack", Some("pli"))]
}

fn feedback(kind: &str, subtype: Option<&str>) -> Feedback {
    Feedback { kind: kind.to_owned(), subtype: subtype.map(str::to_owned) }
}

fn extensions(features: Features, listed: &[(u8, &str)]) -> Vec<HeaderExtension> {
    let tcc = features.tcc.then_some((5, TCC_URI));
    let all = listed.iter().copied().chain(tcc);
    all.map(|(id, uri)| HeaderExtension { id, uri: uri.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Features =
        Features { audio: true, video: true, data: true, rtx: true, tcc: true, remb: true, rewriting: true };

    fn ids(description: &Description) -> Vec<u8> {
        description.payload_types.iter().map(|payload_type| payload_type.id).collect()
    }

    fn extension_ids(description: &Description) -> Vec<u8> {
        description.extensions.iter().map(|extension| extension.id).collect()
    }

    fn feedback_of(description: &Description, id: u8) -> Vec<&str> {
        let codec = description.payload_types.iter().find(|payload_type| payload_type.id == id);
        codec.map(|codec| codec.feedback.iter().map(|f| f.kind.as_str()).collect()).unwrap_or_default()
    }

    #[test]
    fn a_full_client_is_offered_everything() {
        assert_eq!(ids(&audio(FULL)), [111, 126]);
        assert_eq!(extension_ids(&audio(FULL)), [1, 10, 5]);
        assert_eq!(ids(&video(FULL)), [41, 100, 107, 101, 42, 96, 97, 99]);
        assert_eq!(extension_ids(&video(FULL)), [11, 10, 3, 5]);
        assert_eq!(feedback_of(&video(FULL), 100), ["ccm", "nack", "nack", "transport-cc"]);
        assert_eq!(feedback_of(&video(FULL), 99), [""; 0]);
    }

    #[test]
    fn the_offer_follows_the_features() {
        let plain = Features { rtx: false, tcc: false, ..FULL };
        assert_eq!(ids(&video(plain)), [41, 100, 107, 101]);
        assert_eq!(extension_ids(&video(plain)), [11, 10, 3]);
        assert_eq!(feedback_of(&video(plain), 100), ["ccm", "nack", "nack", "goog-remb"]);
        assert_eq!(feedback_of(&video(Features::UNTOLD), 100), ["ccm", "nack", "nack"]);
        assert_eq!(feedback_of(&audio(Features::UNTOLD), 111), [""; 0]);
    }

    #[test]
    fn no_sources_go_into_an_offer_without_video() {
        let offer = Offer {
            features: Features { video: false, ..FULL },
            transport: &IceUdp::default(),
            sctp_port: None,
            bridge_session: "b",
            region: None,
            sources: Map::from_iter([("jvb".to_owned(), Value::Array(Vec::new()))]),
        };
        let names: Vec<String> = offer.to_children().iter().map(|child| child.name().to_owned()).collect();
        assert_eq!(names, ["content", "group", "bridge-session"]);
    }
}
