//! The end of a session, by the client or by the focus, and the wish for another one.

use xmpp::jingle::ns::JINGLE;
use xmpp::jingle::xml::Read as _;
use xmpp::stanza_error::Condition;
use xmpp::{Element, elem, ns};

use super::iq::{answer, refuse};
use super::participant::Stage;
use super::sources::SourceSet;
use super::{Asker, Cx, Focus, Out};
use crate::effect::Fact;

impl Focus {
    /// session-terminate. With `restart` a new session follows: behind the result, or the client would take the new
    /// one for the one that it has just ended.
    pub(super) fn handle_terminate(&mut self, cx: &mut Cx<'_>, from: &Asker, iq: &Element, jingle: &Element) {
        let bridge_session = jingle.get_child("bridge-session", ns::FOCUS);
        if !self.names_bridge_session(&from.nick, bridge_session) {
            return refuse(cx, from, iq, Condition::ItemNotFound);
        }
        let restart = bridge_session.is_some_and(|bridge_session| bridge_session.flag("restart"));
        let Some(participant) = self.participants.get_mut(&from.nick) else { return };
        if restart && !participant.restarts.allow(cx.now) {
            refuse(cx, from, iq, Condition::ResourceConstraint);
            return self.end_session(cx, &from.nick, Stage::Over);
        }
        answer(cx, from, iq, None);
        if restart {
            // the endpoint is expired right before the next one is made
            self.drop_session(cx, &from.nick, Stage::Wanted);
            cx.out.push(Out::Fact(Fact::ReInvited));
            self.pump(cx);
        } else {
            self.end_session(cx, &from.nick, Stage::Over);
        }
    }

    /// session-terminate for a session that the focus has just ended itself: the two crossed.
    ///
    /// COMPAT: the client reloads where its wish for a restart is refused, and forgets the session that it has by then
    /// where it is granted. So it is granted, and what was offered meanwhile is offered again behind the result.
    pub(super) fn handle_late_terminate(&mut self, cx: &mut Cx<'_>, from: &Asker, iq: &Element) {
        if let Some(participant) = self.participants.get_mut(&from.nick) {
            participant.ended = None;
        }
        answer(cx, from, iq, None);
        self.re_invite(cx, &from.nick);
    }

    /// session-info: an ICE restart in place is not to be had, so that the client asks for a new session instead.
    pub(super) fn handle_session_info(
        &mut self,
        cx: &mut Cx<'_>,
        from: &Asker,
        iq: &Element,
        jingle: &Element,
    ) {
        if !self.names_bridge_session(&from.nick, jingle.get_child("bridge-session", ns::FOCUS)) {
            return refuse(cx, from, iq, Condition::ItemNotFound);
        }
        if jingle.has_child("ice-state", ns::FOCUS) {
            return answer(cx, from, iq, None);
        }
        refuse(cx, from, iq, Condition::FeatureNotImplemented);
    }

    /// Ends a session and its endpoint.
    pub(super) fn end_session(&mut self, cx: &mut Cx<'_>, nick: &str, stage: Stage) {
        self.drop_session(cx, nick, stage);
        self.release(cx, nick);
    }

    /// Ends a session; its endpoint stays until it is released.
    pub(super) fn drop_session(&mut self, cx: &mut Cx<'_>, nick: &str, stage: Stage) {
        if let Some(participant) = self.participants.get_mut(nick) {
            participant.stage = stage;
            self.change_sources(cx, nick, SourceSet::default());
        }
    }

    /// session-terminate to the client, if it has a session.
    pub(super) fn send_terminate(
        &mut self,
        cx: &mut Cx<'_>,
        nick: &str,
        condition: &'static str,
        text: &str,
    ) {
        let Some(participant) = self.participants.get_mut(nick) else { return };
        participant.ended =
            participant.session().map(|session| session.sid.clone()).or(participant.ended.take());
        let reason =
            elem("reason", JINGLE).child(elem(condition, JINGLE)).child(elem("text", JINGLE).text(text));
        self.send_jingle(cx, nick, "session-terminate", [reason.build()]);
    }

    /// The bridge session that the client means is the one that it has; one that is not named is.
    fn names_bridge_session(&self, nick: &str, named: Option<&Element>) -> bool {
        let session = self.participants.get(nick).and_then(|participant| participant.session());
        let id = named.and_then(|named| named.attr("id"));
        session.is_some_and(|session| id.is_none_or(|id| id == session.bridge_session))
    }
}
