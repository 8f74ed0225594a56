//! The Jingle session (XEP-0166) that the focus offers, accepted with media or without.
//!
//! With them, `media` is told what was offered and answered. Without them an accept names a transport (ICE credentials, a DTLS fingerprint, no candidate) and sources as a browser has them, so
//! that the focus, the room and the bridge's signalling do all of their work. Nobody ever connects to the bridge. To
//! decline would be cheaper for the server than any real client is; not to answer would be worse than one.

use std::collections::BTreeMap;

use xmpp::jingle::ice::{Fingerprint, IceUdp, Setup};
use xmpp::jingle::ns::{GROUPING, ICE_UDP, JINGLE, JINGLE_ERRORS, RTP};
use xmpp::jingle::rtp::Kind;
use xmpp::jingle::source::MediaSources;
use xmpp::stanza;
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::to_text;
use xmpp::{Element, elem, ns};

use crate::bridge_channel::takes_web_socket;
use crate::failure::Failure;
use crate::iq::{Purpose, error_of};
use crate::limits::{CONTENTS_MAX, DESCRIPTION_CHILDREN_MAX, SESSIONS_MAX};
use crate::media::session::{own_sources, remote_sources, web_socket};
use crate::media::{Command, Session};
use crate::output::{Fact, Output};
use crate::rng::Draws;
use crate::{Participant, Time};

#[derive(Clone, Debug, Default)]
pub(crate) struct Focus {
    /// who offered them, by `sid`
    sessions: BTreeMap<String, String>,
    /// of whoever sends nothing: made once
    sources: Option<Vec<MediaSources>>,
    /// the session that media belong to
    pub(crate) current: Option<Current>,
    pub(crate) offers: u64,
}

/// A session, as both sides name it.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) sid: String,
    /// the bridge's name of it
    pub(crate) bridge: Option<String>,
}

impl Focus {
    pub(crate) fn forget(&mut self, sid: &str) {
        self.sessions.remove(sid);
    }
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
                self.focus.forget(sid);
                if self.is_current(sid) {
                    self.end_channel();
                }
                self.tell_media(sid, Command::End);
                self.restart.cancel();
            }
            "source-add" => self.tell_media(sid, Command::Expect(remote_sources(jingle))),
            "source-remove" => self.tell_media(sid, Command::Forget(remote_sources(jingle))),
            "session-accept" | "transport-info" | "transport-replace" => {}
            _ => return self.refuse(now, iq, Condition::BadRequest),
        }
        self.send(now, to_text(&stanza::result(iq).build()));
    }

    fn tell_media(&mut self, sid: &str, command: Command) {
        if self.is_current(sid) {
            self.out(Output::Media(command));
        }
    }

    fn is_current(&self, sid: &str) -> bool {
        self.focus.current.as_ref().is_some_and(|current| current.sid == sid)
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
        let (sources, transport) = match self.settings.media {
            None => self.pretend(),
            Some(_) => self.begin_media(offer, sid),
        };
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

    /// Sources and a transport that nothing is behind.
    fn pretend(&mut self) -> (Vec<MediaSources>, IceUdp) {
        let (nick, draws) = (&self.room.nick, &mut self.draws);
        let sources = self.focus.sources.get_or_insert_with(|| own_sources(nick, None, draws)).clone();
        let octets: Vec<String> = (0..32).map(|_| draws.hex(2).to_uppercase()).collect();
        (sources, transport(&octets.join(":"), draws))
    }

    /// The media of this session begin, and those of another end.
    fn begin_media(&mut self, offer: &Element, sid: &str) -> (Vec<MediaSources>, IceUdp) {
        let settings = self.settings.media.clone();
        let own = own_sources(&self.room.nick, settings.as_deref(), &mut self.draws);
        let fingerprint = settings.as_ref().map_or("", |settings| settings.identity.fingerprint());
        let transport = transport(fingerprint, &mut self.draws);
        let offered = Session::offered(offer);
        let way = settings.as_ref().map(|settings| settings.channel).unwrap_or_default();
        let url = web_socket(offer).filter(|_| takes_web_socket(offered.sctp, way));
        let session = Session {
            sctp: offered.sctp && url.is_none(),
            endpoint: self.room.nick.clone(),
            ufrag: transport.ufrag.clone().unwrap_or_default(),
            password: transport.pwd.clone().unwrap_or_default(),
            own: own.clone(),
            ..offered
        };
        let bridge = offer.get_child("bridge-session", ns::FOCUS).and_then(|bridge| bridge.attr("id"));
        self.focus.current = Some(Current { sid: sid.to_owned(), bridge: bridge.map(str::to_owned) });
        self.restart.cancel();
        self.out(Output::Media(Command::Begin(Box::new(session))));
        self.begin_channel(url);
        (own, transport)
    }
}

fn contents(offer: &Element) -> impl Iterator<Item = &Element> {
    offer.children().filter(|child| child.is("content", JINGLE)).take(CONTENTS_MAX)
}

/// One content of the answer: what was offered, with our sources and transport.
fn answered(offered: &Element, sources: &[MediaSources], transport: &IceUdp) -> Element {
    let description = offered.get_child("description", RTP);
    let media = description.and_then(|description| description.attr("media")).unwrap_or_default();
    let kind = Kind::from_word(media);
    let own = kind.and_then(|kind| sources.iter().find(|sources| sources.kind == kind));
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
        .children(kind.map(|_| described.build()))
        .child(answer)
        .build()
}

/// COMPAT: the client is active in DTLS; it has no candidates, as it need not have any when it accepts.
fn transport(fingerprint: &str, draws: &mut Draws) -> IceUdp {
    let fingerprint =
        Fingerprint { hash: "sha-256".to_owned(), setup: Setup::Active, value: fingerprint.to_owned() };
    IceUdp {
        ufrag: Some(draws.hex(8)),
        pwd: Some(draws.hex(24)),
        rtcp_mux: true,
        fingerprints: vec![fingerprint],
        ..IceUdp::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_what_was_offered_and_has_a_transport_of_its_own() {
        let offered = "<content xmlns='urn:xmpp:jingle:1' name='audio'>\
            <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\
            <payload-type id='111' name='opus' clockrate='48000'/>\
            <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1'/></description>\
            <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='theirs' pwd='theirs'/></content>";
        let offered = xmpp::frame::parse(offered).unwrap();
        let mut draws = Draws::new(1, 1);
        let own = own_sources("0123abcd", None, &mut draws);
        let answer = answered(&offered, &own, &transport("AB:CD", &mut draws));
        let description = answer.get_child("description", RTP).unwrap();
        assert!(description.has_child("payload-type", RTP));
        assert_eq!(MediaSources::from_description(description).unwrap(), own[0]);
        let transport = IceUdp::from_element(answer.get_child("transport", ICE_UDP).unwrap()).unwrap();
        assert_ne!(transport.ufrag.as_deref(), Some("theirs"));
        assert_eq!(transport.fingerprints[0].value, "AB:CD");
    }
}
