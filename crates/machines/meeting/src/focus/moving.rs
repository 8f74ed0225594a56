//! Sessions that end so that others can begin: one on the same bridge, or all on another one.
//!
//! COMPAT: clients ignore `transport-replace`; a session-terminate and then an offer under another sid is what moves
//! them, and any reason will do. Until the offer comes they keep the room and wait.

use colibri::ConferenceModify;

use super::bridge::{Conference, Host, Link};
use super::limits::{AVOID_LOST_MS, AVOID_MS, AVOIDED_MAX, FAILURE_DELAY_MS, FAILURES_MAX};
use super::participant::Stage;
use super::sources::SourceSet;
use super::{Cx, Focus, Out};
use crate::effect::Fact;
use crate::entry::{BridgeId, Millis};

/// One participant
impl Focus {
    /// A new session on the same bridge, within limits like those of the client, but not at its cost: who was just
    /// invited anew may still find that the new path fails, and say so. Beyond them the next offer comes later.
    pub(super) fn re_invite(&mut self, cx: &mut Cx<'_>, nick: &str) {
        let Some(participant) = self.participants.get_mut(nick) else { return };
        if participant.session().is_none() {
            return;
        }
        if participant.re_invites.allow(cx.now) {
            self.send_terminate(cx, nick, "success", "moving");
            self.drop_session(cx, nick, Stage::Wanted);
            cx.out.push(Out::Fact(Fact::ReInvited));
            self.pump(cx);
        } else {
            let until = participant.re_invites.free_at(cx.now);
            self.send_terminate(cx, nick, "failed-transport", "the bridge refuses it, tried again later");
            self.end_session(cx, nick, Stage::Paused { until });
        }
    }

    /// Whose sessions failed too often is invited again.
    pub(super) fn end_pauses(&mut self, cx: &mut Cx<'_>) {
        let mut ended = false;
        for participant in self.participants.values_mut() {
            if participant.paused_until().is_some_and(|until| until <= cx.now) {
                participant.re_invites.allow(cx.now);
                participant.stage = Stage::Wanted;
                ended = true;
                cx.out.push(Out::Fact(Fact::ReInvited));
            }
        }
        if ended {
            self.pump(cx);
        }
    }
}

/// All of them
impl Focus {
    /// A bridge is gone for good. What was asked of it in vain was not the participants' fault.
    pub(crate) fn handle_bridge_lost(&mut self, cx: &mut Cx<'_>, bridge: &BridgeId) {
        if self.host.bridge().is_none_or(|host| host.id != *bridge) {
            return;
        }
        self.leave_for_another(cx, AVOID_LOST_MS);
        for participant in self.participants.values_mut() {
            participant.attempts = 0;
        }
        self.pump(cx);
    }

    /// The bridge does not know the conference: everybody is invited to it anew. Again and again is a failure.
    pub(super) fn restart_conference(&mut self, cx: &mut Cx<'_>) {
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
    pub(super) fn fail_bridge(&mut self, cx: &mut Cx<'_>) {
        self.expire_conference(cx);
        self.lose_bridge(cx);
    }

    /// The bridge does not do what it should; the more often in a row, the later the next one is tried.
    pub(super) fn lose_bridge(&mut self, cx: &mut Cx<'_>) {
        if self.host.bridge().is_none() {
            return;
        }
        self.leave_for_another(cx, AVOID_MS);
        self.failures += 1;
        let delay = Millis::from(self.failures.min(FAILURES_MAX) - 1) * FAILURE_DELAY_MS;
        if delay > 0 {
            self.host = Host::Waiting { until: cx.now + delay };
        } else {
            self.pump(cx);
        }
    }

    /// Every session on the bridge ends, and the bridge is not picked for a while.
    fn leave_for_another(&mut self, cx: &mut Cx<'_>, avoid_ms: Millis) {
        let Some(bridge) = self.host.bridge() else { return };
        let id = bridge.id.clone();
        if bridge.conference != Conference::Absent {
            self.given_up.retain(|given_up| *given_up != id);
            self.given_up.push(id.clone());
            let surplus = self.given_up.len().saturating_sub(AVOIDED_MAX);
            self.given_up.drain(..surplus);
        }
        self.avoided.retain(|(avoided, until)| *avoided != id && *until > cx.now);
        self.avoided.push((id, cx.now + avoid_ms));
        let surplus = self.avoided.len().saturating_sub(AVOIDED_MAX);
        self.avoided.drain(..surplus);
        self.abandon_sessions(cx);
        self.leave_bridge(cx);
    }

    /// A bridge that was given up and comes back has a conference with nobody on it.
    pub(super) fn expire_given_up(&mut self, cx: &mut Cx<'_>, bridge: &BridgeId) {
        let Some(at) = self.given_up.iter().position(|given_up| given_up == bridge) else { return };
        self.given_up.remove(at);
        self.ask_of(cx, bridge.clone(), ConferenceModify { expire: true, ..ConferenceModify::default() });
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
            match participant.stage {
                Stage::Live(_) | Stage::Allocating { .. } | Stage::Paused { .. } => {
                    participant.stage = Stage::Wanted;
                }
                Stage::Idle | Stage::Wanted | Stage::Over => {}
            }
        }
    }
}
