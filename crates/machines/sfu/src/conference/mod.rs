//! A conference: its endpoints and everything that passes between them, a file per concern.
//!
//! `request` applies what the focus asks, `forward` fans packets out, `layers` gives every receiver its encodings,
//! `keyframes` asks senders, `messages` is the bridge channel, `speakers` and `liveness` are the housekeeping.

mod forward;
mod keyframes;
mod layers;
mod liveness;
mod messages;
mod request;
mod speakers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use crate::demux::{ConferenceId, Route, Routes, Slot};
use crate::endpoint::{Endpoint, Happening, SourceId};
use crate::outbox::Outbox;
use crate::speaker::Speakers;
use crate::{Fact, limits};

pub(crate) use request::Desk;

pub(crate) struct Conference {
    id: ConferenceId,
    /// the latest owner of the meeting that asked for something
    epoch: Option<u64>,
    created: Instant,
    endpoints: BTreeMap<Slot, Endpoint>,
    slots: BTreeMap<String, Slot>,
    next_slot: u32,
    next_source: u32,
    speakers: Speakers<Slot>,
    /// SSRCs of `jvb-a0` and `jvb-v0`
    feedback: (u32, u32),
    /// legs that were written to
    touched: Vec<Slot>,
    /// what receivers get must be worked out again
    stale: bool,
    /// what receivers want changed, and senders are to be told
    unannounced: bool,
    allocated: Option<Instant>,
    happenings: Vec<Happening>,
}

impl Conference {
    pub(crate) fn new(now: Instant, id: ConferenceId, feedback: (u32, u32), epoch: Option<u64>) -> Self {
        Self {
            id,
            epoch,
            created: now,
            endpoints: BTreeMap::new(),
            slots: BTreeMap::new(),
            next_slot: 0,
            next_source: 0,
            speakers: Speakers::default(),
            feedback,
            touched: vec![],
            stale: false,
            unannounced: false,
            allocated: None,
            happenings: vec![],
        }
    }

    pub(crate) fn endpoint_count(&self) -> usize {
        self.endpoints.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// `false`: the endpoint is gone, or the datagram is nothing it could be.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        slot: Slot,
        (from, to): (SocketAddr, SocketAddr),
        payload: &[u8],
        out: &mut Outbox,
    ) -> bool {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return false };
        let taken = endpoint.leg.receive(now, from, to, payload);
        if taken && endpoint.leg.is_consent(payload) {
            endpoint.heard = Some(now);
        }
        self.pump(now, slot, out);
        taken
    }

    /// The wake-up that the leg of this endpoint wanted.
    pub(crate) fn handle_wake(&mut self, now: Instant, slot: Slot, out: &mut Outbox) {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return };
        endpoint.leg.timer = None;
        endpoint.leg.wake(now);
        self.pump(now, slot, out);
    }

    /// The housekeeping, every [`limits::TICK`].
    pub(crate) fn handle_tick(&mut self, now: Instant, routes: &mut Routes, out: &mut Outbox) {
        self.watch_liveness(now, routes, out);
        self.watch_speakers(now, out);
        self.watch_encodings(now);
        self.allocate_if_due(now, out);
        self.retry_keyframes(now, out);
        self.repeat_missed(out);
    }

    /// Sends what was written since the last flush: one wake per leg, however many packets wait there.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Outbox) {
        for _ in 0..limits::FLUSH_TURNS_MAX {
            let touched = std::mem::take(&mut self.touched);
            if touched.is_empty() {
                return;
            }
            for slot in touched {
                if let Some(endpoint) = self.endpoints.get_mut(&slot) {
                    endpoint.leg.wake(now);
                    self.pump(now, slot, out);
                }
            }
        }
    }

    pub(crate) fn needs_flush(&self) -> bool {
        !self.touched.is_empty()
    }

    /// # Panics
    /// If the tables contradict each other.
    pub(crate) fn check_invariants(&self) {
        assert_eq!(self.slots.len(), self.endpoints.len(), "every endpoint has one id");
        for (id, slot) in &self.slots {
            assert_eq!(&self.endpoints[slot].id, id);
        }
        for (slot, endpoint) in &self.endpoints {
            for (source, subscription) in &endpoint.subscriptions {
                assert_ne!(subscription.owner, *slot, "nobody is sent his own");
                let owner = &self.endpoints[&subscription.owner];
                assert!(owner.sources.iter().any(|s| s.id == *source), "what is sent exists");
            }
        }
    }

    /// Closes everything; the caller drops the conference then.
    pub(crate) fn close(&mut self, routes: &mut Routes, out: &mut Outbox) {
        let slots: Vec<_> = self.endpoints.keys().copied().collect();
        slots.into_iter().for_each(|slot| self.remove(slot, routes, out));
        out.fact(Fact::ConferenceExpired);
    }

    fn pump(&mut self, now: Instant, slot: Slot, out: &mut Outbox) {
        let Some(endpoint) = self.endpoints.get_mut(&slot) else { return };
        let mut happenings = std::mem::take(&mut self.happenings);
        endpoint.leg.pump(now, out, &mut happenings);
        // a leg that wants to be woken at once, again and again, must not keep the thread
        let at = endpoint.leg.timeout().max(now + limits::WAKE_INTERVAL_MIN);
        out.timers.wake(
            self.route(slot),
            at,
            &mut self.endpoints.get_mut(&slot).expect("just used").leg.timer,
        );
        for happening in happenings.drain(..) {
            self.happen(now, slot, happening, out);
        }
        self.happenings = happenings;
    }

    fn happen(&mut self, now: Instant, slot: Slot, happening: Happening, out: &mut Outbox) {
        match happening {
            Happening::Rtp(packet) => {
                self.alive(now, slot);
                self.forward(now, slot, &packet, out);
            }
            Happening::KeyframeAsked(mid) => self.pass_keyframe_request(now, slot, mid, out),
            Happening::IceUp => out.fact(Fact::IceUp),
            Happening::IceDown => out.fact(Fact::IceFailed),
            Happening::DtlsUp => {
                out.fact(Fact::DtlsUp);
                self.stale = true;
            }
            Happening::ChannelOpen(id) => self.channel_opened(slot, id, out),
            Happening::ChannelText(id, text) => {
                self.alive(now, slot);
                self.channel_text(now, slot, id, &text, out);
            }
            Happening::ChannelClosed(id) => self.channel_closed(slot, id),
            Happening::Failed => out.fact(Fact::IceFailed),
        }
    }

    /// Something arrived that only this client can have sent.
    fn alive(&mut self, now: Instant, slot: Slot) {
        if let Some(endpoint) = self.endpoints.get_mut(&slot) {
            endpoint.heard = Some(now);
        }
    }

    /// Marks a leg for the next flush.
    fn touch(&mut self, slot: Slot) {
        if self.endpoints.get_mut(&slot).is_some_and(|e| e.leg.touch()) {
            self.touched.push(slot);
        }
    }

    fn remove(&mut self, slot: Slot, routes: &mut Routes, out: &mut Outbox) {
        let Some(mut endpoint) = self.endpoints.remove(&slot) else { return };
        self.slots.remove(&endpoint.id);
        let route = self.route(slot);
        out.timers.clear(route, &mut endpoint.leg.timer);
        routes.release(endpoint.leg.ufrag(), route);
        if let Some(socket) = endpoint.channel.socket {
            out.close_socket(socket, 1001, "endpoint closed");
        }
        let sources: Vec<SourceId> = endpoint.sources.iter().map(|s| s.id).collect();
        for other in self.endpoints.values_mut() {
            other.forget_owner(slot, &sources);
            other.sources.iter_mut().for_each(|s| s.throttle.forget(slot));
        }
        let others: Vec<_> = self.endpoints.keys().copied().collect();
        others.into_iter().for_each(|other| self.touch(other));
        self.speakers.remove(slot);
        self.stale = true;
        out.fact(Fact::EndpointExpired);
    }

    fn route(&self, slot: Slot) -> Route {
        Route { conference: self.id, slot }
    }

    fn by_id(&self, id: &str) -> Option<Slot> {
        self.slots.get(id).copied()
    }
}
