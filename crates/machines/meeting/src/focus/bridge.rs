//! The bridge of the meeting: it is picked, asked for endpoints, told of changes, and answers.

use std::collections::{BTreeMap, BTreeSet};

use colibri::{Answer, ConferenceModified, ConferenceModify, Endpoint, Media, Refusal, Sctp, Transport};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xmpp::jingle::ice::IceUdp;
use xmpp::jingle::rtp::Kind;

use super::limits::{ATTEMPTS_MAX, DEPARTED_MAX, PICK_RETRY_MS};
use super::offer::{self, Offer};
use super::participant::{Features, Participant, Session, Stage};
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

    fn is_up(&self) -> bool {
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
        self.host = Host::On(Bridge {
            id,
            conference: Conference::Absent,
            link: Link::Up,
            feedback: SourceSet::default(),
            asked: BTreeMap::new(),
            departed: BTreeSet::new(),
        });
        cx.out.push(Out::Properties);
        self.pump(cx);
    }
}

/// Asking
impl Focus {
    /// Endpoints for all who wait, as far as the bridge can be asked now.
    pub(super) fn allocate_waiting(&mut self, cx: &mut Cx<'_>) {
        let waiting = self.participants.iter().filter(|(_, participant)| participant.is_waiting());
        let waiting: Vec<String> = waiting.map(|(nick, _)| nick.clone()).collect();
        for nick in waiting {
            let Some(bridge) = self.host.bridge() else { return };
            if bridge.link != Link::Up || bridge.conference == Conference::Creating {
                return;
            }
            self.allocate(cx, &nick);
        }
    }

    fn allocate(&mut self, cx: &mut Cx<'_>, nick: &str) {
        self.release(cx, nick);
        let Some(participant) = self.participants.get_mut(nick) else { return };
        let Some(features) = participant.features() else { return };
        participant.attempts += 1;
        if participant.attempts > ATTEMPTS_MAX {
            participant.stage = Stage::Over;
            return cx.out.push(Out::Fact(Fact::BridgeRefused));
        }
        let endpoint = new_endpoint(nick, participant.stats_id.clone(), features);
        participant.on_bridge = true;
        let mut request = ConferenceModify { endpoints: vec![endpoint], ..ConferenceModify::default() };
        let Some(bridge) = self.host.bridge_mut() else { return };
        if bridge.conference == Conference::Absent {
            bridge.conference = Conference::Creating;
            request.create = true;
            request.name = Some(cx.room.to_owned());
        }
        let asked = Asked::Create { nick: nick.to_owned() };
        let Some(id) = self.ask(cx, Some(asked), request) else { return };
        if let Some(participant) = self.participants.get_mut(nick) {
            participant.stage = Stage::Allocating { request: id };
        }
    }

    /// Tells the bridge what the participant sends, and its transport if it does not know it. One request at a time:
    /// changes that come while it is under way go together into the next.
    pub(super) fn update_bridge(&mut self, cx: &mut Cx<'_>, nick: &str) {
        let up = self.host.is_up();
        let Some(participant) = self.participants.get_mut(nick).filter(|p| p.has_accepted()) else { return };
        let mut endpoint = Endpoint {
            id: nick.to_owned(),
            stats_id: participant.stats_id.clone(),
            sources: Some(participant.sources.to_colibri()),
            ..Endpoint::default()
        };
        let Some(session) = participant.session_mut() else { return };
        if session.update.is_some() || !up {
            session.update_due = true;
            return;
        }
        if std::mem::take(&mut session.transport_due) {
            let ice = session.transport.as_deref().and_then(read_transport);
            endpoint.transport = ice.map(|ice| Transport { ice: Some(ice), ..Transport::default() });
            endpoint.initial_last_n = session.initial_last_n;
        }
        session.update_due = false;
        let request = ConferenceModify { endpoints: vec![endpoint], ..ConferenceModify::default() };
        let id = self.ask(cx, Some(Asked::Update { nick: nick.to_owned() }), request);
        if let Some(session) = self.participants.get_mut(nick).and_then(Participant::session_mut) {
            session.update = id;
        }
    }

    /// Candidates of the client that came after its accept.
    pub(super) fn forward_candidates(&mut self, cx: &mut Cx<'_>, nick: &str, ice: IceUdp) {
        let transport = Some(Transport { ice: Some(ice), ..Transport::default() });
        let endpoint = Endpoint { id: nick.to_owned(), transport, ..Endpoint::default() };
        if self.host.is_up() {
            self.ask(cx, None, ConferenceModify { endpoints: vec![endpoint], ..ConferenceModify::default() });
        }
    }

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
            self.expire_endpoints(cx, [nick.to_owned()]);
        } else if let Some(bridge) = self.host.bridge_mut().filter(|b| b.departed.len() < DEPARTED_MAX) {
            bridge.departed.insert(nick.to_owned());
        }
    }

    pub(super) fn expire_endpoints(&mut self, cx: &mut Cx<'_>, nicks: impl IntoIterator<Item = String>) {
        let endpoints: Vec<Endpoint> =
            nicks.into_iter().map(|id| Endpoint { id, expire: true, ..Endpoint::default() }).collect();
        if !endpoints.is_empty() {
            self.ask(cx, None, ConferenceModify { endpoints, ..ConferenceModify::default() });
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
        let id = self.next_id();
        let meeting_id = self.meeting_id.get_or_insert_with(|| ids::uuid(cx.rng)).clone();
        let bridge = self.host.bridge_mut()?;
        bridge.asked.extend(asked.map(|asked| (id, asked)));
        let text = ConferenceModify { meeting_id, ..request }.to_text();
        cx.out.push(Out::AskBridge { bridge: bridge.id.clone(), id, text });
        Some(id)
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
                Answer::Refused(Refusal::new(colibri::Condition::InternalServerError, malformed.to_string()))
            })
        });
        match (asked, answer) {
            (asked, None) => self.handle_silence(cx, &asked),
            (Asked::Create { nick }, Some(answer)) => self.handle_allocation(cx, &nick, id, answer),
            (Asked::Update { nick }, Some(answer)) => self.handle_update(cx, &nick, id, answer),
            (Asked::ProbeConference, Some(answer)) => self.handle_probe(cx, answer),
            (Asked::ProbeEndpoint { nick }, Some(answer)) => self.handle_endpoint_probe(cx, &nick, answer),
        }
    }

    fn handle_allocation(&mut self, cx: &mut Cx<'_>, nick: &str, id: u64, answer: Answer) {
        let waiting = self.participants.get(nick).map(|participant| &participant.stage);
        if waiting != Some(&Stage::Allocating { request: id }) {
            return;
        }
        match answer {
            Answer::Refused(refusal) => self.handle_allocation_refused(cx, nick, &refusal),
            Answer::Modified(modified) => {
                self.handle_allocated(cx, nick, modified);
                self.pump(cx);
            }
        }
    }

    fn handle_allocated(&mut self, cx: &mut Cx<'_>, nick: &str, modified: ConferenceModified) {
        let Some(bridge) = self.host.bridge_mut() else { return };
        bridge.conference = Conference::Present;
        if let Some(sources) = &modified.sources {
            bridge.feedback = SourceSet::from_bridge(sources);
        }
        let data =
            self.participants.get(nick).and_then(Participant::features).is_some_and(|features| features.data);
        let endpoint = modified.endpoints.into_iter().find(|endpoint| endpoint.id == nick);
        match endpoint.and_then(|endpoint| usable(endpoint, data)) {
            Some((ice, sctp_port)) => self.offer(cx, nick, &ice, sctp_port),
            None => {
                self.end_session(cx, nick, Stage::Over);
                cx.out.push(Out::Fact(Fact::BridgeRefused));
            }
        }
    }

    fn offer(&mut self, cx: &mut Cx<'_>, nick: &str, transport: &IceUdp, sctp_port: Option<u16>) {
        let (sid, bridge_session) = (ids::uuid(cx.rng), ids::uuid(cx.rng));
        let sources = self.sources_for(nick);
        let Some(participant) = self.participants.get_mut(nick) else { return };
        let Some(features) = participant.features() else { return };
        let region = cx.settings.region.as_deref();
        let offer =
            Offer { features, transport, sctp_port, bridge_session: &bridge_session, region, sources };
        let children = offer.to_children();
        participant.stage = Stage::Live(Session { sid, bridge_session, ..Session::default() });
        let fact = if std::mem::replace(&mut participant.invited, true) { None } else { Some(Fact::Invited) };
        cx.out.extend(fact.map(Out::Fact));
        let offer_iq = self.send_jingle(cx, nick, "session-initiate", children);
        if let Some(session) = self.participants.get_mut(nick).and_then(Participant::session_mut) {
            session.offer_iq = offer_iq;
        }
    }

    /// The bridge's feedback sources and everybody else's, never the receiver's own.
    fn sources_for(&self, nick: &str) -> Map<String, Value> {
        let rtx =
            self.participants.get(nick).and_then(Participant::features).is_some_and(|features| features.rtx);
        let feedback = self.host.bridge().map(|bridge| ("jvb".to_owned(), bridge.feedback.clone()));
        let others = self.participants.iter().filter(|(other, _)| *other != nick);
        let others =
            others.map(|(other, participant)| (other.clone(), participant.sources.for_receiver(rtx)));
        let told = feedback.into_iter().chain(others).filter(|(_, set)| !set.sources.is_empty());
        told.map(|(owner, set)| (owner, set.to_json())).collect()
    }

    fn handle_update(&mut self, cx: &mut Cx<'_>, nick: &str, id: u64, answer: Answer) {
        let Some(session) = self.participants.get_mut(nick).and_then(Participant::session_mut) else {
            return;
        };
        if session.update != Some(id) {
            return;
        }
        session.update = None;
        let due = session.update_due;
        match answer {
            Answer::Refused(refusal) => self.handle_update_refused(cx, nick, &refusal),
            Answer::Modified(_) => {
                self.failures = 0;
                if due {
                    self.update_bridge(cx, nick);
                }
            }
        }
    }
}

fn new_endpoint(nick: &str, stats_id: Option<String>, features: Features) -> Endpoint {
    let audio = features.audio.then(|| Media { kind: Kind::Audio, description: offer::audio(features) });
    let video = features.video.then(|| Media { kind: Kind::Video, description: offer::video(features) });
    Endpoint {
        id: nick.to_owned(),
        create: true,
        stats_id,
        capabilities: vec!["source-names".to_owned()],
        media: audio.into_iter().chain(video).collect(),
        transport: Some(Transport {
            ice_controlling: true,
            sctp: features.data.then(Sctp::default),
            ..Transport::default()
        }),
        ..Endpoint::default()
    }
}

/// The transport of a new endpoint with credentials, and with the port of SCTP if that was asked for.
fn usable(endpoint: Endpoint, data: bool) -> Option<(IceUdp, Option<u16>)> {
    let transport = endpoint.transport?;
    let ice = transport.ice.filter(|ice| ice.ufrag.is_some() && ice.pwd.is_some())?;
    if !data {
        return Some((ice, None));
    }
    let port = transport.sctp?.port?;
    Some((ice, Some(port)))
}

fn read_transport(text: &str) -> Option<IceUdp> {
    IceUdp::from_element(&xmpp::frame::parse(text).ok()?).ok()
}
