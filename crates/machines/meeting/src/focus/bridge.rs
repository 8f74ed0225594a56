//! The bridge of the meeting: it is picked, asked, and answers; and what it shall no longer have is expired.

use std::collections::{BTreeMap, BTreeSet};

use colibri::{Answer, Condition, ConferenceModify, Endpoint, Refusal};
use serde::{Deserialize, Serialize};

use super::limits::{DEPARTED_MAX, PICK_RETRY_MS};
use super::participant::Participant;
use super::sources::SourceSet;
use super::{Cx, Focus, Out};
use crate::effect::Fact;
use crate::entry::{BridgeId, Millis};
use crate::ids;

/// Where the conference is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) enum Host {
    #[default]
    Nowhere,
    /// the shard was asked for a bridge
    Picking,
    /// there was none; asked again then
    Waiting {
        until: Millis,
    },
    On(Bridge),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bridge {
    pub(super) id: BridgeId,
    pub(super) conference: Conference,
    pub(super) link: Link,
    /// the bridge's own sources, for offers
    pub(super) feedback: SourceSet,
    /// requests that are not answered, but for those whose answer changes nothing
    pub(super) asked: BTreeMap<u64, Asked>,
    /// left while the bridge was in doubt
    pub(super) departed: BTreeSet<String>,
    /// probes without an answer lose it only then
    pub(super) patient_until: Millis,
}

/// Whether the bridge has the conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Conference {
    Absent,
    /// the request that makes it is not answered: others wait, so that none of them comes too early
    Creating,
    Present,
}

/// Whether what the bridge is told arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Link {
    Up,
    /// something was not answered: only probes are sent
    Doubtful {
        misses: u8,
        probe_at: Option<Millis>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Asked {
    Create { nick: String },
    Update { nick: String },
    Expire { nicks: Vec<String> },
    ProbeConference,
    ProbeEndpoint { nick: String },
}

impl Host {
    pub(super) fn bridge(&self) -> Option<&Bridge> {
        match self {
            Self::On(bridge) => Some(bridge),
            Self::Nowhere | Self::Picking | Self::Waiting { .. } => None,
        }
    }

    pub(super) fn bridge_mut(&mut self) -> Option<&mut Bridge> {
        match self {
            Self::On(bridge) => Some(bridge),
            Self::Nowhere | Self::Picking | Self::Waiting { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        match self {
            Self::Waiting { until } => Some(*until),
            Self::On(Bridge { link: Link::Doubtful { probe_at, .. }, .. }) => *probe_at,
            Self::On(_) | Self::Nowhere | Self::Picking => None,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.bridge().is_some_and(|bridge| bridge.link == Link::Up)
    }
}

/// Picking
impl Focus {
    pub(super) fn pick_bridge(&mut self, cx: &mut Cx<'_>) {
        self.avoided.retain(|(_, until)| *until > cx.now);
        self.host = Host::Picking;
        cx.out.push(Out::PickBridge { avoid: self.avoided.iter().map(|(id, _)| id.clone()).collect() });
    }

    /// The answer to [`Out::PickBridge`].
    pub(crate) fn handle_bridge_picked(&mut self, cx: &mut Cx<'_>, bridge: Option<BridgeId>) {
        if self.host != Host::Picking {
            return;
        }
        let Some(id) = bridge else {
            // never told to the clients: `bridgeNotAvailable` makes them give up and reload
            self.host = Host::Waiting { until: cx.now + PICK_RETRY_MS };
            return cx.out.push(Out::Fact(Fact::NoBridge));
        };
        if !self.participants.values().any(Participant::is_waiting) {
            self.host = Host::Nowhere;
            return;
        }
        let given_up = self.given_up.iter().position(|given_up| *given_up == id);
        self.host = Host::On(Bridge {
            id,
            conference: Conference::Absent,
            link: Link::Up,
            feedback: SourceSet::default(),
            asked: BTreeMap::new(),
            departed: BTreeSet::new(),
            patient_until: 0,
        });
        cx.out.push(Out::Properties);
        if let Some(at) = given_up {
            // what it has of the conference is from before it was given up: nobody is on it
            self.given_up.remove(at);
            self.ask(cx, None, ConferenceModify { expire: true, ..ConferenceModify::default() });
        }
        self.pump(cx);
    }
}

/// Asking
impl Focus {
    /// Expires the participant's endpoint, and the conference with the last one: a bridge may drop a conference as
    /// soon as it is empty, so that nobody could tell whether it is still there.
    pub(super) fn release(&mut self, cx: &mut Cx<'_>, nick: &str) {
        let Some(participant) = self.participants.get_mut(nick) else { return };
        if !std::mem::take(&mut participant.on_bridge) {
            return;
        }
        if !self.participants.values().any(|participant| participant.on_bridge) {
            return self.expire_conference(cx);
        }
        if self.host.is_up() {
            self.expire_endpoints(cx, vec![nick.to_owned()]);
        } else {
            self.remember_departed(&[nick.to_owned()]);
        }
    }

    /// To be expired when the bridge can be told again.
    pub(super) fn remember_departed(&mut self, nicks: &[String]) {
        let Some(bridge) = self.host.bridge_mut() else { return };
        let room = DEPARTED_MAX.saturating_sub(bridge.departed.len());
        bridge.departed.extend(nicks.iter().take(room).cloned());
    }

    pub(super) fn expire_endpoints(&mut self, cx: &mut Cx<'_>, nicks: Vec<String>) {
        let expired = |id: &String| Endpoint { id: id.clone(), expire: true, ..Endpoint::default() };
        let endpoints: Vec<Endpoint> = nicks.iter().map(expired).collect();
        if !endpoints.is_empty() {
            let request = ConferenceModify { endpoints, ..ConferenceModify::default() };
            self.ask(cx, Some(Asked::Expire { nicks }), request);
        }
    }

    pub(super) fn expire_conference(&mut self, cx: &mut Cx<'_>) {
        let Some(bridge) = self.host.bridge_mut() else { return };
        bridge.departed.clear();
        if bridge.conference != Conference::Absent {
            bridge.conference = Conference::Absent;
            self.ask(cx, None, ConferenceModify { expire: true, ..ConferenceModify::default() });
        }
    }

    /// Sends a request under a new number, if there is a bridge.
    pub(super) fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        asked: Option<Asked>,
        request: ConferenceModify,
    ) -> Option<u64> {
        let bridge = self.host.bridge()?.id.clone();
        let id = self.ask_of(cx, bridge, request);
        self.host.bridge_mut()?.asked.extend(asked.map(|asked| (id, asked)));
        Some(id)
    }

    /// Sends a request to this bridge under a new number.
    pub(super) fn ask_of(&mut self, cx: &mut Cx<'_>, bridge: BridgeId, request: ConferenceModify) -> u64 {
        let id = self.next_id();
        let named = || cx.meeting_id.map(str::to_owned);
        let meeting_id = match &self.meeting_id {
            Some(known) => known.clone(),
            None => named().unwrap_or_else(|| ids::uuid(cx.rng)),
        };
        self.meeting_id = Some(meeting_id.clone());
        let text = ConferenceModify { meeting_id, epoch: Some(self.owners), ..request }.to_text();
        cx.out.push(Out::AskBridge { bridge, id, text });
        id
    }
}

/// Being answered
impl Focus {
    /// The answer to [`Out::AskBridge`]: the text of `<conference-modified/>` or `<error/>`; `None` where none came.
    pub(crate) fn handle_bridge_answered(
        &mut self,
        cx: &mut Cx<'_>,
        bridge: &BridgeId,
        id: u64,
        answer: Option<&str>,
    ) {
        let Some(host) = self.host.bridge_mut().filter(|host| host.id == *bridge) else { return };
        let Some(asked) = host.asked.remove(&id) else { return };
        let answer = answer.map(|text| {
            Answer::from_text(text).unwrap_or_else(|malformed| {
                Answer::Refused(Refusal::new(Condition::InternalServerError, malformed.to_string()))
            })
        });
        match (asked, answer) {
            (asked, None) => self.handle_silence(cx, &asked),
            (Asked::Create { nick }, Some(answer)) => self.handle_allocation(cx, &nick, id, answer),
            (Asked::Update { nick }, Some(answer)) => self.handle_update(cx, &nick, id, answer),
            (Asked::Expire { .. }, Some(answer)) => self.handle_expired(cx, &answer),
            (Asked::ProbeConference, Some(answer)) => self.handle_probe(cx, answer),
            (Asked::ProbeEndpoint { nick }, Some(answer)) => self.handle_endpoint_probe(cx, &nick, answer),
        }
    }
}
