//! A model bridge: logs in to every shard, holds conferences, and answers colibri2 as ours does, owners counted.

use std::collections::{BTreeMap, BTreeSet};

use colibri::{
    Condition, ConferenceModified, ConferenceModify, Endpoint, MediaSource, Reason, Refusal, Sctp, Transport,
};
use xmpp::jingle::ice::{Fingerprint, IceUdp, Setup};
use xmpp::jingle::rtp::Kind;

use crate::fact::Fact;
use crate::limits::LOGIN_PAUSE;
use crate::node::{Cx, Event, Hello, Item, Micros, Node, SECOND, Wire};

const BEAT: u64 = 0;
/// and the number of the shard
const LOGIN: u64 = 1;

/// It says that it is there so often, and gives up a shard that has not answered for so long.
const PRESENCE: Micros = SECOND;
const SILENCE: Micros = 10 * SECOND;

#[derive(Debug, Default)]
struct Conference {
    endpoints: BTreeSet<String>,
    /// the latest owner that was heard
    epoch: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Bridge {
    me: Node,
    shards: usize,
    /// by shard: the stream, and when it was heard
    streams: BTreeMap<usize, (Wire, Micros)>,
    conferences: BTreeMap<String, Conference>,
}

impl Bridge {
    pub(crate) fn new(me: Node, shards: usize) -> Self {
        Self { me, shards, streams: BTreeMap::new(), conferences: BTreeMap::new() }
    }

    pub(crate) fn handle(&mut self, cx: &mut Cx<'_>, event: Event) {
        match event {
            Event::Started => {
                (0..self.shards).for_each(|shard| self.login(cx, shard));
                cx.timer(PRESENCE, BEAT);
            }
            Event::Timer(BEAT) => self.beat(cx),
            Event::Timer(key) => self.login(cx, usize::try_from(key - LOGIN).unwrap_or_default()),
            Event::Broken { wire } => self.broken(cx, wire),
            Event::Said { wire, item } => {
                if let Some((_, heard)) = self.streams.values_mut().find(|(own, _)| *own == wire) {
                    *heard = cx.now;
                    self.hear(cx, wire, item);
                }
            }
            _ => {}
        }
    }

    fn login(&mut self, cx: &mut Cx<'_>, shard: usize) {
        let wire = cx.open(Node::Shard(shard), Hello::Brewery { bridge: self.me.to_string() });
        self.streams.insert(shard, (wire, cx.now));
    }

    fn broken(&mut self, cx: &mut Cx<'_>, wire: Wire) {
        let Some(shard) = self.streams.iter().find(|(_, (own, _))| *own == wire).map(|(shard, _)| *shard)
        else {
            return;
        };
        self.streams.remove(&shard);
        cx.timer(LOGIN_PAUSE, LOGIN + shard as u64);
    }

    fn beat(&mut self, cx: &mut Cx<'_>) {
        cx.timer(PRESENCE, BEAT);
        let silent: Vec<Wire> = self
            .streams
            .values()
            .filter(|(_, heard)| heard + SILENCE < cx.now)
            .map(|(wire, _)| *wire)
            .collect();
        for wire in silent {
            cx.drop(wire);
            self.broken(cx, wire);
        }
        for (wire, _) in self.streams.values() {
            cx.text(*wire, "presence");
        }
    }

    fn hear(&mut self, cx: &mut Cx<'_>, wire: Wire, item: Item) {
        let Item::Modify { id, text } = item else { return };
        let answer = match ConferenceModify::from_text(&text) {
            Ok(request) => match self.modify(&request) {
                Ok(modified) => {
                    if request.expire || request.endpoints.iter().any(|endpoint| endpoint.expire) {
                        cx.fact(Fact::Expired { bridge: self.me, text });
                    }
                    modified.to_text()
                }
                Err(refusal) => refusal.to_text(),
            },
            Err(malformed) => Refusal::new(Condition::BadRequest, malformed.to_string()).to_text(),
        };
        cx.send(wire, Item::Modified { id, text: answer });
    }

    fn modify(&mut self, request: &ConferenceModify) -> Result<ConferenceModified, Refusal> {
        let id = &request.meeting_id;
        if let Some(conference) = self.conferences.get_mut(id) {
            if request.epoch.is_some() && request.epoch < conference.epoch {
                return Err(refusal(Condition::Conflict, None));
            }
            conference.epoch = conference.epoch.max(request.epoch);
            if request.create {
                return Err(refusal(Condition::Conflict, Some(Reason::ConferenceAlreadyExists)));
            }
        } else if request.create {
            let conference = Conference { endpoints: BTreeSet::new(), epoch: request.epoch };
            self.conferences.insert(id.clone(), conference);
        }
        let not_found = || refusal(Condition::ItemNotFound, Some(Reason::ConferenceNotFound));
        let conference = self.conferences.get_mut(id).ok_or_else(not_found)?;
        if request.expire {
            self.conferences.remove(id);
            return Ok(ConferenceModified::default());
        }
        let mut modified = ConferenceModified::default();
        for endpoint in &request.endpoints {
            modified.endpoints.push(conference.modify(endpoint)?);
        }
        if request.endpoints.iter().any(|endpoint| endpoint.create) {
            modified.sources =
                Some(vec![source(Kind::Audio, "jvb-a0", 9001), source(Kind::Video, "jvb-v0", 9002)]);
        }
        if conference.endpoints.is_empty() {
            self.conferences.remove(id);
        }
        Ok(modified)
    }
}

impl Conference {
    fn modify(&mut self, endpoint: &Endpoint) -> Result<Endpoint, Refusal> {
        let mut answer = Endpoint { id: endpoint.id.clone(), expire: endpoint.expire, ..Endpoint::default() };
        if endpoint.expire {
            self.endpoints.remove(&endpoint.id);
        } else if endpoint.create {
            if !self.endpoints.insert(endpoint.id.clone()) {
                return Err(refusal(Condition::Conflict, None));
            }
            let asks_for_data = endpoint.transport.as_ref().is_some_and(|transport| transport.sctp.is_some());
            answer.transport = Some(transport(&endpoint.id, asks_for_data));
        } else if !self.endpoints.contains(&endpoint.id) {
            let unknown = refusal(Condition::ItemNotFound, Some(Reason::UnknownEndpoint));
            return Err(Refusal { endpoint: Some(endpoint.id.clone()), ..unknown });
        }
        Ok(answer)
    }
}

fn refusal(condition: Condition, reason: Option<Reason>) -> Refusal {
    Refusal { reason, ..Refusal::new(condition, "refused by the model") }
}

fn source(kind: Kind, id: &str, ssrc: u32) -> MediaSource {
    MediaSource { kind, id: id.to_owned(), video_type: None, ssrcs: vec![ssrc], groups: Vec::new() }
}

fn transport(id: &str, data: bool) -> Transport {
    let fingerprint =
        Fingerprint { hash: "sha-256".to_owned(), setup: Setup::ActPass, value: "AA:BB".to_owned() };
    let ice = IceUdp {
        ufrag: Some(format!("u{id}")),
        pwd: Some("bridge-pwd".to_owned()),
        rtcp_mux: true,
        fingerprints: vec![fingerprint],
        ..IceUdp::default()
    };
    let sctp = data.then(|| Sctp { port: Some(5000), ..Sctp::default() });
    Transport { ice: Some(ice), sctp, ..Transport::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(epoch: u64, create: bool, expire: bool) -> ConferenceModify {
        let name = create.then(|| "room@x".to_owned());
        let endpoint = Endpoint { id: "a".to_owned(), create, transport: None, ..Endpoint::default() };
        let endpoints = if expire { Vec::new() } else { vec![endpoint] };
        ConferenceModify { meeting_id: "m".to_owned(), name, create, expire, epoch: Some(epoch), endpoints }
    }

    #[test]
    fn a_former_owner_is_not_heard() {
        let mut bridge = Bridge::new(Node::Bridge(0), 1);
        assert!(bridge.modify(&request(2, true, false)).is_ok());
        assert!(bridge.modify(&request(1, false, true)).is_err());
        assert!(bridge.modify(&request(2, false, true)).is_ok());
    }

    #[test]
    fn creating_twice_is_a_conflict() {
        let mut bridge = Bridge::new(Node::Bridge(0), 1);
        assert!(bridge.modify(&request(1, true, false)).is_ok());
        let refusal = bridge.modify(&request(1, true, false)).unwrap_err();
        assert_eq!(refusal.reason, Some(Reason::ConferenceAlreadyExists));
    }
}
