//! What happens when a bridge refuses, falls silent, comes back or is gone, or when the owner changes.
//!
//! A stock bridge has no list of its conferences and no second answer to a request. So it is probed with requests
//! that change nothing (an update without children, an endpoint with an empty transport), and what can be repeated
//! without effect is repeated. A conflict is never answered with the end of the conference: whoever made it may be
//! talking on it.

use colibri::{Answer, Condition, ConferenceModify, Endpoint, Reason, Refusal, Transport};

use super::bridge::{Asked, Conference, Host, Link};
use super::limits::{
    AVOID_MS, AVOIDED_MAX, FAILURE_DELAY_MS, FAILURES_MAX, OWNER_GRACE_MS, PROBE_RETRY_MS, PROBES_MAX,
};
use super::participant::Stage;
use super::sources::SourceSet;
use super::{Cx, Focus, Out};
use crate::effect::Fact;
use crate::entry::{BridgeId, Millis};

/// Refusals
impl Focus {
    pub(super) fn handle_allocation_refused(&mut self, cx: &mut Cx<'_>, nick: &str, refusal: &Refusal) {
        cx.out.push(Out::Fact(Fact::BridgeRefused));
        let Some(bridge) = self.host.bridge_mut() else { return };
        let creating = bridge.conference == Conference::Creating;
        match (refusal.condition, refusal.reason) {
            (_, Some(Reason::ConferenceNotFound)) => self.restart_conference(cx),
            (Condition::Conflict, _) => {
                bridge.conference = Conference::Present;
                if !creating {
                    self.expire_endpoints(cx, vec![nick.to_owned()]);
                }
                if let Some(participant) = self.participants.get_mut(nick) {
                    participant.stage = Stage::Wanted;
                    participant.on_bridge = false;
                }
                self.pump(cx);
            }
            (Condition::BadRequest | Condition::FeatureNotImplemented | Condition::ItemNotFound, _) => {
                if creating {
                    bridge.conference = Conference::Absent;
                }
                if let Some(participant) = self.participants.get_mut(nick) {
                    participant.on_bridge = false;
                    participant.stage = Stage::Over;
                }
                self.pump(cx);
            }
            (
                Condition::ServiceUnavailable
                | Condition::InternalServerError
                | Condition::ResourceConstraint,
                _,
            ) => {
                self.fail_bridge(cx);
            }
        }
    }

    pub(super) fn handle_update_refused(&mut self, cx: &mut Cx<'_>, nick: &str, refusal: &Refusal) {
        cx.out.push(Out::Fact(Fact::BridgeRefused));
        match (refusal.condition, refusal.reason) {
            (_, Some(Reason::ConferenceNotFound)) => self.restart_conference(cx),
            (_, Some(Reason::UnknownEndpoint)) => {
                let unknown = refusal.endpoint.as_deref().unwrap_or(nick).to_owned();
                if let Some(participant) = self.participants.get_mut(&unknown) {
                    participant.on_bridge = false;
                }
                self.re_invite(cx, &unknown);
            }
            (Condition::Conflict, _) => {}
            // one participant's fault costs one participant: the stock focus would interrupt everybody
            (Condition::BadRequest | Condition::FeatureNotImplemented | Condition::ItemNotFound, _) => {
                self.re_invite(cx, nick);
            }
            (
                Condition::ServiceUnavailable
                | Condition::InternalServerError
                | Condition::ResourceConstraint,
                _,
            ) => {
                self.fail_bridge(cx);
            }
        }
    }

    /// Unknown endpoints are as good as expired ones; an unknown conference is news.
    pub(super) fn handle_expired(&mut self, cx: &mut Cx<'_>, answer: &Answer) {
        match answer {
            Answer::Refused(Refusal { reason: Some(Reason::ConferenceNotFound), .. }) => {
                self.restart_conference(cx)
            }
            Answer::Refused(_) | Answer::Modified(_) => {}
        }
    }

    /// A new session on the same bridge, within limits like those of the client, but not at its cost: who was just
    /// invited anew may still find that the new path fails, and say so.
    fn re_invite(&mut self, cx: &mut Cx<'_>, nick: &str) {
        let Some(participant) = self.participants.get_mut(nick) else { return };
        if participant.session().is_none() {
            return;
        }
        let allowed = participant.re_invites.allow(cx.now);
        self.send_terminate(cx, nick, "success", "moving");
        if allowed {
            self.drop_session(cx, nick, Stage::Wanted);
            cx.out.push(Out::Fact(Fact::ReInvited));
            self.pump(cx);
        } else {
            self.end_session(cx, nick, Stage::Over);
        }
    }

    /// The bridge does not know the conference: everybody is invited to it anew. Again and again is a failure.
    fn restart_conference(&mut self, cx: &mut Cx<'_>) {
        if self.failures >= FAILURES_MAX {
            return self.lose_bridge(cx);
        }
        let Some(bridge) = self.host.bridge_mut() else { return };
        bridge.conference = Conference::Absent;
        bridge.link = Link::Up;
        bridge.departed.clear();
        bridge.asked.clear();
        self.failures += 1;
        self.abandon_sessions(cx);
        self.pump(cx);
    }

    /// The bridge cannot be used: everybody is invited to another one.
    fn fail_bridge(&mut self, cx: &mut Cx<'_>) {
        self.expire_conference(cx);
        self.lose_bridge(cx);
    }

    fn lose_bridge(&mut self, cx: &mut Cx<'_>) {
        let Some(bridge) = self.host.bridge() else { return };
        self.avoid(bridge.id.clone(), cx.now);
        self.abandon_sessions(cx);
        self.leave_bridge(cx);
        self.failures += 1;
        let delay = Millis::from(self.failures.min(FAILURES_MAX) - 1) * FAILURE_DELAY_MS;
        if delay > 0 {
            self.host = Host::Waiting { until: cx.now + delay };
        } else {
            self.pump(cx);
        }
    }

    fn avoid(&mut self, id: BridgeId, now: Millis) {
        self.avoided.retain(|(avoided, until)| *avoided != id && *until > now);
        if self.avoided.len() >= AVOIDED_MAX {
            self.avoided.remove(0);
        }
        self.avoided.push((id, now + AVOID_MS));
    }

    /// Every session ends and is wanted again. As all end, nobody is told what others no longer send.
    fn abandon_sessions(&mut self, cx: &mut Cx<'_>) {
        let nicks: Vec<String> = self.participants.keys().cloned().collect();
        for nick in &nicks {
            self.send_terminate(cx, nick, "success", "moving");
            let Some(participant) = self.participants.get_mut(nick) else { continue };
            if participant.session().is_some() {
                cx.out.push(Out::Fact(Fact::ReInvited));
            }
            participant.on_bridge = false;
            participant.sources = SourceSet::default();
            if matches!(participant.stage, Stage::Live(_) | Stage::Allocating { .. }) {
                participant.stage = Stage::Wanted;
            }
        }
    }
}

/// Doubt
impl Focus {
    /// Another shard owns the meeting now: what was asked and not answered may or may not have happened.
    pub(crate) fn handle_owner_changed(&mut self, cx: &mut Cx<'_>) {
        if self.host == Host::Picking {
            return self.pick_bridge(cx);
        }
        self.doubt_everything(Some(cx.now + OWNER_GRACE_MS));
    }

    /// A bridge can be reached (again).
    pub(crate) fn handle_bridge_up(&mut self, cx: &mut Cx<'_>, bridge: &BridgeId) {
        self.avoided.retain(|(avoided, _)| avoided != bridge);
        match &self.host {
            Host::Waiting { .. } => self.pick_again(cx),
            Host::On(host) if host.id == *bridge => {
                self.doubt_everything(None);
                self.probe(cx);
            }
            Host::On(_) | Host::Nowhere | Host::Picking => {}
        }
    }

    /// A bridge is gone for good.
    pub(crate) fn handle_bridge_lost(&mut self, cx: &mut Cx<'_>, bridge: &BridgeId) {
        if self.host.bridge().is_some_and(|host| host.id == *bridge) {
            self.lose_bridge(cx);
        }
    }

    pub(super) fn retry_bridge(&mut self, cx: &mut Cx<'_>) {
        if self.host.deadline().is_none_or(|at| at > cx.now) {
            return;
        }
        match &self.host {
            Host::Waiting { .. } => self.pick_again(cx),
            Host::On(_) => self.probe(cx),
            Host::Nowhere | Host::Picking => {}
        }
    }

    fn pick_again(&mut self, cx: &mut Cx<'_>) {
        self.host = Host::Nowhere;
        self.pump(cx);
    }

    /// No answer came: whether the bridge did it is not known.
    pub(super) fn handle_silence(&mut self, cx: &mut Cx<'_>, asked: &Asked) {
        let Some(bridge) = self.host.bridge_mut() else { return };
        let misses = match (bridge.link, asked) {
            (Link::Doubtful { misses, .. }, Asked::ProbeConference) => misses + 1,
            (Link::Doubtful { .. }, _) => return self.forget(asked),
            (Link::Up, _) => 0,
        };
        if misses >= PROBES_MAX {
            return self.lose_bridge(cx);
        }
        bridge.link = Link::Doubtful { misses, probe_at: Some(cx.now + PROBE_RETRY_MS) };
        self.forget(asked);
    }

    /// The request may be made again; its endpoint, if there is one, is expired before.
    fn forget(&mut self, asked: &Asked) {
        let nick = match asked {
            Asked::Create { nick } | Asked::Update { nick } | Asked::ProbeEndpoint { nick } => nick,
            Asked::Expire { nicks } => return self.remember_departed(nicks),
            Asked::ProbeConference => return,
        };
        let Some(participant) = self.participants.get_mut(nick) else { return };
        if matches!(participant.stage, Stage::Allocating { .. }) {
            participant.stage = Stage::Wanted;
        }
        if let Some(session) = participant.session_mut() {
            session.update = None;
            session.update_due = true;
            session.transport_due = true;
        }
    }

    fn doubt_everything(&mut self, probe_at: Option<Millis>) {
        let Some(bridge) = self.host.bridge_mut() else { return };
        bridge.link = Link::Doubtful { misses: 0, probe_at };
        for asked in std::mem::take(&mut bridge.asked).into_values() {
            self.forget(&asked);
        }
    }

    /// Asks whether the conference is still there.
    fn probe(&mut self, cx: &mut Cx<'_>) {
        let Some(bridge) = self.host.bridge_mut() else { return };
        if let Link::Doubtful { probe_at, .. } = &mut bridge.link {
            *probe_at = None;
        }
        if bridge.conference == Conference::Absent {
            bridge.link = Link::Up;
            return self.pump(cx);
        }
        self.ask(cx, Some(Asked::ProbeConference), ConferenceModify::default());
    }

    pub(super) fn handle_probe(&mut self, cx: &mut Cx<'_>, answer: Answer) {
        match answer {
            Answer::Modified(_) => self.resume_bridge(cx),
            Answer::Refused(refusal) if refusal.reason == Some(Reason::ConferenceNotFound) => {
                self.restart_conference(cx);
            }
            Answer::Refused(_) => {
                cx.out.push(Out::Fact(Fact::BridgeRefused));
                self.fail_bridge(cx);
            }
        }
    }

    /// The conference is there: who left meanwhile is expired, who has a session is looked for, the rest go on.
    fn resume_bridge(&mut self, cx: &mut Cx<'_>) {
        let Some(bridge) = self.host.bridge_mut() else { return };
        bridge.link = Link::Up;
        bridge.conference = Conference::Present;
        let departed = std::mem::take(&mut bridge.departed);
        let departed: Vec<String> = departed
            .into_iter()
            .filter(|nick| self.participants.get(nick).is_none_or(|p| !p.on_bridge))
            .collect();
        self.expire_endpoints(cx, departed);
        let live = self.participants.iter().filter(|(_, participant)| participant.session().is_some());
        let live: Vec<String> = live.map(|(nick, _)| nick.clone()).collect();
        for nick in live {
            // an empty transport changes nothing; an empty media or a mute would, or would not tell
            let endpoint =
                Endpoint { id: nick.clone(), transport: Some(Transport::default()), ..Endpoint::default() };
            let request = ConferenceModify { endpoints: vec![endpoint], ..ConferenceModify::default() };
            self.ask(cx, Some(Asked::ProbeEndpoint { nick }), request);
        }
        self.pump(cx);
    }

    pub(super) fn handle_endpoint_probe(&mut self, cx: &mut Cx<'_>, nick: &str, answer: Answer) {
        match answer {
            Answer::Refused(refusal) => self.handle_update_refused(cx, nick, &refusal),
            Answer::Modified(_) => {
                let session =
                    self.participants.get_mut(nick).and_then(|participant| participant.session_mut());
                if let Some(session) = session {
                    session.transport_due = session.transport.is_some();
                }
                self.update_bridge(cx, nick);
            }
        }
    }
}
