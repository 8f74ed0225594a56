//! A packet between two legs: read once, sent on to many.

use std::sync::Arc;
use std::time::Instant;

use str0m::rtp::{ExtensionValues, Vp8Descriptor};

use crate::codec::Codec;
use crate::endpoint::Origin;
use crate::projection::Incoming;
use crate::svc::Part;

pub(crate) struct Packet {
    pub(crate) origin: Origin,
    pub(crate) encoding: usize,
    pub(crate) codec: Codec,
    /// as the sender numbers it
    pub(crate) pt: u8,
    /// extended
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// the first packet of a key frame
    pub(crate) key: bool,
    pub(crate) part: Option<Part>,
    pub(crate) arrival: Instant,
    /// on our clock, for sender reports
    pub(crate) captured: Instant,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) extensions: ExtensionValues,
    pub(crate) vp8: Option<Vp8Descriptor>,
}

impl Packet {
    pub(crate) fn incoming(&self) -> Incoming<'_> {
        Incoming {
            encoding: self.encoding,
            seq: self.seq,
            timestamp: self.timestamp,
            arrival: self.arrival,
            key: self.key,
            empty: self.payload.is_empty(),
            marker: self.marker,
            part: self.part,
            vp8: self.vp8.as_ref(),
        }
    }
}
