//! The bridges that are logged in, what they were asked, and what the effects of a meeting ask for.

use std::collections::BTreeMap;

use colibri::ConferenceModify;
use meeting::{BridgeId, Effect, Input, Reach};

use super::{Shard, Timer};
use crate::fact::Fact;
use crate::limits::{BRIDGE_ANSWER_TIME, SILENCE_MAX};
use crate::node::{Cx, Item, MS, Micros, Wire};

#[derive(Debug, Default)]
pub(super) struct Fleet {
    bridges: BTreeMap<String, Login>,
    /// by the number of the request
    waiting: BTreeMap<u64, Waiting>,
    joins: u64,
    /// the last request of each meeting
    last: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Login {
    wire: Wire,
    join: u64,
    heard: Micros,
    /// meetings that it was picked for
    picked: u32,
}

#[derive(Debug)]
struct Waiting {
    room: String,
    bridge: BridgeId,
    id: u64,
}

impl Fleet {
    pub(super) fn silent(&self, now: Micros) -> Vec<Wire> {
        let silent = self.bridges.values().filter(|login| login.heard + SILENCE_MAX / 12 < now);
        silent.map(|login| login.wire).collect()
    }

    pub(super) fn forget_all(&mut self, room: &str) {
        self.waiting.retain(|_, waiting| waiting.room != room);
    }

    pub(super) fn wires(&self) -> Vec<Wire> {
        self.bridges.values().map(|login| login.wire).collect()
    }

    fn view(&self) -> BTreeMap<String, Reach> {
        let reach = |login: &Login| Reach { join: login.join, leaving: false };
        self.bridges.iter().map(|(id, login)| (id.clone(), reach(login))).collect()
    }

    fn pick(&mut self, avoid: &[BridgeId]) -> Option<BridgeId> {
        let bridges: Vec<placement::Bridge> = self
            .bridges
            .iter()
            .map(|(id, login)| placement::Bridge {
                id: id.clone(),
                stress: 0.0,
                recent: login.picked,
                stress_per_participant: 0.01,
                draining: false,
                shutting_down: false,
                healthy: true,
                region: None,
            })
            .collect();
        let avoid: Vec<_> = avoid.iter().map(|bridge| bridge.0.as_str()).collect();
        let picked = placement::pick_bridge(&bridges, &avoid)?.id.clone();
        if let Some(login) = self.bridges.get_mut(&picked) {
            login.picked += 1;
        }
        Some(BridgeId(picked))
    }
}

impl Shard {
    /// What no shard may do.
    pub(super) fn expire_everywhere(&mut self, cx: &mut Cx<'_>, room: &str) {
        let last = self.fleet.last.get(room).and_then(|text| ConferenceModify::from_text(text).ok());
        let Some(mut request) = last else { return };
        (request.create, request.expire, request.name) = (false, true, None);
        request.endpoints.clear();
        for wire in self.fleet.wires() {
            cx.send(wire, Item::Modify { id: 0, text: request.to_text() });
        }
    }

    pub(super) fn bridge_came(&mut self, cx: &mut Cx<'_>, wire: Wire, bridge: String) {
        self.fleet.joins += 1;
        let login = Login { wire, join: self.fleet.joins, heard: cx.now, picked: 0 };
        if let Some(former) = self.fleet.bridges.insert(bridge, login) {
            cx.drop(former.wire);
        }
        self.look_at_all(cx);
    }

    pub(super) fn bridge_said(&mut self, cx: &mut Cx<'_>, wire: Wire, item: Item) {
        let Some(login) = self.fleet.bridges.values_mut().find(|login| login.wire == wire) else { return };
        login.heard = cx.now;
        match item {
            // the shard pings, too
            Item::Text(_) => cx.text(wire, "pong"),
            Item::Modified { id, text } => self.bridge_answered(cx, id, Some(text)),
            _ => {}
        }
    }

    pub(super) fn bridge_left(&mut self, cx: &mut Cx<'_>, wire: Wire) {
        let before = self.fleet.bridges.len();
        self.fleet.bridges.retain(|_, login| login.wire != wire);
        if self.fleet.bridges.len() != before {
            self.look_at_all(cx);
        }
    }

    pub(super) fn bridge_is_silent(&mut self, cx: &mut Cx<'_>, ask: u64) {
        self.bridge_answered(cx, ask, None);
    }

    fn bridge_answered(&mut self, cx: &mut Cx<'_>, ask: u64, answer: Option<String>) {
        let Some(Waiting { room, bridge, id }) = self.fleet.waiting.remove(&ask) else { return };
        if let Some(owner) = self.owners.get_mut(&room) {
            owner.inbox.push_back(Input::BridgeAnswered { bridge, id, answer });
            self.settle(cx, &room);
        }
    }

    fn look_at_all(&mut self, cx: &mut Cx<'_>) {
        for room in self.owners.keys().cloned().collect::<Vec<_>>() {
            self.look_at_bridges(cx, &room);
            self.settle(cx, &room);
        }
    }

    pub(super) fn look_at_bridges(&mut self, cx: &mut Cx<'_>, room: &str) {
        let view = self.fleet.view();
        let Some(owner) = self.owners.get_mut(room) else { return };
        let used = owner.machine().summary().bridges;
        let mut inputs = owner.links.handle(&used, &view, owner.millis(cx.now));
        for bridge in owner.links.arrivals(&view) {
            if owner.machine().awaits(&bridge) {
                inputs.push(Input::BridgeUp { bridge });
            }
        }
        owner.inbox.extend(inputs);
        let (number, deadline) = (owner.number, owner.links.deadline());
        if let Some(deadline) = deadline {
            let after = deadline.saturating_sub(owner.millis(cx.now)) * MS + 1;
            self.timer(cx, after, Timer::Links { room: room.to_owned(), number });
        }
    }

    pub(super) fn obey(&mut self, cx: &mut Cx<'_>, room: &str, effect: Effect) {
        let Some(owner) = self.owners.get_mut(room) else { return };
        match effect {
            Effect::Send { conn, text } => {
                if let Some(wire) = owner.conns.get(&conn) {
                    cx.text(*wire, text);
                }
            }
            Effect::Close { conn, .. } => {
                if let Some(wire) = owner.conns.remove(&conn) {
                    self.conns.remove(&wire);
                    cx.drop(wire);
                }
            }
            Effect::PickBridge { avoid } => {
                owner.own.push_back(Input::BridgePicked { bridge: self.fleet.pick(&avoid) });
            }
            Effect::AskBridge { bridge, id, text } => self.ask_bridge(cx, room, bridge, id, text),
            Effect::Fact(fact) => cx.fact(Fact::Note(format!("{room}: {fact:?}"))),
            Effect::Answer { .. } | Effect::Ended => {}
        }
    }

    fn ask_bridge(&mut self, cx: &mut Cx<'_>, room: &str, bridge: BridgeId, id: u64, text: String) {
        let ask = cx.id();
        self.fleet.last.insert(room.to_owned(), text.clone());
        if let Some(login) = self.fleet.bridges.get(&bridge.0) {
            cx.send(login.wire, Item::Modify { id: ask, text });
            self.fleet.waiting.insert(ask, Waiting { room: room.to_owned(), bridge, id });
            self.timer(cx, BRIDGE_ANSWER_TIME, Timer::Bridge { ask });
        } else if let Some(owner) = self.owners.get_mut(room) {
            owner.own.push_back(Input::BridgeAnswered { bridge, id, answer: None });
        }
        self.look_at_bridges(cx, room);
    }
}
