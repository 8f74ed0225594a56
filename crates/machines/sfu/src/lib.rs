//! The forwarding machine of a bridge: datagrams, requests and channel messages in; datagrams and messages out.
//!
//! An [`Sfu`] holds the conferences of one media thread. It owns no socket and no clock: the shell passes `now`
//! with everything that arrives and drains `poll_*` until empty afterwards.

use std::net::SocketAddr;
use std::time::Instant;

use colibri::{ConferenceModified, ConferenceModify, Refusal};

/// What the shell decides once.
#[derive(Clone, Debug)]
pub struct Config {
    /// index of this media thread: the first character of every ICE ufrag it draws names it, so that the shell can
    /// route the first datagram of an endpoint (see [`worker_of`])
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
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub payload: Vec<u8>,
}

/// What the shell must know or do.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// a text message for the endpoint's bridge channel WebSocket
    WebSocketSend { socket: SocketId, text: String },
    /// close it: replaced by a newer one (1000) or the endpoint expired (1001)
    WebSocketClose { socket: SocketId, code: u16, reason: &'static str },
    Fact(Fact),
}

/// A bridge channel WebSocket, named by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// For metrics and logs alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    IceUp,
    IceFailed,
    DtlsUp,
    ChannelUp,
    EndpointExpired,
    ConferenceExpired,
    KeyframeAsked,
    SpeakerChanged,
    DatagramRefused,
    MessageRefused,
}

/// Gauges and counters since the start, for `/metrics` and the brewery presence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    pub conferences: u64,
    pub endpoints: u64,
    pub packets_received: u64,
    pub packets_sent: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
}

/// See the crate's documentation.
#[derive(Debug)]
pub struct Sfu {
    config: Config,
}

impl Sfu {
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Handles one colibri2 request.
    ///
    /// # Errors
    /// The refusal to answer with (see `colibri`).
    pub fn handle_request(&mut self, _now: Instant, _request: &ConferenceModify) -> Result<ConferenceModified, Refusal> {
        Ok(ConferenceModified::default())
    }

    /// Handles a datagram from the UDP port. `false`: it is nobody's here (unknown address and no ufrag of ours).
    pub fn handle_datagram(&mut self, _now: Instant, _source: SocketAddr, _destination: SocketAddr, _payload: &[u8]) -> bool {
        let _ = &self.config;
        false
    }

    /// A WebSocket wants to be the bridge channel of an endpoint. `false`: unknown conference or endpoint, or a wrong
    /// password (the three are not told apart).
    pub fn handle_websocket(&mut self, _now: Instant, _socket: SocketId, _conference: &str, _endpoint: &str, _password: &str) -> bool {
        false
    }

    pub fn handle_websocket_message(&mut self, _now: Instant, _socket: SocketId, _text: &str) {}

    pub fn handle_websocket_closed(&mut self, _socket: SocketId) {}

    /// To be called when [`Sfu::poll_timeout`] has passed.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    pub fn stats(&self) -> Stats {
        Stats::default()
    }
}

/// The media thread that a first datagram belongs to: read from the ufrag in a STUN binding request's USERNAME.
pub fn worker_of(_payload: &[u8]) -> Option<u8> {
    None
}
