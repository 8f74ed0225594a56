//! From one endpoint to all others.

use std::time::{Instant, SystemTime};

use str0m::rtp::{RtpPacket, Vp8Descriptor};
use xmpp::jingle::rtp::Kind;

use super::Conference;
use crate::codec::Codec;
use crate::demux::Slot;
use crate::endpoint::{self, Endpoint};
use crate::outbox::Outbox;
use crate::packet::Packet;
use crate::sender_clock::Report;
use crate::{keyframes, limits, svc};

impl Conference {
    /// Padding, unknown SSRCs and muted kinds end here; everything else goes to whoever is sent its source.
    pub(super) fn forward(&mut self, now: Instant, from: Slot, rtp: &RtpPacket, out: &mut Outbox) {
        out.stats.packets_received += 1;
        out.stats.bytes_received += rtp.payload.len() as u64;
        let Some(sender) = self.endpoints.get_mut(&from) else { return };
        let pt = *rtp.header.payload_type;
        let Some(codec) = sender.leg.payloads().iter().find(|p| p.pt == pt).map(|p| p.codec) else { return };
        if sender.is_muted(codec.kind())
            || rtp.payload.len() > limits::DATAGRAM_BYTES_MAX
            || *rtp.seq_no >= limits::SEQUENCE_NUMBERS
        {
            return;
        }
        let Some(packet) = read(now, from, sender, rtp, codec, &mut self.stale) else { return };
        if let (Kind::Audio, Some(level)) = (codec.kind(), rtp.header.ext_vals.audio_level) {
            self.speakers.level(now, from, level.unsigned_abs().min(127));
        }
        let receivers = self.endpoints.iter_mut().filter(|(slot, _)| **slot != from);
        for (slot, receiver) in receivers {
            if receiver.forward(&packet) {
                self.touched.push(*slot);
            }
        }
    }
}

/// Finds the source, learns from the payload, and makes what goes to the receivers.
fn read(
    now: Instant,
    from: Slot,
    sender: &mut Endpoint,
    rtp: &RtpPacket,
    codec: Codec,
    stale: &mut bool,
) -> Option<Packet> {
    let timestamp = rtp.header.timestamp;
    let captured = sender.clock.captured(rtp.timestamp, timestamp, codec.rate(), report(rtp));
    let (source, encoding) = sender.source_of(*rtp.header.ssrc)?;
    if source.kind != codec.kind() {
        return None;
    }
    let descriptor = endpoint::descriptor(&rtp.header.ext_vals);
    let picture = keyframes::inspect(codec, &rtp.payload, descriptor);
    let known = &mut source.encodings[encoding];
    let (part, structure) = svc::read(codec, &rtp.payload, descriptor, known.structure.as_ref());
    if !rtp.payload.is_empty() {
        *stale |= known.learn(now, picture.height, part, structure);
    }
    Some(Packet {
        origin: source.origin(from),
        encoding,
        codec,
        pt: *rtp.header.payload_type,
        seq: *rtp.seq_no,
        timestamp,
        marker: rtp.header.marker,
        key: picture.key,
        part,
        arrival: rtp.timestamp,
        captured,
        payload: rtp.payload.clone(),
        extensions: endpoint::carried(&rtp.header.ext_vals),
        vp8: (codec == Codec::Vp8).then(|| Vp8Descriptor::parse(&rtp.payload).ok()).flatten(),
    })
}

/// The last sender report of the packet's stream.
fn report(rtp: &RtpPacket) -> Option<Report> {
    let info = rtp.last_sender_info.as_ref()?;
    let wall = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    // the lower 32 bits are what the report carried
    Some(Report { wall, timestamp: info.rtp_time.numer() as u32 })
}
