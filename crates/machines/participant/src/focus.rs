//! The Jingle session (XEP-0166) that the focus offers, accepted without media.
//!
//! An accept names a transport (ICE credentials, a DTLS fingerprint, no candidate) and sources as a browser has them, so
//! that the focus, the room and the bridge's signalling do all of their work. Nobody ever connects to the bridge. To
//! decline would be cheaper for the server than any real client is; not to answer would be worse than one.

use std::collections::BTreeMap;

use xmpp::jingle::ice::{Fingerprint, IceUdp, Setup};
use xmpp::jingle::ns::{GROUPING, ICE_UDP, JINGLE, JINGLE_ERRORS, RTP};
use xmpp::jingle::rtp::Kind;
use xmpp::jingle::source::{MediaSources, Semantics, Source, SsrcGroup, VideoType};
use xmpp::stanza;
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::to_text;
use xmpp::{Element, elem};

use crate::failure::Failure;
use crate::iq::{Purpose, error_of};
use crate::limits::{CONTENTS_MAX, DESCRIPTION_CHILDREN_MAX, SESSIONS_MAX};
use crate::output::Fact;
use crate::rng::Draws;
use crate::{Participant, Time};

/// Layers of a camera's simulcast.
const LAYERS: usize = 3;

#[derive(Clone, Debug, Default)]
pub(crate) struct Focus {
    /// who offered them, by `sid`
    sessions: BTreeMap<String, String>,
    /// made once: a client keeps its tracks from one session to the next
    sources: Option<[MediaSources; 2]>,
    pub(crate) offers: u64,
}

impl Participant {
    /// A Jingle request; the answers are those of `strophe.jingle.js`.
    pub(crate) fn handle_jingle(&mut self, now: Time, iq: &Element, jingle: &Element) {
        let sid = jingle.attr("sid").unwrap_or_default();
        let from = iq.attr("from").unwrap_or_default();
        let action = jingle.attr("action").unwrap_or_default();
        if action == "session-initiate" {
            return self.handle_initiate(now, iq, jingle, sid, from);
        }
        if self.focus.sessions.get(sid).is_none_or(|peer| peer != from) {
            let unknown = elem("unknown-session", JINGLE_ERRORS).build();
            return self.refuse(now, iq, StanzaError::from(Condition::ItemNotFound).with(unknown));
        }
        match action {
            "session-terminate" => {
                self.focus.sessions.remove(sid);
                self.send(now, to_text(&stanza::result(iq).build()));
            }
            "session-accept" | "source-add" | "source-remove" | "transport-info" | "transport-replace" => {
                self.send(now, to_text(&stanza::result(iq).build()));
            }
            _ => self.refuse(now, iq, Condition::BadRequest),
        }
    }

    /// `None`: no answer came in time.
    pub(crate) fn handle_accept_answer(&mut self, now: Time, sid: &str, answer: Option<&Element>) {
        // the session was ended meanwhile: nobody misses the answer
        if !self.focus.sessions.contains_key(sid) {
            return;
        }
        match answer {
            None => self.give_up(now, Failure::AcceptUnanswered),
            Some(answer) if answer.attr("type") == Some("error") => {
                self.give_up(now, Failure::AcceptRefused(error_of(answer)));
            }
            Some(_) => self.tell(Fact::Accepted),
        }
    }

    fn handle_initiate(&mut self, now: Time, iq: &Element, jingle: &Element, sid: &str, from: &str) {
        let focus = format!("{}/focus", self.settings.room);
        let full = self.focus.sessions.len() >= SESSIONS_MAX;
        // no direct sessions with other participants: whoever offers one falls back to the bridge
        if from != focus || full || self.focus.sessions.contains_key(sid) {
            return self.refuse(now, iq, Condition::ServiceUnavailable);
        }
        self.send(now, to_text(&stanza::result(iq).build()));
        if !self.room.has_focus() {
            return self.decline(now, &focus, sid);
        }
        self.focus.offers += 1;
        self.focus.sessions.insert(sid.to_owned(), focus.clone());
        let accept = self.accept(jingle, &focus, sid);
        self.ask(now, &focus, "set", accept, Purpose::Accept { sid: sid.to_owned() });
    }

    /// COMPAT: from a focus that the client does not know as one.
    fn decline(&mut self, now: Time, focus: &str, sid: &str) {
        let reason = elem("reason", JINGLE).child(elem("security-error", JINGLE));
        let terminate = elem("jingle", JINGLE)
            .attr("action", "session-terminate")
            .attr("initiator", focus)
            .attr("sid", sid)
            .child(reason)
            .build();
        self.ask(now, focus, "set", terminate, Purpose::Discovery);
    }

    fn accept(&mut self, offer: &Element, focus: &str, sid: &str) -> Element {
        let (nick, draws) = (&self.room.nick, &mut self.draws);
        let sources = self.focus.sources.get_or_insert_with(|| sources(nick, draws)).clone();
        let transport = transport(&mut self.draws);
        let names: Vec<&str> = contents(offer).filter_map(|content| content.attr("name")).collect();
        let group = elem("group", GROUPING)
            .attr("semantics", "BUNDLE")
            .children(names.iter().map(|name| elem("content", GROUPING).attr("name", *name).build()));
        elem("jingle", JINGLE)
            .attr("action", "session-accept")
            .attr("initiator", focus)
            .attr("responder", self.jid.as_str())
            .attr("sid", sid)
            .child(group)
            .children(contents(offer).map(|content| answered(content, &sources, &transport)))
            .build()
    }
}

fn contents(offer: &Element) -> impl Iterator<Item = &Element> {
    offer.children().filter(|child| child.is("content", JINGLE)).take(CONTENTS_MAX)
}

/// One content of the answer: what was offered, with our sources and transport.
fn answered(offered: &Element, sources: &[MediaSources], transport: &IceUdp) -> Element {
    let description = offered.get_child("description", RTP);
    let media = description.and_then(|description| description.attr("media")).unwrap_or_default();
    let own = Kind::from_word(media).and_then(|kind| sources.iter().find(|sources| sources.kind == kind));
    let kept = description.iter().flat_map(|description| description.children());
    let kept = kept.filter(|child| child.name() != "source" && child.name() != "ssrc-group");
    let described = elem("description", RTP)
        .attr("media", media)
        .children(kept.take(DESCRIPTION_CHILDREN_MAX).cloned())
        .children(own.into_iter().flat_map(MediaSources::to_children));
    let mut answer = transport.to_element();
    let sctpmap = offered.get_child("transport", ICE_UDP).and_then(|transport| {
        transport.children().find(|child| child.is("sctpmap", xmpp::jingle::ns::DTLS_SCTP))
    });
    sctpmap.into_iter().for_each(|sctpmap| {
        answer.append_child(sctpmap.clone());
    });
    elem("content", JINGLE)
        .attr("creator", "responder")
        .attr_opt("name", offered.attr("name"))
        .attr("senders", "both")
        .children(own.map(|_| described.build()))
        .child(answer)
        .build()
}

/// COMPAT: the client is active in DTLS; it has no candidates, as it need not have any when it accepts.
fn transport(draws: &mut Draws) -> IceUdp {
    let octets: Vec<String> = (0..32).map(|_| draws.hex(2).to_uppercase()).collect();
    let fingerprint =
        Fingerprint { hash: "sha-256".to_owned(), setup: Setup::Active, value: octets.join(":") };
    IceUdp {
        ufrag: Some(draws.hex(8)),
        pwd: Some(draws.hex(24)),
        rtcp_mux: true,
        fingerprints: vec![fingerprint],
        ..IceUdp::default()
    }
}

/// A microphone, and a camera in three layers, each with its repair stream.
fn sources(nick: &str, draws: &mut Draws) -> [MediaSources; 2] {
    let mut ssrc = || draws.number().max(1);
    let source = |ssrc, media: &str, video_type| Source {
        ssrc,
        name: Some(format!("{nick}-{}0", &media[..1])),
        msid: Some(format!("{nick}-{media}-0-1 {nick}-track-{media}")),
        video_type,
    };
    let audio =
        MediaSources { kind: Kind::Audio, sources: vec![source(ssrc(), "audio", None)], groups: Vec::new() };
    let layers: Vec<u32> = (0..LAYERS).map(|_| ssrc()).collect();
    let repairs: Vec<u32> = (0..LAYERS).map(|_| ssrc()).collect();
    let camera = layers.iter().chain(&repairs).map(|ssrc| source(*ssrc, "video", Some(VideoType::Camera)));
    let repaired = layers.iter().zip(&repairs);
    let fids =
        repaired.map(|(layer, repair)| SsrcGroup { semantics: Semantics::Fid, ssrcs: vec![*layer, *repair] });
    let groups = [SsrcGroup { semantics: Semantics::Sim, ssrcs: layers.clone() }].into_iter().chain(fids);
    [audio, MediaSources { kind: Kind::Video, sources: camera.collect(), groups: groups.collect() }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_those_of_a_browser() {
        let [audio, video] = sources("0123abcd", &mut Draws::new(1, 1));
        assert_eq!((audio.sources.len(), video.sources.len(), video.groups.len()), (1, 6, 4));
        assert_eq!(video.sources[0].name.as_deref(), Some("0123abcd-v0"));
        assert!(video.sources.iter().all(|source| source.msid == video.sources[0].msid));
        assert_ne!(audio.sources[0].msid, video.sources[0].msid);
    }

    #[test]
    fn an_answer_keeps_what_was_offered_and_has_a_transport_of_its_own() {
        let offered = "<content xmlns='urn:xmpp:jingle:1' name='audio'>\
            <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\
            <payload-type id='111' name='opus' clockrate='48000'/>\
            <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1'/></description>\
            <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='theirs' pwd='theirs'/></content>";
        let offered = xmpp::frame::parse(offered).unwrap();
        let mut draws = Draws::new(1, 1);
        let own = sources("0123abcd", &mut draws);
        let answer = answered(&offered, &own, &transport(&mut draws));
        let description = answer.get_child("description", RTP).unwrap();
        assert!(description.has_child("payload-type", RTP));
        assert_eq!(MediaSources::from_description(description).unwrap(), own[0]);
        let transport = IceUdp::from_element(answer.get_child("transport", ICE_UDP).unwrap()).unwrap();
        assert_ne!(transport.ufrag.as_deref(), Some("theirs"));
        assert_eq!(transport.fingerprints[0].value.len(), 95);
    }
}
