//! From one endpoint to all others.

use std::time::Instant;

use str0m::rtp::{RtpPacket, Vp8Descriptor};
use xmpp::jingle::rtp::Kind;

use super::Conference;
use crate::codec::Codec;
use crate::demux::Slot;
use crate::endpoint::{self, Endpoint, Origin};
use crate::outbox::Outbox;
use crate::packet::Packet;
use crate::{keyframes, limits};

impl Conference {
    /// Padding, unknown SSRCs and muted kinds end here; everything else goes to whoever is sent its source.
    pub(super) fn forward(&mut self, now: Instant, from: Slot, rtp: &RtpPacket, out: &mut Outbox) {
        out.stats.packets_received += 1;
        out.stats.bytes_received += rtp.payload.len() as u64;
        let Some(sender) = self.endpoints.get_mut(&from) else { return };
        let pt = *rtp.header.payload_type;
        let Some(codec) = sender.leg.payloads().iter().find(|p| p.pt == pt).map(|p| p.codec) else { return };
        if sender.is_muted(codec.kind()) || rtp.payload.len() > limits::DATAGRAM_BYTES_MAX {
            return;
        }
        let Some((packet, name)) = read(now, from, sender, rtp, codec, pt) else { return };
        if let (Kind::Audio, Some(level)) = (codec.kind(), rtp.header.ext_vals.audio_level) {
            self.speakers.level(now, from, level.unsigned_abs().min(127));
        }
        let packet = Packet { origin: Origin { name: &name, ..packet.origin }, ..packet };
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
    pt: u8,
) -> Option<(Packet<'static>, std::sync::Arc<str>)> {
    let (source, encoding) = sender.source_of(*rtp.header.ssrc)?;
    if source.kind != codec.kind() {
        return None;
    }
    let picture = keyframes::inspect(codec, &rtp.payload, endpoint::descriptor(&rtp.header.ext_vals));
    let layer = &mut source.encodings[encoding];
    if let Some(height) = picture.height.filter(|h| *h > 0) {
        layer.layer.height = height;
    }
    layer.heard = Some(now);
    let primary = source.primary();
    let origin = Origin {
        id: source.id,
        owner: from,
        kind: source.kind,
        name: "",
        ssrc: primary.ssrc,
        rtx: primary.rtx,
    };
    let packet = Packet {
        origin,
        encoding,
        codec,
        pt,
        seq: *rtp.seq_no,
        timestamp: rtp.header.timestamp,
        marker: rtp.header.marker,
        key: picture.key,
        arrival: rtp.timestamp,
        payload: rtp.payload.clone(),
        extensions: endpoint::carried(&rtp.header.ext_vals),
        vp8: (codec == Codec::Vp8).then(|| Vp8Descriptor::parse(&rtp.payload).ok()).flatten(),
    };
    Some((packet, source.name.clone()))
}
