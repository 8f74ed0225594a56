//! colibri2: what the focus asks of a conference, and what it is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use colibri::{Condition, MediaSource, Reason, Refusal, Sctp, SctpRole, Transport};
use str0m::media::Mid;
use xmpp::jingle::ice::{Candidate, CandidateKind, Fingerprint, IceUdp, Setup};
use xmpp::jingle::rtp::Kind;

use super::Conference;
use crate::announcement::Announcement;
use crate::credentials::Secrets;
use crate::demux::{Routes, Slot};
use crate::endpoint::{self, BadSource, Encoding, Endpoint, Identity, Leg, Plan, Source, SourceId};
use crate::outbox::Outbox;
use crate::throttle::KeyframeThrottle;
use crate::{Config, limits};

/// The only SCTP port that clients use (RFC 8841 registers it as the default).
const SCTP_PORT: u16 = 5000;

/// What answering a request needs besides the conference.
pub(crate) struct Desk<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) identity: &'a Identity,
    pub(crate) secrets: &'a mut Secrets,
    pub(crate) routes: &'a mut Routes,
    pub(crate) out: &'a mut Outbox,
}

impl Conference {
    /// Whether a request of this epoch is of a former owner. Takes note of a later one; requests without an epoch, of
    /// focuses that do not know of it, are never too late.
    pub(crate) fn outlives(&mut self, epoch: Option<u64>) -> bool {
        let late = epoch.is_some() && epoch < self.epoch;
        self.epoch = self.epoch.max(epoch);
        late
    }

    /// Applies one `<endpoint/>` of a request.
    ///
    /// # Errors
    /// The refusal to answer with. What was applied before stays.
    pub(crate) fn handle_endpoint(
        &mut self,
        request: &colibri::Endpoint,
        desk: &mut Desk,
    ) -> Result<colibri::Endpoint, Refusal> {
        let mut answer = colibri::Endpoint { id: request.id.clone(), ..Default::default() };
        let known = self.by_id(&request.id);
        if request.expire {
            answer.expire = true;
            if let Some(slot) = known {
                self.remove(slot, desk.routes, desk.out);
            }
            return Ok(answer);
        }
        let slot = match (known, request.create) {
            (Some(_), true) => return Err(conflict(&request.id)),
            (None, true) => {
                let slot = self.create(request, desk)?;
                answer.transport = self.describe(slot, request, desk.config);
                slot
            }
            (Some(slot), false) => slot,
            (None, false) if changes_nothing(request) => return Ok(answer),
            (None, false) => return Err(unknown(&request.id)),
        };
        self.update(slot, request)?;
        self.touch(slot);
        Ok(answer)
    }

    /// The bridge's own sources, named in every answer that creates something.
    pub(crate) fn feedback_sources(&self) -> Vec<MediaSource> {
        let source = |kind, id: &str, ssrc| MediaSource {
            kind,
            id: id.to_owned(),
            video_type: None,
            ssrcs: vec![ssrc],
            groups: vec![],
        };
        let (audio, video) = self.feedback;
        vec![source(Kind::Audio, "jvb-a0", audio), source(Kind::Video, "jvb-v0", video)]
    }

    fn create(&mut self, request: &colibri::Endpoint, desk: &mut Desk) -> Result<Slot, Refusal> {
        let transport = check_create(request)?;
        if self.endpoints.len() >= limits::ENDPOINTS_PER_CONFERENCE_MAX {
            return Err(refuse(Condition::ResourceConstraint, "The conference is full".to_owned()));
        }
        let slot = Slot(self.next_slot);
        self.next_slot = self.next_slot.wrapping_add(1);
        let password = desk.secrets.password();
        let ufrag = loop {
            let ufrag = desk.secrets.ufrag(desk.config.worker);
            if desk.routes.claim(&ufrag, &password, self.route(slot)) {
                break ufrag;
            }
        };
        let plan = Plan {
            ufrag,
            password,
            candidates: &desk.config.candidates,
            media: &request.media,
            ice_controlling: transport.ice_controlling,
            sctp: transport.sctp.is_some(),
        };
        let leg = Leg::new(desk.now, desk.identity, plan);
        let endpoint = Endpoint::new(desk.now, request.id.clone(), leg, desk.secrets.url_password());
        self.endpoints.insert(slot, endpoint);
        self.slots.insert(request.id.clone(), slot);
        // a new leg counts as written to, and nobody has marked it for the flush yet
        self.touched.push(slot);
        self.stale = true;
        Ok(slot)
    }

    fn describe(&mut self, slot: Slot, request: &colibri::Endpoint, config: &Config) -> Option<Transport> {
        let url = config.websocket_base.as_ref().filter(|_| request.id.bytes().all(is_url_safe));
        let conference = self.id;
        let endpoint = self.endpoints.get_mut(&slot)?;
        let password = &endpoint.password;
        let web_sockets = url
            .map(|base| format!("{base}/{conference}/{}?pwd={password}", request.id))
            .into_iter()
            .collect();
        let value = endpoint.leg.fingerprint();
        let ice = IceUdp {
            ufrag: Some(endpoint.leg.ufrag().to_owned()),
            pwd: Some(endpoint.leg.password().to_owned()),
            generation: None,
            rtcp_mux: true,
            candidates: config.candidates.iter().enumerate().map(candidate).collect(),
            fingerprints: vec![Fingerprint { hash: "sha-256".to_owned(), setup: Setup::ActPass, value }],
            web_sockets,
        };
        let asked = request.transport.as_ref().and_then(|t| t.sctp.as_ref());
        let sctp = asked.map(|_| Sctp { port: Some(SCTP_PORT), role: Some(SctpRole::Server) });
        Some(Transport { ice: Some(ice), sctp, ..Default::default() })
    }

    /// Last-n, transport, sources, mute, in this order.
    fn update(&mut self, slot: Slot, request: &colibri::Endpoint) -> Result<(), Refusal> {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return Ok(()) };
        if let Some(last_n) = request.initial_last_n {
            endpoint.wishes.set_initial_last_n(last_n);
            self.stale = true;
        }
        if let Some(ice) = request.transport.as_ref().and_then(|t| t.ice.as_ref()) {
            endpoint.leg.set_remote(ice);
        }
        if let Some(sources) = &request.sources {
            self.replace_sources(slot, sources)
                .map_err(|e| refuse(Condition::BadRequest, format!("Endpoint {}: {e}", request.id)))?;
        }
        if let (Some(mute), Some(endpoint)) = (request.force_mute, self.endpoints.get_mut(&slot)) {
            endpoint.muted = mute;
            self.stale = true;
        }
        Ok(())
    }

    /// The whole set. A source whose kind, name and SSRCs are known is kept as it is, with all that was learned
    /// of it.
    fn replace_sources(&mut self, slot: Slot, signalled: &[MediaSource]) -> Result<(), BadSource> {
        if signalled.len() > limits::SOURCES_PER_ENDPOINT_MAX {
            return Err(BadSource::TooMany);
        }
        let mut seen = self.foreign_ssrcs(slot);
        let mut wanted: Vec<(&MediaSource, Vec<Encoding>)> = vec![];
        for source in signalled {
            let encodings = endpoint::encodings(source)?;
            endpoint::check_unique(&encodings, &mut seen)?;
            wanted.push((source, encodings));
        }
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return Ok(()) };
        let same = |known: &Source, (source, encodings): &(&MediaSource, Vec<Encoding>)| {
            known.kind == source.kind
                && *known.name == *source.id
                && endpoint::same_ssrcs(&known.encodings, encodings)
        };
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut endpoint.sources)
            .into_iter()
            .partition(|s| wanted.iter().any(|w| same(s, w)));
        endpoint.sources = kept;
        gone.iter().for_each(|source| endpoint.leg.remove(source.mid));
        for (source, encodings) in
            wanted.into_iter().filter(|w| !endpoint.sources.iter().any(|s| same(s, w))).collect::<Vec<_>>()
        {
            let id = SourceId(self.next_source);
            self.next_source = self.next_source.wrapping_add(1);
            let mid = endpoint.leg.expect(source.kind, encodings.iter().map(|e| (e.ssrc, e.rtx)));
            let source = new_source(id, source, encodings, mid, endpoint);
            endpoint.sources.push(source);
        }
        let gone: Vec<SourceId> = gone.iter().map(|s| s.id).collect();
        for (_, other) in self.endpoints.iter_mut().filter(|(other, _)| **other != slot) {
            gone.iter().for_each(|source| other.unsubscribe(*source));
        }
        self.stale = true;
        Ok(())
    }

    /// The SSRCs of all endpoints but this one.
    fn foreign_ssrcs(&self, slot: Slot) -> Vec<u32> {
        let others = self.endpoints.iter().filter(|(other, _)| **other != slot);
        others.flat_map(|(_, e)| &e.sources).flat_map(|s| &s.encodings).flat_map(endpoint::ssrcs).collect()
    }
}

fn new_source(
    id: SourceId,
    signalled: &MediaSource,
    encodings: Vec<Encoding>,
    mid: Mid,
    owner: &Endpoint,
) -> Source {
    let announced = owner.types.get(&signalled.id).copied();
    Source {
        id,
        name: Arc::from(signalled.id.as_str()),
        kind: signalled.kind,
        enabled: announced.unwrap_or_else(|| endpoint::is_enabled(signalled.video_type)),
        encodings,
        mid,
        throttle: KeyframeThrottle::default(),
        announced: Announcement::default(),
    }
}

fn check_create(request: &colibri::Endpoint) -> Result<&Transport, Refusal> {
    let bad = |text: &str| refuse(Condition::BadRequest, format!("Endpoint {}: {text}", request.id));
    if request.id.is_empty() || request.id.len() > limits::NAME_BYTES_MAX {
        return Err(bad("its id is empty or too long"));
    }
    let transport = request.transport.as_ref().ok_or_else(|| bad("created without a transport"))?;
    if !request.capabilities.iter().any(|c| c == "source-names") {
        return Err(bad("source-names is mandatory"));
    }
    match &transport.sctp {
        Some(Sctp { port: Some(port), .. }) if *port != SCTP_PORT => Err(bad("the SCTP port must be 5000")),
        Some(Sctp { role: Some(SctpRole::Client), .. }) => Err(refuse(
            Condition::FeatureNotImplemented,
            "SCTP is served, not dialled, for endpoints".to_owned(),
        )),
        _ => Ok(transport),
    }
}

/// Mute and last-n of an unknown endpoint are echoed: the focus may be late.
fn changes_nothing(request: &colibri::Endpoint) -> bool {
    let only_hints = request.force_mute.is_some() || request.initial_last_n.is_some();
    only_hints && request.media.is_empty() && request.transport.is_none() && request.sources.is_none()
}

fn candidate((index, address): (usize, &SocketAddr)) -> Candidate {
    // RFC 8445 5.1.2: host candidates, in the order of the configuration
    let local_preference = 65_535_u32.saturating_sub(u32::try_from(index).unwrap_or(u32::MAX));
    Candidate {
        id: format!("c{}", index + 1),
        foundation: (index + 1).to_string(),
        component: 1,
        generation: 0,
        network: 0,
        protocol: "udp".to_owned(),
        priority: (126 << 24) | (local_preference << 8) | 255,
        ip: address.ip(),
        port: address.port(),
        kind: CandidateKind::Host,
        related: None,
    }
}

fn is_url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

pub(crate) fn refuse(condition: Condition, text: String) -> Refusal {
    Refusal { condition, reason: None, text, endpoint: None }
}

fn conflict(id: &str) -> Refusal {
    refuse(Condition::Conflict, format!("Endpoint {id} exists already"))
}

fn unknown(id: &str) -> Refusal {
    Refusal {
        reason: Some(Reason::UnknownEndpoint),
        endpoint: Some(id.to_owned()),
        ..refuse(Condition::ItemNotFound, format!("Unknown endpoint {id}"))
    }
}
