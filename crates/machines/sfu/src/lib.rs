//! The forwarding machine of a bridge: datagrams, requests and channel messages in; datagrams and messages out.
//!
//! An [`Sfu`] holds the conferences of one media thread. It owns no socket and no clock: the shell passes `now`
//! with everything that arrives and drains `poll_*` until empty afterwards.
//!
//! *In:* colibri2 requests of a focus ([`Sfu::handle_request`]); datagrams of one UDP port
//! ([`Sfu::handle_datagram`]), told apart by remote address or by the ufrag of a STUN request; bridge channel
//! messages, over SCTP inside those datagrams or over WebSockets that the shell holds.
//!
//! *Out:* datagrams ([`Sfu::poll_transmit`]), WebSocket messages and facts for metrics ([`Sfu::poll_event`]), and
//! the time to be woken ([`Sfu::poll_timeout`]).
//!
//! *Inside:* a conference fans each packet of an endpoint out to the others. Audio goes to all as it is. Each video
//! source is projected, per receiver, onto one stream with the SSRC of its first encoding; which encoding that is
//! follows from the receiver's constraints, and changes at key frames only, so that sequence numbers, timestamps
//! and VP8 picture ids go on without a seam. Every leg is an ICE, DTLS and SRTP transport of its own: losses are
//! repaired, and key frames asked for, per leg.
//!
//! *It refuses to know* rooms, JIDs and users: a meeting id and endpoint ids are all it is told. It never decodes
//! media. In this version it estimates no bandwidth towards receivers (their constraints decide alone), rewrites no
//! SSRCs, knows no relays to other bridges, and drops spatial but no temporal layers.
//!
//! Read on: `conference` for what passes between endpoints, `endpoint` for one client's leg, `projection` for the
//! seams, `allocation` for who gets what, `demux` for whose datagram it is.

mod allocation;
mod announcement;
mod codec;
mod conference;
mod credentials;
mod demux;
mod endpoint;
mod keyframes;
mod limits;
mod outbox;
mod packet;
mod projection;
mod rate;
mod sender_clock;
mod speaker;
mod svc;
mod throttle;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use colibri::{Condition, ConferenceModified, ConferenceModify, Reason, Refusal};

use conference::{Conference, Desk};
use credentials::Secrets;
pub use credentials::WORKERS_MAX;
pub use demux::worker_of;
use demux::{ConferenceId, Route, Routes};
use endpoint::Identity;
use outbox::Outbox;

/// What the shell decides once.
#[derive(Clone, Debug)]
pub struct Config {
    /// index of this media thread, below [`WORKERS_MAX`]: the first character of every ICE ufrag it draws names it,
    /// so that the shell can route the first datagram of an endpoint (see [`worker_of`])
    pub worker: u8,
    /// addresses offered as host candidates, all of the one UDP port
    pub candidates: Vec<SocketAddr>,
    /// `wss://host/colibri-ws/bridge-1`: `/CONFERENCE/ENDPOINT?pwd=SECRET` is appended; `None`: no WebSocket channel
    pub websocket_base: Option<String>,
    pub seed: [u8; 32],
}

/// A datagram to send.
#[derive(Debug)]
pub struct Transmit {
    /// one of the candidates
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub payload: Vec<u8>,
}

/// What the shell must know or do.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// a text message for the endpoint's bridge channel WebSocket
    WebSocketSend {
        socket: SocketId,
        text: String,
    },
    /// close it: replaced by a newer one (1000) or the endpoint expired (1001)
    WebSocketClose {
        socket: SocketId,
        code: u16,
        reason: &'static str,
    },
    Fact(Fact),
}

/// A bridge channel WebSocket, named by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// For metrics and logs alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    IceUp,
    /// the transport failed: no consent any more, or a certificate without the signalled fingerprint
    IceFailed,
    DtlsUp,
    ChannelUp,
    EndpointExpired,
    ConferenceExpired,
    KeyframeAsked,
    SpeakerChanged,
    DatagramRefused,
    /// malformed, too long, too many, to nobody, or to somebody who does not read
    MessageRefused,
}

/// Gauges and counters since the start, for `/metrics` and the brewery presence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    pub conferences: u64,
    pub endpoints: u64,
    /// media packets; all datagrams on the way out
    pub packets_received: u64,
    pub packets_sent: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
}

/// See the crate's documentation.
///
/// Calling order: any number of `handle_*`, then `poll_event` and `poll_transmit` until both are empty, then
/// `poll_timeout`. What several `handle_*` calls in a row caused is sent together, which is cheaper.
pub struct Sfu {
    config: Config,
    identity: Identity,
    secrets: Secrets,
    conferences: BTreeMap<ConferenceId, Conference>,
    meetings: BTreeMap<String, ConferenceId>,
    sockets: BTreeMap<SocketId, Route>,
    routes: Routes,
    /// conferences with legs that were written to
    touched: BTreeSet<ConferenceId>,
    out: Outbox,
    /// the time of the last input
    now: Option<Instant>,
    /// the next housekeeping; `None` while there is nothing to keep
    tick: Option<Instant>,
}

impl Sfu {
    pub fn new(config: Config) -> Self {
        Self {
            secrets: Secrets::new(config.seed),
            config,
            identity: Identity::new(),
            conferences: BTreeMap::new(),
            meetings: BTreeMap::new(),
            sockets: BTreeMap::new(),
            routes: Routes::default(),
            touched: BTreeSet::new(),
            out: Outbox::default(),
            now: None,
            tick: None,
        }
    }

    /// Handles one colibri2 request.
    ///
    /// # Errors
    /// The refusal to answer with (see `colibri`). As with other bridges, what was done before the failing element
    /// stays done.
    pub fn handle_request(
        &mut self,
        now: Instant,
        request: &ConferenceModify,
    ) -> Result<ConferenceModified, Refusal> {
        self.now = Some(now);
        let id = self.meetings.get(&request.meeting_id).copied();
        let known = id.and_then(|id| self.conferences.get_mut(&id));
        if known.is_some_and(|conference| conference.outlives(request.epoch)) {
            return Err(stale());
        }
        let id = match (id, request.create) {
            (Some(_), true) => return Err(already_exists(&request.meeting_id)),
            (None, false) => return Err(not_found(&request.meeting_id)),
            (None, true) => self.open_conference(now, request)?,
            (Some(id), false) => id,
        };
        let answer = if request.expire {
            self.close_conference(id);
            Ok(ConferenceModified::default())
        } else {
            self.modify(now, id, request)
        };
        // COMPAT: other bridges drop a conference that a request leaves empty, and a probe of an empty one counts
        if !request.create && self.conferences.get(&id).is_some_and(Conference::is_empty) {
            self.close_conference(id);
        }
        answer
    }

    /// Handles a datagram from the UDP port; `destination` is the candidate it was meant for. `false`: it is
    /// nobody's here (unknown address and no ufrag of ours).
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        payload: &[u8],
    ) -> bool {
        self.now = Some(now);
        let fits = payload.len() <= limits::DATAGRAM_BYTES_MAX;
        let route = if fits { self.routes.route(source, payload, &self.identity.crypto) } else { None };
        let taken = route.is_some_and(|Route { conference: id, slot }| {
            let Some(conference) = self.conferences.get_mut(&id) else { return false };
            let taken = conference.handle_datagram(now, slot, (source, destination), payload, &mut self.out);
            if conference.needs_flush() {
                self.touched.insert(id);
            }
            taken
        });
        if !taken {
            self.out.fact(Fact::DatagramRefused);
        }
        taken
    }

    /// A WebSocket wants to be the bridge channel of an endpoint. `false`: unknown conference or endpoint, or a wrong
    /// password (the three are not told apart).
    pub fn handle_websocket(
        &mut self,
        now: Instant,
        socket: SocketId,
        conference: &str,
        endpoint: &str,
        password: &str,
    ) -> bool {
        self.now = Some(now);
        let Ok(id) = u64::from_str_radix(conference, 16).map(ConferenceId) else { return false };
        let Some(conference) = self.conferences.get_mut(&id) else { return false };
        let Some(slot) = conference.handle_websocket(socket, endpoint, password, &mut self.out) else {
            return false;
        };
        self.sockets.insert(socket, Route { conference: id, slot });
        self.touched.insert(id);
        true
    }

    pub fn handle_websocket_message(&mut self, now: Instant, socket: SocketId, text: &str) {
        self.now = Some(now);
        let Some(Route { conference: id, slot }) = self.sockets.get(&socket).copied() else { return };
        let Some(conference) = self.conferences.get_mut(&id) else { return };
        conference.handle_websocket_message(now, slot, socket, text, &mut self.out);
        self.touched.insert(id);
    }

    /// The shell's socket is gone, whoever closed it.
    pub fn handle_websocket_closed(&mut self, socket: SocketId) {
        let Some(Route { conference, slot }) = self.sockets.remove(&socket) else { return };
        if let Some(conference) = self.conferences.get_mut(&conference) {
            conference.handle_websocket_closed(slot, socket);
        }
    }

    /// To be called when [`Sfu::poll_timeout`] has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = Some(now);
        while let Some(Route { conference: id, slot }) = self.out.timers.due(now) {
            if let Some(conference) = self.conferences.get_mut(&id) {
                conference.handle_wake(now, slot, &mut self.out);
                self.touched.insert(id);
            }
        }
        if self.tick.is_some_and(|at| at <= now) {
            self.tick = (!self.conferences.is_empty()).then_some(now + limits::TICK);
            self.keep_house(now);
        }
    }

    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.flush();
        self.out.next_transmit()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.flush();
        self.out.next_event()
    }

    /// `None` where there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.out.timers.next(), self.tick].into_iter().flatten().min()
    }

    pub fn stats(&self) -> Stats {
        Stats {
            conferences: self.conferences.len() as u64,
            endpoints: self.conferences.values().map(|c| c.endpoint_count() as u64).sum(),
            ..self.out.stats
        }
    }

    /// For tests and simulation, after every step.
    ///
    /// # Panics
    /// If the tables contradict each other: a bug of this crate.
    pub fn check_invariants(&self) {
        assert_eq!(self.meetings.len(), self.conferences.len(), "every conference has one meeting");
        assert!(self.conferences.is_empty() || self.tick.is_some(), "somebody keeps house");
        let endpoints = self.conferences.values().map(Conference::endpoint_count).sum();
        self.routes.check_invariants(endpoints);
        self.conferences.values().for_each(Conference::check_invariants);
    }

    fn open_conference(&mut self, now: Instant, request: &ConferenceModify) -> Result<ConferenceId, Refusal> {
        let meeting_id = request.meeting_id.as_str();
        let refuse = |condition, text: &str| Refusal {
            condition,
            reason: None,
            text: text.to_owned(),
            endpoint: None,
        };
        if meeting_id.is_empty() || meeting_id.len() > limits::NAME_BYTES_MAX {
            return Err(refuse(Condition::BadRequest, "The meeting id is empty or too long"));
        }
        if self.conferences.len() >= limits::CONFERENCES_MAX {
            return Err(refuse(Condition::ResourceConstraint, "This bridge is full"));
        }
        let id = ConferenceId(self.secrets.number());
        let feedback = (self.secrets.ssrc(), self.secrets.ssrc());
        self.conferences.insert(id, Conference::new(now, id, feedback, request.epoch));
        self.meetings.insert(meeting_id.to_owned(), id);
        self.tick.get_or_insert(now + limits::TICK);
        Ok(id)
    }

    fn close_conference(&mut self, id: ConferenceId) {
        if let Some(mut conference) = self.conferences.remove(&id) {
            conference.close(&mut self.routes, &mut self.out);
        }
        self.meetings.retain(|_, meeting| *meeting != id);
    }

    fn modify(
        &mut self,
        now: Instant,
        id: ConferenceId,
        request: &ConferenceModify,
    ) -> Result<ConferenceModified, Refusal> {
        let Some(conference) = self.conferences.get_mut(&id) else {
            return Err(not_found(&request.meeting_id));
        };
        let mut desk = Desk {
            now,
            config: &self.config,
            identity: &self.identity,
            secrets: &mut self.secrets,
            routes: &mut self.routes,
            out: &mut self.out,
        };
        self.touched.insert(id);
        let endpoints: Result<Vec<_>, _> =
            request.endpoints.iter().map(|e| conference.handle_endpoint(e, &mut desk)).collect();
        let created = request.create || request.endpoints.iter().any(|e| e.create);
        Ok(ConferenceModified {
            endpoints: endpoints?,
            sources: created.then(|| conference.feedback_sources()),
        })
    }

    fn keep_house(&mut self, now: Instant) {
        let ids: Vec<_> = self.conferences.keys().copied().collect();
        for id in ids {
            let Some(conference) = self.conferences.get_mut(&id) else { continue };
            conference.handle_tick(now, &mut self.routes, &mut self.out);
            self.touched.insert(id);
            if conference.is_abandoned(now) {
                self.close_conference(id);
            }
        }
    }

    fn flush(&mut self) {
        let Some(now) = self.now else { return };
        while let Some(id) = self.touched.pop_first() {
            if let Some(conference) = self.conferences.get_mut(&id) {
                conference.flush(now, &mut self.out);
            }
        }
    }
}

impl fmt::Debug for Sfu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sfu").field("worker", &self.config.worker).field("stats", &self.stats()).finish()
    }
}

/// Another shard owns the meeting by now: who asked is about to find out.
fn stale() -> Refusal {
    Refusal::new(Condition::Conflict, "A later owner of this meeting has asked before")
}

fn already_exists(meeting_id: &str) -> Refusal {
    Refusal {
        condition: Condition::Conflict,
        reason: Some(Reason::ConferenceAlreadyExists),
        text: format!("Conference {meeting_id} exists already"),
        endpoint: None,
    }
}

fn not_found(meeting_id: &str) -> Refusal {
    Refusal {
        condition: Condition::ItemNotFound,
        reason: Some(Reason::ConferenceNotFound),
        text: format!("Unknown conference {meeting_id}"),
        endpoint: None,
    }
}
