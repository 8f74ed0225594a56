//! The client's answer to an offer: its transport, its sources; and candidates that come later.

use xmpp::jingle::ice::IceUdp;
use xmpp::jingle::ns::{ICE_UDP, JINGLE, JINGLE_ERRORS, RTP};
use xmpp::jingle::source::MediaSources;
use xmpp::jingle::xml::Read as _;
use xmpp::jingle::{Malformed, Problem};
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::text::to_text;
use xmpp::{Element, elem};

use super::iq::{answer, refuse};
use super::limits::CONTENTS_MAX;
use super::sources::SourceSet;
use super::{Asker, Cx, Focus};

impl Focus {
    /// session-accept: checked, answered, told to the bridge, then to everybody else.
    pub(super) fn handle_accept(&mut self, cx: &mut Cx<'_>, from: &Asker, iq: &Element, jingle: &Element) {
        if self.session(&from.nick, jingle).is_none_or(|session| session.accepted) {
            let out_of_order = elem("out-of-order", JINGLE_ERRORS).build();
            return refuse(cx, from, iq, StanzaError::from(Condition::BadRequest).with(out_of_order));
        }
        let accept = match Accept::read(jingle) {
            Ok(accept) => accept,
            Err(malformed) => return refuse_malformed(cx, from, iq, &malformed),
        };
        let added = SourceSet::from_signalled(&from.nick, &accept.sources);
        let sources = match self.validated_with(&from.nick, added) {
            Ok(sources) => sources,
            Err(invalid) => return refuse(cx, from, iq, invalid),
        };
        answer(cx, from, iq, None);
        let Some(participant) = self.participants.get_mut(&from.nick) else { return };
        participant.attempts = 0;
        let Some(session) = participant.session_mut() else { return };
        session.accepted = true;
        session.transport = Some(to_text(&accept.transport.to_element()));
        session.transport_due = true;
        session.initial_last_n = accept.initial_last_n;
        self.change_sources(cx, &from.nick, sources);
        self.update_bridge(cx, &from.nick);
        self.flush_queue(cx, &from.nick);
    }

    /// transport-info: candidates go to the bridge; without any there is nothing to tell.
    pub(super) fn handle_transport_info(
        &mut self,
        cx: &mut Cx<'_>,
        from: &Asker,
        iq: &Element,
        jingle: &Element,
    ) {
        match read_transport(jingle) {
            Err(malformed) => refuse_malformed(cx, from, iq, &malformed),
            Ok(transport) => {
                answer(cx, from, iq, None);
                if let Some(transport) = transport.filter(|transport| !transport.candidates.is_empty()) {
                    self.forward_candidates(cx, &from.nick, transport);
                }
            }
        }
    }
}

/// What a session-accept says that matters here.
struct Accept {
    transport: IceUdp,
    sources: Vec<MediaSources>,
    initial_last_n: Option<i32>,
}

impl Accept {
    fn read(jingle: &Element) -> Result<Self, Malformed> {
        let transport = read_transport(jingle)?
            .filter(|transport| transport.ufrag.is_some() && transport.pwd.is_some())
            .ok_or_else(|| Malformed::new(jingle, Problem::Missing("transport")))?;
        if transport.fingerprints.is_empty() {
            return Err(Malformed::new(jingle, Problem::Missing("fingerprint")));
        }
        let mut initial_last_n = None;
        for content in contents(jingle)? {
            if let Some(last_n) = content.get_child("initial-last-n", colibri::NS) {
                initial_last_n = last_n.parsed("value")?;
            }
        }
        Ok(Self { transport, sources: read_sources(jingle)?, initial_last_n })
    }
}

/// The sources in all contents.
pub(super) fn read_sources(jingle: &Element) -> Result<Vec<MediaSources>, Malformed> {
    let descriptions =
        contents(jingle)?.into_iter().filter_map(|content| content.get_child("description", RTP));
    // the data channel's description is of no media and has no sources
    let of_media = descriptions.filter(|description| description.attr("media") != Some("application"));
    of_media.map(MediaSources::from_description).collect()
}

pub(super) fn refuse_malformed(cx: &mut Cx<'_>, to: &Asker, iq: &Element, malformed: &Malformed) {
    refuse(cx, to, iq, StanzaError::new(Condition::BadRequest, malformed.to_string()));
}

/// One transport for the whole bundle: the first with credentials, or else the first with candidates.
fn read_transport(jingle: &Element) -> Result<Option<IceUdp>, Malformed> {
    let contents = contents(jingle)?;
    let transports = contents.into_iter().filter_map(|content| content.get_child("transport", ICE_UDP));
    let read: Vec<IceUdp> = transports.map(IceUdp::from_element).collect::<Result<_, _>>()?;
    let best = read
        .iter()
        .position(|transport| transport.ufrag.is_some())
        .or_else(|| read.iter().position(|transport| !transport.candidates.is_empty()));
    Ok(best.and_then(|at| read.into_iter().nth(at)))
}

fn contents(jingle: &Element) -> Result<Vec<&Element>, Malformed> {
    let contents: Vec<&Element> =
        jingle.children().filter(|child| child.is("content", JINGLE)).take(CONTENTS_MAX + 1).collect();
    if contents.len() > CONTENTS_MAX {
        return Err(Malformed::new(jingle, Problem::TooMany("content")));
    }
    Ok(contents)
}
