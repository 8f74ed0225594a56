//! Not knowing what a bridge did: it was silent, it came back, or another shard owns the meeting now.
//!
//! A stock bridge has no list of its conferences and no second answer to a request. So it is probed with requests
//! that change nothing (an update without children, an endpoint with an empty transport), and what can be repeated
//! without effect is repeated. Who is still there notices nothing.
//!
//! Every request tells how many owners the meeting has had. A former owner may have had requests on their way when it
//! was relieved, even such that expire what its successor has made since; a bridge of ours refuses them. Stock bridges
//! do not read that attribute: there, such a request does what it says, and whoever lost an endpoint by it is invited
//! again when the next update, or the client's own complaint, shows it.

use colibri::{Answer, ConferenceModify, Endpoint, Reason, Transport};

use super::bridge::{Asked, Conference, Host, Link};
use super::limits::{OWNER_GRACE_MS, PROBE_RETRY_MS, PROBES_MAX};
use super::participant::Stage;
use super::{Cx, Focus, Out};
use crate::effect::Fact;
use crate::entry::BridgeId;

impl Focus {
    /// Another shard owns the meeting now: what was asked and not answered may or may not have happened. The bridge
    /// may be there already, or be about to log in; until it answers, nobody's media is touched.
    pub(crate) fn handle_owner_changed(&mut self, cx: &mut Cx<'_>) {
        self.owners += 1;
        if self.host == Host::Picking {
            return self.pick_bridge(cx);
        }
        if let Some(bridge) = self.host.bridge_mut() {
            bridge.patient_until = cx.now + OWNER_GRACE_MS;
            // that an owner dies is not the participants' fault
            for participant in self.participants.values_mut() {
                participant.attempts = 0;
            }
            self.doubt_everything();
            self.probe(cx);
        }
    }

    /// A bridge can be reached (again).
    pub(crate) fn handle_bridge_up(&mut self, cx: &mut Cx<'_>, bridge: &BridgeId) {
        self.avoided.retain(|(avoided, _)| avoided != bridge);
        self.expire_given_up(cx, bridge);
        match &self.host {
            Host::Waiting { .. } => self.pick_again(cx),
            Host::On(host) if host.id == *bridge => {
                self.doubt_everything();
                self.probe(cx);
            }
            Host::On(_) | Host::Nowhere | Host::Picking => {}
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
            (Link::Doubtful { misses, .. }, Asked::ProbeConference) => misses.saturating_add(1),
            (Link::Doubtful { .. }, _) => return self.forget(asked),
            (Link::Up, _) => 0,
        };
        if misses >= PROBES_MAX && cx.now >= bridge.patient_until {
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

    fn doubt_everything(&mut self) {
        let Some(bridge) = self.host.bridge_mut() else { return };
        bridge.link = Link::Doubtful { misses: 0, probe_at: None };
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
