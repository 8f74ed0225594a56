//! What a participant is told.

use std::sync::Arc;
use std::time::Duration;

use crate::{Time, media};

/// See the fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// what the stream is addressed to, `meet.example`
    pub domain: String,
    /// bare JID of the room, `demo@conference.meet.example`
    pub room: String,
    pub transport: Transport,
    pub invitation: Invitation,
    /// tells the lines of this run from those of another; part of each of them
    pub run: String,
    /// mean time between two lines of chat; `None`: it says nothing
    pub chat: Option<Duration>,
    /// a ping so often; `None`: only those of an ordinary client
    pub probe: Option<Duration>,
    /// `None`: it accepts every offer, and never sends or receives anything
    pub media: Option<Arc<media::Settings>>,
}

/// What carries the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// RFC 7395
    #[default]
    WebSocket,
    /// through a [`Bosh`](crate::bosh::Bosh). COMPAT: without stream management, and pings without an answer cost nothing
    Bosh,
}

/// How the focus is asked into the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invitation {
    /// over HTTP, before the socket is opened
    Http,
    /// as an IQ to this address, `focus.meet.example`, before the join
    Iq(String),
    /// not at all: whoever runs the room has no focus
    None,
}

impl Settings {
    /// A silent participant in `room`.
    pub fn new(domain: &str, room: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            room: room.to_owned(),
            transport: Transport::WebSocket,
            invitation: Invitation::Http,
            run: String::new(),
            chat: None,
            probe: None,
            media: None,
        }
    }

    /// Between two answers to probes this is a gap worth keeping.
    pub(crate) fn gap_min(&self) -> Time {
        let intervals = self.probe.unwrap_or_default() * crate::limits::GAP_INTERVALS;
        intervals.max(crate::limits::GAP_MIN)
    }
}
