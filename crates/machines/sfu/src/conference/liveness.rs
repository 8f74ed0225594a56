//! Endpoints that fall silent, come back, or are gone.

use std::time::Instant;

use colibri::channel::ToClient;

use super::Conference;
use crate::demux::{Routes, Slot};
use crate::endpoint::Endpoint;
use crate::limits;
use crate::outbox::Outbox;

impl Conference {
    pub(super) fn watch_liveness(&mut self, now: Instant, routes: &mut Routes, out: &mut Outbox) {
        let expired = self.endpoints.iter().filter(|(_, e)| is_expired(e, now)).map(|(slot, _)| *slot);
        for slot in expired.collect::<Vec<Slot>>() {
            self.remove(slot, routes, out);
        }
        let mut changed = vec![];
        for endpoint in self.endpoints.values_mut() {
            let active = is_active(endpoint, now);
            if std::mem::replace(&mut endpoint.active, active) != active {
                changed.push(ToClient::EndpointConnectivity { endpoint: endpoint.id.clone(), active });
            }
        }
        changed.iter().for_each(|message| self.say_to_all(message, out));
    }

    /// Encodings that began or stopped change what can be chosen.
    pub(super) fn watch_encodings(&mut self, now: Instant) {
        for endpoint in self.endpoints.values_mut() {
            for source in &mut endpoint.sources {
                self.stale |= source.refresh(now);
            }
        }
    }

    /// Nobody came, or everybody expired.
    pub(crate) fn is_abandoned(&self, now: Instant) -> bool {
        self.endpoints.is_empty()
            && now.saturating_duration_since(self.created) > limits::EMPTY_CONFERENCE_AFTER
    }
}

fn is_active(endpoint: &Endpoint, now: Instant) -> bool {
    if endpoint.leg.is_failed() {
        return false;
    }
    match endpoint.heard {
        Some(heard) => now.saturating_duration_since(heard) < limits::INACTIVE_AFTER,
        None => now.saturating_duration_since(endpoint.created) < limits::INACTIVE_AFTER_CREATION,
    }
}

fn is_expired(endpoint: &Endpoint, now: Instant) -> bool {
    let since = |at: Instant| now.saturating_duration_since(at);
    if !endpoint.leg.was_established() {
        return since(endpoint.created) >= limits::EXPIRE_UNCONNECTED_AFTER;
    }
    since(endpoint.heard.unwrap_or(endpoint.created)) >= limits::EXPIRE_AFTER
}
