//! Which of a meeting's bridges can be reached, with patience: the rule of the product's `owner/links.rs`.

use std::collections::{BTreeMap, BTreeSet};

use meeting::{BridgeId, Input};

use crate::limits::{BRIDGE_GRACE, BRIDGE_GRACE_AT_START};
use crate::node::Micros;

#[derive(Debug, Default)]
pub(super) struct Links {
    links: BTreeMap<BridgeId, Link>,
    /// joins at the last look, by bridge
    seen: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// by its join of this number
    Up(u64),
    Away(Micros),
    Lost,
}

impl Links {
    pub(super) fn replayed(used: &[BridgeId], now: Micros) -> Self {
        let away = Link::Away(now + BRIDGE_GRACE_AT_START);
        let links = used.iter().map(|bridge| (bridge.clone(), away)).collect();
        Self { links, seen: BTreeMap::new() }
    }

    /// `view`: the join of every bridge that is there.
    pub(super) fn handle(
        &mut self,
        used: &[BridgeId],
        view: &BTreeMap<String, u64>,
        now: Micros,
    ) -> Vec<Input> {
        let used: BTreeSet<&BridgeId> = used.iter().collect();
        self.links.retain(|bridge, _| used.contains(bridge));
        let mut inputs = Vec::new();
        for bridge in used {
            let join = view.get(&bridge.0).copied();
            let substitute = view.keys().any(|id| *id != bridge.0);
            let first = join.map_or(Link::Away(now + BRIDGE_GRACE), Link::Up);
            let link = self.links.entry(bridge.clone()).or_insert(first);
            let next = match (join, *link) {
                (Some(join), _) => Link::Up(join),
                (None, Link::Up(_)) => Link::Away(now + BRIDGE_GRACE),
                (None, Link::Away(until)) if now >= until && substitute => Link::Lost,
                (None, Link::Away(until)) if now >= until => Link::Away(now + BRIDGE_GRACE),
                (None, same) => same,
            };
            match (*link, next) {
                (Link::Up(old), Link::Up(new)) if old == new => {}
                (_, Link::Up(_)) => inputs.push(Input::BridgeUp { bridge: bridge.clone() }),
                (Link::Lost, _) | (_, Link::Away(_)) => {}
                (_, Link::Lost) => inputs.push(Input::BridgeLost { bridge: bridge.clone() }),
            }
            *link = next;
        }
        inputs
    }

    /// Those that have joined since the last call.
    pub(super) fn arrivals(&mut self, view: &BTreeMap<String, u64>) -> Vec<BridgeId> {
        let new = view.iter().filter(|(id, join)| self.seen.get(*id) != Some(*join));
        let new = new.map(|(id, _)| BridgeId(id.clone())).collect();
        self.seen.clone_from(view);
        new
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        let away = self.links.values().filter_map(|link| match link {
            Link::Away(until) => Some(*until),
            Link::Up(_) | Link::Lost => None,
        });
        away.min()
    }
}
