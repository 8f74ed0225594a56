//! Bridges that treat requests as a stock one does: creating twice is a conflict, an empty conference is gone.

use std::collections::BTreeMap;

use colibri::{
    Condition, ConferenceModified, ConferenceModify, Endpoint, MediaSource, Reason, Refusal, Sctp, SctpRole,
    Transport,
};
use xmpp::jingle::ice::{Fingerprint, IceUdp, Setup};
use xmpp::jingle::rtp::Kind;

#[derive(Clone, Debug, Default)]
pub(super) struct StockBridge {
    /// endpoints with their sources, by meeting
    pub(super) conferences: BTreeMap<String, BTreeMap<String, Held>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub(super) sources: Vec<MediaSource>,
    pub(super) transport: Option<IceUdp>,
}

impl StockBridge {
    pub(super) fn answer(&mut self, text: &str) -> String {
        let request = ConferenceModify::from_text(text).expect("a request");
        match self.modify(&request) {
            Ok(modified) => modified.to_text(),
            Err(refusal) => refusal.to_text(),
        }
    }

    fn modify(&mut self, request: &ConferenceModify) -> Result<ConferenceModified, Refusal> {
        let id = &request.meeting_id;
        if request.create {
            if self.conferences.contains_key(id) {
                return Err(refusal(Condition::Conflict, Some(Reason::ConferenceAlreadyExists)));
            }
            assert!(request.name.is_some(), "a conference without a name");
            self.conferences.insert(id.clone(), BTreeMap::new());
        }
        let not_found = || refusal(Condition::ItemNotFound, Some(Reason::ConferenceNotFound));
        let conference = self.conferences.get_mut(id).ok_or_else(not_found)?;
        if request.expire {
            self.conferences.remove(id);
            return Ok(ConferenceModified::default());
        }
        let mut modified = ConferenceModified::default();
        for endpoint in &request.endpoints {
            modified.endpoints.push(modify_endpoint(conference, endpoint)?);
        }
        if request.endpoints.iter().any(|endpoint| endpoint.create) {
            modified.sources = Some(feedback());
        }
        if conference.is_empty() {
            self.conferences.remove(id);
        }
        Ok(modified)
    }
}

fn modify_endpoint(
    conference: &mut BTreeMap<String, Held>,
    endpoint: &Endpoint,
) -> Result<Endpoint, Refusal> {
    let mut answer = Endpoint { id: endpoint.id.clone(), expire: endpoint.expire, ..Endpoint::default() };
    if endpoint.expire {
        conference.remove(&endpoint.id);
        return Ok(answer);
    }
    if endpoint.create {
        if conference.contains_key(&endpoint.id) {
            return Err(refusal(Condition::Conflict, None));
        }
        if !endpoint.capabilities.iter().any(|capability| capability == "source-names") {
            return Err(refusal(Condition::BadRequest, None));
        }
        conference.insert(endpoint.id.clone(), Held::default());
        answer.transport = Some(transport(&endpoint.id));
    }
    let Some(held) = conference.get_mut(&endpoint.id) else {
        let unknown = refusal(Condition::ItemNotFound, Some(Reason::UnknownEndpoint));
        return Err(Refusal { endpoint: Some(endpoint.id.clone()), ..unknown });
    };
    if let Some(sources) = &endpoint.sources {
        held.sources = sources.clone();
    }
    if let Some(ice) = endpoint.transport.as_ref().and_then(|transport| transport.ice.as_ref()) {
        held.transport = Some(ice.clone());
    }
    Ok(answer)
}

pub(super) fn refusal(condition: Condition, reason: Option<Reason>) -> Refusal {
    Refusal { reason, ..Refusal::new(condition, "no") }
}

pub(super) fn transport(id: &str) -> Transport {
    let fingerprint =
        Fingerprint { hash: "sha-256".to_owned(), setup: Setup::ActPass, value: "AA:BB".to_owned() };
    let candidate = "<candidate xmlns='urn:xmpp:jingle:transports:ice-udp:1' component='1' foundation='1' generation='0' \
                     id='c' ip='192.0.2.10' network='0' port='10000' priority='2130706431' protocol='udp' type='host'/>";
    let candidate = xmpp::jingle::ice::Candidate::from_element(&candidate.parse().expect("XML of the test"));
    Transport {
        ice: Some(IceUdp {
            ufrag: Some(format!("u{id}")),
            pwd: Some("bridge-pwd".to_owned()),
            rtcp_mux: true,
            candidates: candidate.into_iter().collect(),
            fingerprints: vec![fingerprint],
            ..IceUdp::default()
        }),
        sctp: Some(Sctp { port: Some(5000), role: Some(SctpRole::Server) }),
        ..Transport::default()
    }
}

fn feedback() -> Vec<MediaSource> {
    let source = |kind, id: &str, ssrc| MediaSource {
        kind,
        id: id.to_owned(),
        video_type: None,
        ssrcs: vec![ssrc],
        groups: Vec::new(),
    };
    vec![source(Kind::Audio, "jvb-a0", 9001), source(Kind::Video, "jvb-v0", 9002)]
}
