//! One shard, as its heartbeats tell it.

use std::collections::BTreeMap;

use super::{Announced, Beat, Standing};
use crate::limits::{
    ANNOUNCED_WITHIN_MS, ANSWERS_MIN, HEARTBEAT_MS, MISSES_MAX, PATIENCE_IN_DOUBT_MS, PATIENCE_MS,
    UNLISTED_MS,
};
use crate::shard::Shard;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// never heard in this life of it
    Unknown,
    Up,
    Down,
}

#[derive(Debug)]
pub(super) struct Watched {
    /// as the registry has it; `None`: it is not there
    announced: Option<Announced>,
    since: u64,
    health: Health,
    /// a socket to it broke, and no heartbeat has answered since
    is_doubted: bool,
    /// as its heartbeat said
    is_draining: bool,
    misses: u32,
    answers: u32,
    refused: bool,
    is_probing: bool,
    probe_at: u64,
    /// meetings placed, by the second
    recent: BTreeMap<u64, u32>,
}

impl Watched {
    /// Something has its place there.
    pub(super) fn unlisted(now: u64) -> Self {
        Self {
            announced: None,
            since: now,
            health: Health::Unknown,
            is_doubted: false,
            is_draining: false,
            misses: 0,
            answers: 0,
            refused: false,
            is_probing: false,
            probe_at: now,
            recent: BTreeMap::new(),
        }
    }

    /// Gives whether it is down by that.
    pub(super) fn list(&mut self, announced: Announced, now: u64) -> bool {
        let before = self.announced.replace(announced);
        let started = |node: &Option<Announced>| node.as_ref().map(|node| node.started);
        if started(&before) == started(&self.announced) {
            return false;
        }
        // Another life: what was known of the former one says nothing. Its sockets are gone in any case.
        let was_up = before.is_some() && self.health == Health::Up;
        self.health = Health::Unknown;
        self.is_draining = false;
        (self.misses, self.answers, self.refused) = (0, 0, false);
        self.probe_at = now;
        was_up
    }

    /// Gives whether it is down by that.
    pub(super) fn unlist(&mut self, now: u64) -> bool {
        if self.announced.take().is_none() {
            return false;
        }
        self.since = now;
        self.fall()
    }

    pub(super) fn is_listed(&self) -> bool {
        self.announced.is_some()
    }

    pub(super) fn standing(&self) -> Standing {
        match self.health {
            Health::Down => Standing::Down,
            Health::Unknown => Standing::Unsure,
            Health::Up if self.is_doubted => Standing::Unsure,
            Health::Up if self.is_draining || self.announced.as_ref().is_some_and(|node| node.draining) => {
                Standing::Draining
            }
            Health::Up => Standing::Ready,
        }
    }

    pub(super) fn doubt(&mut self, now: u64) {
        if self.health == Health::Up {
            self.is_doubted = true;
        }
        self.probe_at = now;
    }

    /// Gives whether it is down by that.
    pub(super) fn beat(&mut self, beat: Beat, now: u64) -> bool {
        self.is_probing = false;
        match beat {
            Beat::Answered { draining } => {
                self.is_doubted = false;
                self.is_draining = draining;
                (self.misses, self.refused) = (0, false);
                self.answers = self.answers.saturating_add(1);
                if self.health == Health::Unknown || self.answers >= ANSWERS_MIN {
                    self.health = Health::Up;
                }
                false
            }
            Beat::Refused => {
                let again = std::mem::replace(&mut self.refused, true);
                self.failed(again, now)
            }
            Beat::Missed => {
                self.misses = self.misses.saturating_add(1);
                self.failed(self.misses >= MISSES_MAX, now)
            }
        }
    }

    fn failed(&mut self, is_final: bool, now: u64) -> bool {
        self.answers = 0;
        if self.health != Health::Down && !is_final {
            self.probe_at = now;
        }
        is_final && self.fall()
    }

    fn fall(&mut self) -> bool {
        self.is_doubted = false;
        self.answers = 0;
        std::mem::replace(&mut self.health, Health::Down) != Health::Down
    }

    /// When something is due here.
    pub(super) fn timeout(&self) -> Option<u64> {
        match &self.announced {
            Some(_) if self.is_probing => None,
            Some(_) => Some(self.probe_at),
            None if self.health == Health::Down => None,
            None => Some(self.since + UNLISTED_MS),
        }
    }

    /// The patience of a heartbeat that is due now.
    pub(super) fn probe(&mut self, now: u64) -> Option<u64> {
        if self.announced.is_none() || self.is_probing || self.probe_at > now {
            return None;
        }
        self.is_probing = true;
        self.probe_at = now + HEARTBEAT_MS;
        Some(if self.misses > 0 && self.health != Health::Down { PATIENCE_IN_DOUBT_MS } else { PATIENCE_MS })
    }

    /// Gives whether it is down by not being in the registry for too long.
    pub(super) fn is_gone(&mut self, now: u64) -> bool {
        self.announced.is_none() && self.since + UNLISTED_MS <= now && self.fall()
    }

    pub(super) fn take_meeting(&mut self, now: u64) {
        self.recent.retain(|second, _| second * 1_000 + ANNOUNCED_WITHIN_MS > now);
        *self.recent.entry(now / 1_000).or_default() += 1;
    }

    pub(super) fn as_candidate(&self, id: &str, now: u64) -> Option<Shard> {
        let announced = self.announced.as_ref()?;
        let recent = self.recent.iter().filter(|(second, _)| *second * 1_000 + ANNOUNCED_WITHIN_MS > now);
        Some(Shard {
            id: id.to_owned(),
            region: announced.region.clone(),
            load: announced.load,
            recent: recent.fold(0, |sum, (_, count)| sum.saturating_add(*count)),
            draining: false,
            healthy: self.standing() == Standing::Ready,
        })
    }
}
