//! From a wish for media to an offer: an endpoint is asked for, and its transport goes into a session-initiate.

use colibri::{Answer, ConferenceModified, ConferenceModify, Endpoint, Media, Sctp, Transport};
use serde_json::{Map, Value};
use xmpp::jingle::ice::IceUdp;
use xmpp::jingle::rtp::Kind;

use super::bridge::{Asked, Conference, Link};
use super::limits::ATTEMPTS_MAX;
use super::offer::{self, Offer};
use super::participant::{Features, Participant, Session, Stage};
use super::sources::SourceSet;
use super::{Cx, Focus, Out};
use crate::effect::Fact;
use crate::ids;

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

    pub(super) fn handle_allocation(&mut self, cx: &mut Cx<'_>, nick: &str, id: u64, answer: Answer) {
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
