//! Asking senders for key frames: for receivers that lost a picture, and for streams that are about to begin.

use std::time::Instant;

use str0m::media::Mid;

use super::Conference;
use crate::demux::Slot;
use crate::endpoint::{Encoding, SourceId};
use crate::outbox::Outbox;
use crate::{Fact, limits};

impl Conference {
    /// A receiver sent PLI or FIR for what it is sent as `mid`.
    pub(super) fn pass_keyframe_request(&mut self, now: Instant, receiver: Slot, mid: Mid, out: &mut Outbox) {
        let Some(endpoint) = self.endpoints.get(&receiver) else { return };
        let Some((id, subscription)) = endpoint.subscription_of(mid) else { return };
        let Some(projection) = subscription.video() else { return };
        let (owner, encoding) = (subscription.owner, projection.current().or(projection.target()));
        let Some(source) = self.endpoints.get_mut(&owner).and_then(|e| e.source(id)) else { return };
        // a sender that is off has no key frame to give, and what is asked of it must not use up the allowance
        let encoding = encoding.filter(|e| source.encodings.get(*e).is_some_and(Encoding::is_active));
        if let Some(encoding) = encoding.filter(|_| source.throttle.allow_receiver(now, receiver)) {
            self.request_keyframe(owner, id, encoding, out);
        }
    }

    /// Asks for the streams that wait, unless they asked lately.
    pub(super) fn retry_keyframes(&mut self, now: Instant, out: &mut Outbox) {
        let receivers: Vec<_> = self.endpoints.keys().copied().collect();
        for receiver in receivers {
            self.ask_for_awaited(now, receiver, out);
        }
    }

    /// Asks for what this receiver waits for.
    pub(super) fn ask_for_awaited(&mut self, now: Instant, receiver: Slot, out: &mut Outbox) {
        for (owner, source, encoding) in self.awaited(now, receiver) {
            let asked = self.endpoints.get_mut(&owner).and_then(|e| e.source(source));
            if !asked.is_some_and(|s| s.throttle.allow(now)) {
                continue;
            }
            let receiver = self.endpoints.get_mut(&receiver);
            if let Some(subscription) = receiver.and_then(|r| r.subscriptions.get_mut(&source)) {
                subscription.asked = Some(now);
            }
            self.request_keyframe(owner, source, encoding, out);
        }
    }

    fn awaited(&self, now: Instant, receiver: Slot) -> Vec<(Slot, SourceId, usize)> {
        let Some(endpoint) = self.endpoints.get(&receiver).filter(|e| e.leg.is_media_up()) else {
            return vec![];
        };
        let lately = |at: Instant| now.saturating_duration_since(at) < limits::KEYFRAME_RETRY;
        endpoint
            .subscriptions
            .iter()
            .filter(|(_, s)| !s.asked.is_some_and(lately))
            .filter_map(|(id, s)| Some((s.owner, *id, s.video()?.awaits()?)))
            .collect()
    }

    fn request_keyframe(&mut self, owner: Slot, source: SourceId, encoding: usize, out: &mut Outbox) {
        let Some(endpoint) = self.endpoints.get_mut(&owner) else { return };
        let Some(ssrc) = endpoint.source(source).and_then(|s| s.encodings.get(encoding)).map(|e| e.ssrc)
        else {
            return;
        };
        endpoint.leg.request_keyframe(ssrc);
        out.fact(Fact::KeyframeAsked);
        self.touch(owner);
    }
}
