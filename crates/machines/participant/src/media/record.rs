//! What is left of a participant's media when it is over.

use std::collections::BTreeMap;

use xmpp::jingle::rtp::Kind;

use crate::{Author, Gap, Time};

/// Of one attendance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub author: Author,
    /// sessions that the focus offered and that were begun
    pub sessions: u64,
    /// of them, those whose media engine failed: no connection, or a lost one
    pub failures: u64,
    /// from each offer to the end of its handshake
    pub connects: Vec<Time>,
    pub sent: Traffic,
    /// requests for key frames that came, and key frames that were sent, one for all encodings
    pub keys_asked: u64,
    pub keys_sent: u64,
    /// sources of others that were announced, in order of their names
    pub streams: Vec<Stream>,
}

/// RTP packets without retransmissions, and octets of their payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub packets: u64,
    pub bytes: u64,
}

impl Traffic {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

/// What arrived of one remote source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    pub name: String,
    /// endpoint
    pub owner: String,
    pub kind: Kind,
    pub announced: Time,
    /// the first packet; `None`: none ever came
    pub first: Option<Time>,
    pub received: Traffic,
    pub lost: u64,
    /// after a packet that was sent later
    pub late: u64,
    pub doubled: u64,
    /// packets of somebody who is not of this run: neither loss nor delay can be told of them
    pub foreign: u64,
    /// between two packets, or between the last one and the end of the measurement
    pub longest: Gap,
    /// longer than any stream that flows; the first 64
    pub interruptions: Vec<Gap>,
    /// video packets by height in pixels
    pub heights: BTreeMap<u16, u64>,
    pub key_frames: u64,
    /// nothing came, although there was time
    pub is_missing: bool,
}

impl Stream {
    /// From the announcement to the first packet.
    pub fn wait(&self) -> Option<Time> {
        Some(self.first?.saturating_sub(self.announced))
    }
}
