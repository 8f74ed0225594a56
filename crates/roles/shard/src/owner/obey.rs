//! What the effects of a meeting ask for.

use std::collections::BTreeMap;
use std::time::Instant;

use meeting::{BridgeId, Effect, Fact, Input};
use service::clock::Clock;
use tokio::sync::mpsc;

use super::{Owner, lost};
use crate::Shard;
use crate::brewery::AskId;
use crate::fleet::{Answered, Fleet};
use crate::limits::BRIDGE_REQUESTS_MAX;

/// The requests that bridges have not answered.
#[derive(Debug)]
pub(super) struct Asked {
    open: BTreeMap<u64, Open>,
    answers: mpsc::UnboundedSender<Answered>,
}

#[derive(Debug)]
struct Open {
    bridge: BridgeId,
    ask: AskId,
    until: Instant,
}

impl Owner {
    pub(super) fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Send { conn, text } => {
                if let Some(outbox) = self.conns.get(&conn) {
                    outbox.send(text);
                }
            }
            Effect::Close { conn, how } => {
                if let Some(outbox) = self.detach(conn) {
                    outbox.close(how);
                }
            }
            Effect::Answer { request, status, body } => {
                if let Some(answer) = self.requests.remove(&request) {
                    // the client may have hung up
                    let _ = answer.send((status, body));
                }
            }
            Effect::PickBridge { avoid } => {
                let bridge = self.shard.fleet.pick(&avoid);
                self.own.push_back(Input::BridgePicked { bridge });
            }
            Effect::AskBridge { bridge, id, text } => self.ask(bridge, id, &text),
            // whether nothing is left is asked after the whole batch: somebody may have come in it
            Effect::Ended => {}
            Effect::Fact(fact) => {
                self.occupants_changed |= matches!(fact, Fact::Joined | Fact::Left);
                self.shard.counts.count(fact);
            }
        }
    }

    fn ask(&mut self, bridge: BridgeId, id: u64, text: &str) {
        let until = Clock.now() + self.shard.config.limits.bridge_answer_time;
        match xmpp::frame::parse(text) {
            Ok(payload) if self.asked.open.len() < BRIDGE_REQUESTS_MAX => {
                let ask = self.shard.fleet.ask(&bridge, id, payload, &self.asked.answers);
                self.asked.open.insert(id, Open { bridge: bridge.clone(), ask, until });
            }
            Ok(_) => self.own.push_back(lost(bridge.clone(), id)),
            Err(error) => {
                tracing::error!(%error, "a request for a bridge is no element");
                self.own.push_back(lost(bridge.clone(), id));
            }
        }
        if !self.links.knows(&bridge) {
            let mut inputs = Vec::new();
            self.look_at_bridges(&mut inputs);
            self.own.extend(inputs);
        }
    }
}

impl Asked {
    pub(super) fn new(answers: mpsc::UnboundedSender<Answered>) -> Self {
        Self { open: BTreeMap::new(), answers }
    }

    /// `None` where the time for it was over.
    pub(super) fn answered(&mut self, answered: Answered) -> Option<Input> {
        let Answered { bridge, id, answer } = answered;
        self.open.remove(&id)?;
        Some(Input::BridgeAnswered { bridge, id, answer })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.values().map(|open| open.until).min()
    }

    /// The requests whose time is over.
    pub(super) fn expired(&mut self, shard: &Shard, now: Instant) -> Vec<Input> {
        let (over, open): (BTreeMap<_, _>, _) =
            std::mem::take(&mut self.open).into_iter().partition(|(_, open)| open.until <= now);
        self.open = open;
        let inputs = over.into_iter().map(|(id, open)| {
            shard.fleet.forget(open.ask);
            shard.counts.bridge_requests_unanswered.inc();
            lost(open.bridge, id)
        });
        inputs.collect()
    }

    pub(super) fn forget_all(&mut self, fleet: &Fleet) {
        for open in std::mem::take(&mut self.open).into_values() {
            fleet.forget(open.ask);
        }
    }
}
