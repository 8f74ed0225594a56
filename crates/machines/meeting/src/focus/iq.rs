//! IQs of occupants to the focus: each get or set is answered, whatever is in it.

use xmpp::jingle::ns::{JINGLE, JINGLE_ERRORS};
use xmpp::stanza_error::{Condition, StanzaError};
use xmpp::{Element, disco, elem, ns};

use super::participant::{Disco, Features, Session, Stage};
use super::{Asker, Cx, Focus, Out};

impl Focus {
    /// Any get or set that an occupant sent to the focus.
    pub(crate) fn handle_iq(&mut self, cx: &mut Cx<'_>, from: &Asker, iq: &Element) {
        let (Some(payload), Some(kind)) = (iq.children().next(), iq.attr("type")) else {
            return refuse(cx, from, iq, Condition::BadRequest);
        };
        if !self.participants.contains_key(&from.nick) {
            return refuse(cx, from, iq, Condition::ItemNotFound);
        }
        match (payload.name(), payload.ns().as_str(), kind) {
            ("jingle", JINGLE, "set") => self.handle_jingle(cx, from, iq, payload),
            ("mute", _, "set") if super::mute::is_mute(payload) => self.handle_mute(cx, from, iq, payload),
            ("query", ns::DISCO_INFO, "get") => {
                let identity = disco::identity("component", "generic", "focus");
                let features = [disco::feature(ns::DISCO_INFO), disco::feature(JINGLE)];
                let info = disco::info(payload.attr("node"), [identity].into_iter().chain(features));
                answer(cx, from, iq, Some(info));
            }
            ("ping", ns::PING, "get") => answer(cx, from, iq, None),
            _ => refuse(cx, from, iq, Condition::ServiceUnavailable),
        }
    }

    fn handle_jingle(&mut self, cx: &mut Cx<'_>, from: &Asker, iq: &Element, jingle: &Element) {
        if self.session(&from.nick, jingle).is_none() {
            let ended =
                self.participants.get(&from.nick).and_then(|participant| participant.ended.as_deref());
            if jingle.attr("action") == Some("session-terminate")
                && ended.is_some_and(|ended| jingle.attr("sid") == Some(ended))
            {
                return self.handle_late_terminate(cx, from, iq);
            }
            return refuse(cx, from, iq, unknown_session());
        }
        match jingle.attr("action") {
            Some("session-accept") => self.handle_accept(cx, from, iq, jingle),
            Some("source-add") => self.handle_source_add(cx, from, iq, jingle),
            Some("source-remove") => self.handle_source_remove(cx, from, iq, jingle),
            Some("transport-info") => self.handle_transport_info(cx, from, iq, jingle),
            Some("session-info") => self.handle_session_info(cx, from, iq, jingle),
            Some("session-terminate") => self.handle_terminate(cx, from, iq, jingle),
            Some(_) => refuse(cx, from, iq, Condition::FeatureNotImplemented),
            None => refuse(cx, from, iq, Condition::BadRequest),
        }
    }

    /// The result or error of an IQ that the focus sent.
    pub(crate) fn handle_iq_answer(&mut self, cx: &mut Cx<'_>, nick: &str, iq: &Element) {
        let Some(participant) = self.participants.get_mut(nick) else { return };
        let Some(id) = iq.attr("id") else { return };
        if matches!(&participant.disco, Disco::Asked { iq: asked, .. } if asked == id) {
            participant.disco = Disco::Known(Features::from_answer(iq));
            return self.pump(cx);
        }
        // no answer at all means nothing: the client may be away for a moment
        let refused = iq.attr("type") == Some("error");
        if refused && participant.session().is_some_and(|session| session.offer_iq.as_deref() == Some(id)) {
            self.end_session(cx, nick, Stage::Over);
        }
    }

    /// The asker's session, if `jingle` names it.
    pub(super) fn session(&self, nick: &str, jingle: &Element) -> Option<&Session> {
        let session = self.participants.get(nick)?.session()?;
        (jingle.attr("sid") == Some(session.sid.as_str())).then_some(session)
    }

    /// Sends a Jingle action of the participant's session, if it has one; gives the id of the IQ.
    pub(super) fn send_jingle(
        &mut self,
        cx: &mut Cx<'_>,
        nick: &str,
        action: &'static str,
        children: impl IntoIterator<Item = Element>,
    ) -> Option<String> {
        let id = format!("focus-{}", self.next_id());
        let session = self.participants.get(nick)?.session()?;
        let jingle = elem("jingle", JINGLE)
            .attr("action", action)
            .attr("initiator", format!("focus@{}/focus", cx.settings.auth_domain))
            .attr("sid", &session.sid)
            .children(children)
            .build();
        send(cx, nick, set(&id, jingle));
        Some(id)
    }
}

/// `<iq type='set'/>`
pub(super) fn set(id: &str, payload: Element) -> Element {
    elem("iq", ns::CLIENT).attr("type", "set").attr("id", id).child(payload).build()
}

pub(super) fn send(cx: &mut Cx<'_>, nick: &str, stanza: Element) {
    cx.out.push(Out::ToOccupant { nick: nick.to_owned(), stanza });
}

/// The result of an IQ.
pub(super) fn answer(cx: &mut Cx<'_>, to: &Asker, iq: &Element, payload: Option<Element>) {
    let result =
        elem("iq", ns::CLIENT).attr("type", "result").attr_opt("id", iq.attr("id")).children(payload);
    send(cx, &to.nick, result.build());
}

/// The error for an IQ.
pub(super) fn refuse(cx: &mut Cx<'_>, to: &Asker, iq: &Element, error: impl Into<StanzaError>) {
    let error = error.into().to_element();
    let refusal = elem("iq", ns::CLIENT).attr("type", "error").attr_opt("id", iq.attr("id")).child(error);
    send(cx, &to.nick, refusal.build());
}

/// XEP-0166 section 10
pub(super) fn unknown_session() -> StanzaError {
    StanzaError::from(Condition::ItemNotFound).with(elem("unknown-session", JINGLE_ERRORS).build())
}
