//! Gives every receiver its video: who is sent which encoding of which source, and what senders are told of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use colibri::channel::ToClient;
use xmpp::jingle::rtp::Kind;

use super::Conference;
use crate::allocation::{self, Layer, Offer};
use crate::announcement::News;
use crate::demux::Slot;
use crate::endpoint::{Origin, SourceId};
use crate::limits;
use crate::outbox::Outbox;
use crate::projection::Target;

/// A video source as it is offered to everybody but its owner.
pub(super) struct Listed {
    origin: Origin,
    enabled: bool,
    layers: Vec<Layer>,
    /// what each of `layers` is
    targets: Vec<Target>,
}

impl Conference {
    /// Works everything out anew where something changed, but not too often.
    pub(super) fn allocate_if_due(&mut self, now: Instant, out: &mut Outbox) {
        let pause = limits::ALLOCATION_PAUSE * u32::try_from(self.endpoints.len()).unwrap_or(u32::MAX);
        if self.allocated.is_some_and(|at| now.saturating_duration_since(at) < pause) {
            return;
        }
        if std::mem::take(&mut self.stale) {
            self.allocate(now, out);
        }
        if std::mem::take(&mut self.unannounced) {
            self.allocated = Some(now);
            self.announce_heights(now, out);
        }
    }

    fn allocate(&mut self, now: Instant, out: &mut Outbox) {
        let listing = self.listing();
        let receivers: Vec<_> = self.endpoints.keys().copied().collect();
        for receiver in receivers {
            self.serve(receiver, &listing, out);
            self.ask_for_awaited(now, receiver, out);
            if let Some(endpoint) = self.endpoints.get_mut(&receiver) {
                endpoint.retire_idle(now);
            }
        }
        self.unannounced = true;
    }

    /// The same for one receiver, whose wishes changed, at once.
    pub(super) fn allocate_for(&mut self, now: Instant, receiver: Slot, out: &mut Outbox) {
        let listing = self.listing();
        self.serve(receiver, &listing, out);
        self.ask_for_awaited(now, receiver, out);
        self.unannounced = true;
    }

    /// Speakers first, then in order of joining.
    fn listing(&self) -> Vec<Listed> {
        let mut order: Vec<Slot> = self.speakers.order().collect();
        order.extend(self.endpoints.keys().filter(|slot| !order.contains(slot)).copied().collect::<Vec<_>>());
        let endpoints = order.iter().filter_map(|slot| Some((*slot, self.endpoints.get(slot)?)));
        let videos = endpoints.flat_map(|(owner, endpoint)| {
            endpoint
                .sources
                .iter()
                .filter(|s| s.kind == Kind::Video)
                .map(move |s| (owner, endpoint.muted.video, s))
        });
        let listed = videos.map(|(owner, muted, source)| {
            let (targets, layers) = source.layers().into_iter().unzip();
            Listed { origin: source.origin(owner), enabled: source.enabled && !muted, layers, targets }
        });
        listed.collect()
    }

    fn serve(&mut self, receiver: Slot, listing: &[Listed], out: &mut Outbox) {
        let Some(endpoint) = self.endpoints.get_mut(&receiver) else { return };
        let others = listing.iter().filter(|listed| listed.origin.owner != receiver);
        let offers: Vec<_> = others
            .map(|l| Offer { source: l, name: &l.origin.name, enabled: l.enabled, layers: &l.layers })
            .collect();
        let mut heights = BTreeMap::new();
        let mut forwarded: Vec<Arc<str>> = vec![];
        for share in allocation::allocate(&endpoint.wishes, &offers) {
            let origin = &share.source.origin;
            heights.insert(origin.id, share.max_height);
            if share.layer.is_some() {
                forwarded.push(origin.name.clone());
                endpoint.subscribe(origin);
            }
            if let Some(projection) = endpoint.subscriptions.get_mut(&origin.id).and_then(|s| s.video_mut()) {
                projection.aim(share.layer.map(|index| share.source.targets[index]));
            }
        }
        endpoint.heights = heights;
        forwarded.sort();
        let changed = endpoint.forwarded != forwarded;
        if changed {
            endpoint.forwarded = forwarded;
        }
        self.touch(receiver);
        if let (true, Some(message)) = (changed, self.forwarded_sources(receiver)) {
            self.say(receiver, &message, out);
        }
    }

    pub(super) fn forwarded_sources(&self, receiver: Slot) -> Option<ToClient> {
        let forwarded = &self.endpoints.get(&receiver)?.forwarded;
        Some(ToClient::ForwardedSources {
            sources: forwarded.iter().map(|name| (**name).to_owned()).collect(),
        })
    }

    /// Tells senders the greatest height that anybody wants of each of their sources, where it changed.
    fn announce_heights(&mut self, now: Instant, out: &mut Outbox) {
        let mut wanted: BTreeMap<SourceId, i32> = BTreeMap::new();
        for (id, height) in self.endpoints.values().flat_map(|e| &e.heights) {
            let greatest = wanted.entry(*id).or_insert(0);
            *greatest = allocation::greater(*greatest, *height);
        }
        let mut messages = vec![];
        for (slot, endpoint) in &mut self.endpoints {
            for source in endpoint.sources.iter_mut().filter(|s| s.kind == Kind::Video) {
                let max_height = wanted.get(&source.id).copied().unwrap_or(0);
                match source.announced.want(max_height, now) {
                    News::None => {}
                    News::Pending => self.unannounced = true,
                    News::Tell(max_height) => {
                        let source = (*source.name).to_owned();
                        messages.push((*slot, ToClient::SenderSourceConstraints { source, max_height }));
                    }
                }
            }
        }
        for (slot, message) in &messages {
            self.say(*slot, message, out);
        }
    }

    /// All that this sender was told, for a channel that just opened.
    pub(super) fn announced_heights(&self, sender: Slot) -> Vec<ToClient> {
        let sources = self.endpoints.get(&sender).map_or(&[][..], |e| &e.sources);
        let told = |source: &crate::endpoint::Source| {
            let max_height = source.announced.told()?;
            Some(ToClient::SenderSourceConstraints { source: (*source.name).to_owned(), max_height })
        };
        sources.iter().filter_map(told).collect()
    }
}
