//! One client of a conference: its transport, what it sends, what it wants and what it is sent.

mod channel;
mod extensions;
mod leg;
mod memory;
mod sources;
mod subscription;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use colibri::ForceMute;
use str0m::media::Mid;
use str0m::rtp::RtpWrite;
use xmpp::jingle::rtp::Kind;

pub(crate) use channel::{Channel, Via};
pub(crate) use extensions::{carried, descriptor, needs_mixed_forms};
pub(crate) use leg::{Happening, Identity, Leg, Plan};
use memory::Memory;
pub(crate) use sources::{
    BadSource, Encoding, Source, SourceId, check_unique, encodings, is_enabled, same_ssrcs, ssrcs,
};
use subscription::Retired;
pub(crate) use subscription::{Hearing, Origin, Stream, Subscription};

use crate::allocation::Wishes;
use crate::codec;
use crate::demux::Slot;
use crate::limits;
use crate::packet::Packet;
use crate::projection::{AudioProjection, Projection};
use crate::sender_clock::SenderClock;

pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) leg: Leg,
    pub(crate) channel: Channel,
    /// of the bridge channel's WebSocket
    pub(crate) password: String,
    pub(crate) created: Instant,
    /// when anything arrived last that only the client can have sent
    pub(crate) heard: Option<Instant>,
    /// as last announced to the others
    pub(crate) active: bool,

    pub(crate) sources: Vec<Source>,
    pub(crate) clock: SenderClock,
    pub(crate) muted: ForceMute,
    /// video types announced on the channel, by source name: `false` is none
    pub(crate) types: BTreeMap<String, bool>,

    pub(crate) wishes: Wishes,
    pub(crate) hearing: Hearing,
    pub(crate) subscriptions: BTreeMap<SourceId, Subscription>,
    retired: VecDeque<Retired>,
    memory: Memory,
    /// the effective constraint of every video source of the others, pixels
    pub(crate) heights: BTreeMap<SourceId, i32>,
    /// names of the video sources forwarded, as last announced
    pub(crate) forwarded: Vec<Arc<str>>,
}

impl Endpoint {
    pub(crate) fn new(now: Instant, id: String, leg: Leg, password: String) -> Self {
        Self {
            id,
            leg,
            channel: Channel::new(now),
            password,
            created: now,
            heard: None,
            active: true,
            sources: vec![],
            clock: SenderClock::default(),
            muted: ForceMute::default(),
            types: BTreeMap::new(),
            wishes: Wishes::default(),
            hearing: Hearing::default(),
            subscriptions: BTreeMap::new(),
            retired: VecDeque::new(),
            memory: Memory::default(),
            heights: BTreeMap::new(),
            forwarded: vec![],
        }
    }

    /// Which source and encoding an SSRC of this endpoint is.
    pub(crate) fn source_of(&mut self, ssrc: u32) -> Option<(&mut Source, usize)> {
        self.sources.iter_mut().find_map(|source| {
            let encoding = source.encodings.iter().position(|e| e.ssrc == ssrc)?;
            Some((source, encoding))
        })
    }

    pub(crate) fn source(&mut self, id: SourceId) -> Option<&mut Source> {
        self.sources.iter_mut().find(|s| s.id == id)
    }

    pub(crate) fn is_muted(&self, kind: Kind) -> bool {
        match kind {
            Kind::Audio => self.muted.audio,
            Kind::Video => self.muted.video,
        }
    }

    /// Sends a packet of another endpoint on to this one. `true`: the leg needs a wake.
    pub(crate) fn forward(&mut self, packet: &Packet) -> bool {
        if !self.leg.is_media_up() {
            return false;
        }
        if packet.origin.kind == Kind::Audio && !self.subscriptions.contains_key(&packet.origin.id) {
            self.subscribe(&packet.origin);
        }
        let Some(subscription) = self.subscriptions.get_mut(&packet.origin.id).filter(|s| !s.barred) else {
            return false;
        };
        let Some(payload) = codec::translate(self.leg.payloads(), packet.codec, packet.pt) else {
            return false;
        };
        let (pt, ssrc, rtx) = (payload.pt, subscription.ssrc, subscription.rtx);
        let (seq, timestamp, marker, patch) = match &mut subscription.stream {
            Stream::Audio { wanted: false, .. } => return false,
            Stream::Audio { projection, .. } => match projection.forward(packet.seq) {
                Some(seq) if !packet.payload.is_empty() => (seq, packet.timestamp, packet.marker, None),
                _ => return false,
            },
            Stream::Video(projection) => match projection.forward(&packet.incoming()) {
                Some(out) => (out.seq, out.timestamp, out.marker, out.patch),
                None => return false,
            },
        };
        let mut extensions = packet.extensions.clone();
        if needs_mixed_forms(&extensions) && !self.leg.takes_mixed_forms() {
            extensions.user_values = Default::default();
        }
        let mut write =
            RtpWrite::new(pt.into(), seq.into(), timestamp, packet.captured, packet.payload.clone())
                .marker(marker)
                .ext_vals(extensions)
                // a packet kept for a stream without a repair SSRC could never be sent again
                .nackable(rtx.is_some());
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        self.leg.write(ssrc, write);
        self.leg.touch()
    }

    /// Begins to send a source to this endpoint, or goes on where it stopped. Needs a pump.
    pub(crate) fn subscribe(&mut self, origin: &Origin) -> &mut Subscription {
        if !self.subscriptions.contains_key(&origin.id) {
            let subscription = self.revive(origin).unwrap_or_else(|| self.declare(origin));
            self.subscriptions.insert(origin.id, subscription);
        }
        self.subscriptions.get_mut(&origin.id).expect("inserted above")
    }

    fn declare(&mut self, origin: &Origin) -> Subscription {
        let rtx = origin.rtx.filter(|rtx| self.memory.claim_repair(*rtx));
        let mid = self.leg.declare(origin.kind, origin.ssrc, rtx);
        let next = self.memory.recall(origin.ssrc);
        let stream = match origin.kind {
            Kind::Audio => Stream::Audio {
                projection: AudioProjection::new(next),
                wanted: self.hearing.wants(&origin.name),
            },
            // below 32768, so that the first wrap comes with a rollover counter both sides have seen grow
            Kind::Video => Stream::Video(Projection::new(next.unwrap_or(u64::from(origin.ssrc & 0x7fff)))),
        };
        Subscription {
            owner: origin.owner,
            ssrc: origin.ssrc,
            rtx,
            barred: self.memory.was_repair(origin.ssrc),
            mid,
            stream,
            asked: None,
            idle: None,
        }
    }

    fn revive(&mut self, origin: &Origin) -> Option<Subscription> {
        let index = self.retired.iter().position(|r| r.ssrc == origin.ssrc)?;
        let retired = self.retired.remove(index)?;
        let same = retired.owner == origin.owner && retired.stream.kind() == origin.kind;
        if !same || retired.rtx != origin.rtx {
            self.bury(&retired);
            return None;
        }
        let mut stream = retired.stream;
        if let Stream::Audio { wanted, .. } = &mut stream {
            *wanted = self.hearing.wants(&origin.name);
        }
        Some(Subscription {
            owner: origin.owner,
            ssrc: origin.ssrc,
            rtx: retired.rtx,
            barred: retired.barred,
            mid: retired.mid,
            stream,
            asked: None,
            idle: None,
        })
    }

    /// The source went away. Needs a pump.
    pub(crate) fn unsubscribe(&mut self, source: SourceId) {
        self.heights.remove(&source);
        let Some(subscription) = self.subscriptions.remove(&source) else { return };
        self.retired.push_back(subscription.retire());
        if self.retired.len() > limits::RETIRED_STREAMS_MAX
            && let Some(oldest) = self.retired.pop_front()
        {
            self.bury(&oldest);
        }
    }

    /// Removes the stream and remembers where its numbers were. If it comes back it cannot be repaired any more.
    fn bury(&mut self, retired: &Retired) {
        self.leg.remove(retired.mid);
        self.memory.remember(retired.ssrc, retired.stream.next_seq());
    }

    /// Notes which video streams idle, and retires the longest idle ones: a leg's cost grows with its streams.
    /// Needs a pump.
    pub(crate) fn retire_idle(&mut self, now: Instant) {
        let mut idle = vec![];
        for (id, subscription) in &mut self.subscriptions {
            let wanted = subscription.video().is_none_or(|projection| projection.target().is_some());
            let since = if wanted { None } else { Some(subscription.idle.unwrap_or(now)) };
            subscription.idle = since;
            let aged = |at: Instant| now.saturating_duration_since(at) >= limits::IDLE_STREAM_AGE;
            idle.extend(since.filter(|at| aged(*at)).map(|at| (at, *id)));
        }
        idle.sort_unstable();
        let excess = idle.len().saturating_sub(limits::IDLE_STREAMS_MAX);
        for (_, id) in &idle[..excess] {
            let height = self.heights.get(id).copied();
            self.unsubscribe(*id);
            self.heights.extend(height.map(|height| (*id, height)));
        }
    }

    /// The owner went away, and with it everything that could come back. Needs a pump.
    pub(crate) fn forget_owner(&mut self, owner: Slot, sources: &[SourceId]) {
        sources.iter().for_each(|source| self.unsubscribe(*source));
        let retired = std::mem::take(&mut self.retired);
        let (gone, kept): (VecDeque<_>, VecDeque<_>) = retired.into_iter().partition(|r| r.owner == owner);
        self.retired = kept;
        gone.iter().for_each(|retired| self.bury(retired));
    }

    pub(crate) fn set_hearing(&mut self, hearing: Hearing, name_of: impl Fn(SourceId) -> Option<Arc<str>>) {
        for (id, subscription) in &mut self.subscriptions {
            if let (Stream::Audio { wanted, .. }, Some(name)) = (&mut subscription.stream, name_of(*id)) {
                *wanted = hearing.wants(&name);
            }
        }
        self.hearing = hearing;
    }

    /// The source behind an outgoing media.
    pub(crate) fn subscription_of(&self, mid: Mid) -> Option<(SourceId, &Subscription)> {
        self.subscriptions.iter().find(|(_, s)| s.mid == mid).map(|(id, s)| (*id, s))
    }
}
