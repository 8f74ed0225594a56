//! The dominant speaker, announced when it changes.

use std::time::Instant;

use colibri::channel::ToClient;

use super::Conference;
use crate::Fact;
use crate::demux::Slot;
use crate::outbox::Outbox;

impl Conference {
    pub(super) fn watch_speakers(&mut self, now: Instant, out: &mut Outbox) {
        if !self.speakers.decide(now) {
            return;
        }
        out.fact(Fact::SpeakerChanged);
        self.stale = true;
        if let Some(message) = self.dominant_speaker() {
            self.say_to_all(&message, out);
        }
    }

    /// `None`: nobody spoke yet.
    pub(super) fn dominant_speaker(&self) -> Option<ToClient> {
        let name = |slot: &Slot| self.endpoints.get(slot).map(|e| e.id.clone());
        let endpoint = self.speakers.dominant().as_ref().and_then(name)?;
        let previous = self.speakers.recent().iter().filter_map(name).collect();
        Some(ToClient::DominantSpeaker { endpoint, previous })
    }
}
