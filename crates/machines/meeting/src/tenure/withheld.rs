//! What an unprotected meeting does not say yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::effect::Effect;
use crate::entry::{BridgeId, ConnId, Input};

#[derive(Debug, Default)]
pub(super) struct Withheld {
    /// what waits as it is, in order: everything for the connections and bridges in question
    effects: Vec<Effect>,
    /// connections whose stream begins, or is being taken up
    conns: BTreeSet<ConnId>,
    /// bridges that shall expire something
    bridges: BTreeSet<BridgeId>,
    /// for each other connection how often it has asked, and the newest acknowledgement
    acks: BTreeMap<ConnId, (usize, String)>,
}

impl Withheld {
    /// What an entry means that is not durable yet.
    pub(super) fn watch(&mut self, input: &Input) {
        if let Input::Bind { conn, .. } | Input::Resume { conn, .. } = input {
            self.conns.insert(*conn);
        }
    }

    pub(super) fn pass(&mut self, effect: Effect) -> Option<Effect> {
        match &effect {
            Effect::Send { conn, text } => {
                // the token of a stream; or the answer to who takes one up: it may rest on what is not durable, that the
                // stream has ended too
                if ["enabled", "resumed", "failed"].iter().any(|name| is(text, name)) {
                    self.conns.insert(*conn);
                }
                if self.conns.contains(conn) {
                    self.effects.push(effect);
                    return None;
                }
                if is(text, "a") {
                    let (asked, newest) = self.acks.entry(*conn).or_default();
                    *asked += 1;
                    text.clone_into(newest);
                    return None;
                }
            }
            Effect::Close { conn, .. } => {
                self.acks.remove(conn);
                if self.conns.contains(conn) {
                    self.effects.push(effect);
                    return None;
                }
            }
            Effect::AskBridge { bridge, text, .. } => {
                if expires(text) {
                    self.bridges.insert(bridge.clone());
                }
                if self.bridges.contains(bridge) {
                    self.effects.push(effect);
                    return None;
                }
            }
            Effect::Answer { .. } | Effect::PickBridge { .. } | Effect::Ended | Effect::Fact(_) => {}
        }
        Some(effect)
    }

    /// Each request for an acknowledgement is answered (XEP-0198 section 4): a router that has put one of its own among
    /// those of its client counts the answers.
    pub(super) fn release(&mut self) -> Vec<Effect> {
        let Self { effects, acks, .. } = std::mem::take(self);
        let acks = acks.into_iter().flat_map(|(conn, (asked, text))| {
            std::iter::repeat_n(text, asked).map(move |text| Effect::Send { conn, text })
        });
        effects.into_iter().chain(acks).collect()
    }
}

/// Whether it is an element of this name. What the meeting writes has no prefixes.
fn is(text: &str, name: &str) -> bool {
    let rest = text.strip_prefix('<').and_then(|text| text.strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with([' ', '/', '>']))
}

/// Whether a request makes a bridge forget something. A text that merely looks so waits in vain, no more.
fn expires(text: &str) -> bool {
    ["expire=\"true\"", "expire='true'"].iter().any(|flag| text.contains(flag))
}
