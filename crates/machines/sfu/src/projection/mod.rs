//! One video source on its way to one receiver: which encoding it gets, and how the seams are hidden.
//!
//! A source may have several encodings (simulcast), each with numbers of its own. The receiver sees one stream
//! whose sequence numbers, timestamps and picture ids go on as if one encoder had made it. The encoding changes
//! only at a key frame of the new one. Within an encoding the higher spatial layers may be left out (see `svc`).

mod audio;
mod sequence;
mod vp8;

use std::time::Instant;

use str0m::rtp::{Vp8Descriptor, Vp8Patch};

pub(crate) use audio::AudioProjection;
use sequence::Sequence;
use vp8::Vp8Numbering;

use crate::svc::Part;

/// ticks of the 90 kHz video clock in a millisecond
const TICKS_PER_MS: u32 = 90;

/// What of a source a receiver is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) encoding: usize,
    /// the highest spatial layer of that encoding; 0 where it has none
    pub(crate) spatial: u8,
}

/// One packet of a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) encoding: usize,
    /// extended
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) arrival: Instant,
    /// the first packet of a key frame
    pub(crate) key: bool,
    /// padding alone: it is left out and closed up
    pub(crate) empty: bool,
    pub(crate) marker: bool,
    /// where the encoding has spatial layers
    pub(crate) part: Option<Part>,
    pub(crate) vp8: Option<&'a Vp8Descriptor>,
}

/// How to send it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// extended, from 0 rollovers on
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) patch: Option<Vp8Patch>,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    target: Option<Target>,
    anchor: Option<Anchor>,
    last: Option<Last>,
    next_seq: u64,
    vp8: Vp8Numbering,
}

/// Where the current encoding took over.
#[derive(Clone, Debug)]
struct Anchor {
    encoding: usize,
    /// the highest spatial layer that goes out
    ceiling: u8,
    sequence: Sequence,
    timestamp_offset: u32,
}

/// The newest picture that went out.
#[derive(Clone, Copy, Debug)]
struct Last {
    timestamp: u32,
    arrival: Instant,
}

impl Projection {
    /// `first_seq`: where the numbers begin; below 65536 for a receiver that never saw the SSRC, so that the rollover
    /// counter begins at 0.
    pub(crate) fn new(first_seq: u64) -> Self {
        Self { target: None, anchor: None, last: None, next_seq: first_seq, vp8: Vp8Numbering::default() }
    }

    /// One more than the highest number that went out.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// What to forward from the next key frame on (at once where only spatial layers fall away); `None` stops at
    /// once.
    pub(crate) fn aim(&mut self, target: Option<Target>) {
        self.target = target;
        if target.is_none() {
            self.anchor = None;
        }
    }

    pub(crate) fn target(&self) -> Option<usize> {
        self.target.map(|t| t.encoding)
    }

    /// The encoding that goes out now.
    pub(crate) fn current(&self) -> Option<usize> {
        self.anchor.as_ref().map(|a| a.encoding)
    }

    /// The encoding whose key frame is needed.
    pub(crate) fn awaits(&self) -> Option<usize> {
        let target = self.target?;
        let served = |a: &Anchor| a.encoding == target.encoding && a.ceiling >= target.spatial;
        (!self.anchor.as_ref().is_some_and(served)).then_some(target.encoding)
    }

    /// `None`: this packet is not for this receiver.
    pub(crate) fn forward(&mut self, packet: &Incoming) -> Option<Outgoing> {
        if packet.key && !packet.empty && self.takes_over(packet.encoding) {
            self.anchor(packet);
        }
        self.move_ceiling(packet);
        let anchor = self.anchor.as_mut().filter(|a| a.encoding == packet.encoding)?;
        if packet.empty || packet.part.is_some_and(|part| part.spatial > anchor.ceiling) {
            anchor.sequence.leave_out(packet.seq);
            return None;
        }
        let seq = anchor.sequence.forward(packet.seq)?;
        let timestamp = packet.timestamp.wrapping_add(anchor.timestamp_offset);
        self.next_seq = self.next_seq.max(seq + 1);
        if self.last.is_none_or(|last| later(timestamp, last.timestamp)) {
            self.last = Some(Last { timestamp, arrival: packet.arrival });
        }
        // the layers that would have ended the picture are not sent
        let marker =
            packet.marker || packet.part.is_some_and(|part| part.end && part.spatial == anchor.ceiling);
        let patch = packet.vp8.and_then(|vp8| self.vp8.forward(vp8)?.patch(vp8));
        Some(Outgoing { seq, timestamp, marker, patch })
    }

    /// A lower encoding serves until the wanted one has a key frame; never a higher one than wanted.
    fn takes_over(&self, encoding: usize) -> bool {
        let Some(target) = self.target else { return false };
        match self.current() {
            None => encoding <= target.encoding,
            Some(current) => encoding == target.encoding && current != encoding,
        }
    }

    /// Up at a key picture, down at any new one.
    fn move_ceiling(&mut self, packet: &Incoming) {
        let (Some(target), Some(anchor)) = (self.target, self.anchor.as_mut()) else { return };
        if anchor.encoding != packet.encoding || target.encoding != packet.encoding || packet.empty {
            return;
        }
        let newest = self
            .last
            .is_none_or(|last| later(packet.timestamp.wrapping_add(anchor.timestamp_offset), last.timestamp));
        if newest && (packet.key || target.spatial < anchor.ceiling) {
            anchor.ceiling = target.spatial;
        }
    }

    fn anchor(&mut self, packet: &Incoming) {
        let timestamp_offset = match self.last {
            None => 0,
            Some(last) => {
                let elapsed = packet.arrival.saturating_duration_since(last.arrival).as_millis();
                let elapsed = u32::try_from(elapsed).unwrap_or(u32::MAX).max(1).wrapping_mul(TICKS_PER_MS);
                last.timestamp.wrapping_add(elapsed).wrapping_sub(packet.timestamp)
            }
        };
        if let Some(vp8) = packet.vp8 {
            self.vp8.anchor(vp8);
        }
        let sequence = Sequence::new(packet.seq, self.next_seq);
        // a lower encoding that serves meanwhile serves with all it has
        let aimed = self.target.filter(|t| t.encoding == packet.encoding);
        let ceiling = aimed.map_or(u8::MAX, |t| t.spatial);
        self.anchor = Some(Anchor { encoding: packet.encoding, ceiling, sequence, timestamp_offset });
    }
}

/// Whether RTP timestamp `a` is after `b` (RFC 3550 5.1).
fn later(a: u32, b: u32) -> bool {
    let ahead = a.wrapping_sub(b);
    ahead != 0 && ahead < 1 << 31
}

#[cfg(test)]
mod tests;
