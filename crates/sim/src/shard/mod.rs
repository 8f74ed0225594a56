//! A shard: the shell of `meeting`, modelled. It obeys the machines as the product's shell does, over this network.
//!
//! `door` is what comes in from outside (streams, heartbeats, adoptions) up to a meeting, `owner` one meeting's way
//! through the journal, `fleet` the bridges, `watch` the places as they change.

mod door;
mod fleet;
mod owner;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{Nodes, Place};

use crate::limits::{ANNOUNCE_INTERVAL, SILENCE_MAX};
use crate::mutation::Mutation;
use crate::node::{Ask, Cx, Event, Micros, News, Node, Request, Wire};
use door::{Claim, Conn};
use fleet::Fleet;
use owner::{End, Owner};

/// What a timer was set for.
#[derive(Debug)]
enum Timer {
    Announce,
    Claim {
        room: String,
    },
    /// of the owner with this number
    Owner {
        room: String,
        number: u64,
    },
    /// a bridge has not answered
    Bridge {
        ask: u64,
    },
    Links {
        room: String,
        number: u64,
    },
}

#[derive(Debug)]
pub(crate) struct Shard {
    me: Node,
    started: u64,
    draining: bool,
    conns: BTreeMap<Wire, Conn>,
    claims: BTreeMap<String, Claim>,
    owners: BTreeMap<String, Owner>,
    fleet: Fleet,
    places: BTreeMap<String, Place>,
    nodes: Arc<Nodes>,
    timers: BTreeMap<u64, Timer>,
    /// places that are given away
    handovers: BTreeMap<Ask, String>,
}

impl Shard {
    pub(crate) fn new(me: Node) -> Self {
        Self {
            me,
            started: 0,
            draining: false,
            conns: BTreeMap::new(),
            claims: BTreeMap::new(),
            owners: BTreeMap::new(),
            fleet: Fleet::default(),
            places: BTreeMap::new(),
            nodes: Arc::default(),
            timers: BTreeMap::new(),
            handovers: BTreeMap::new(),
        }
    }

    pub(crate) fn handle(&mut self, cx: &mut Cx<'_>, event: Event) {
        match event {
            Event::Started => {
                self.started = cx.wall_ms;
                self.announce(cx);
            }
            Event::Opened { wire, hello } => self.opened(cx, wire, hello),
            Event::Said { wire, item } => self.said(cx, wire, item),
            Event::Broken { wire } => self.broken(cx, wire),
            Event::Asked { ask, by, question } => self.asked(cx, ask, by, question),
            Event::Replied { .. } => {}
            Event::Answered { ask, answer } => self.answered(cx, ask, answer),
            Event::Heard(News::Place { meeting, place }) => self.heard_place(cx, meeting, place),
            Event::Heard(News::Nodes(nodes)) => self.nodes = nodes,
            Event::Timer(key) => {
                if let Some(timer) = self.timers.remove(&key) {
                    self.timeout(cx, timer);
                }
            }
        }
    }

    fn timeout(&mut self, cx: &mut Cx<'_>, timer: Timer) {
        match timer {
            Timer::Announce => {
                self.announce(cx);
                self.drop_silent(cx);
            }
            Timer::Claim { room } => self.claim_again(cx, &room),
            Timer::Bridge { ask } => self.bridge_is_silent(cx, ask),
            Timer::Owner { room, number } => self.with_owner(cx, &room, number, |owner, cx| owner.wake(cx)),
            Timer::Links { room, number } => {
                if self.owners.get(&room).is_some_and(|owner| owner.number == number) {
                    self.look_at_bridges(cx, &room);
                    self.settle(cx, &room);
                }
            }
        }
    }

    fn timer(&mut self, cx: &mut Cx<'_>, after: Micros, timer: Timer) {
        let key = cx.id();
        self.timers.insert(key, timer);
        cx.timer(after, key);
    }

    fn announce(&mut self, cx: &mut Cx<'_>) {
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let load = self.owners.len() as f64 / 100.0;
        cx.request(Request::Announce { draining: self.draining, load, started: self.started });
        self.timer(cx, ANNOUNCE_INTERVAL, Timer::Announce);
    }

    fn drop_silent(&mut self, cx: &mut Cx<'_>) {
        let silent = self.conns.iter().filter(|(_, conn)| conn.heard + SILENCE_MAX < cx.now);
        for wire in silent.map(|(wire, _)| *wire).collect::<Vec<_>>() {
            cx.drop(wire);
            self.broken(cx, wire);
        }
        for wire in self.fleet.silent(cx.now) {
            cx.drop(wire);
            self.broken(cx, wire);
        }
    }

    /// Does something with a meeting, unless that is over, and obeys what comes of it.
    fn with_owner(
        &mut self,
        cx: &mut Cx<'_>,
        room: &str,
        number: u64,
        act: impl FnOnce(&mut Owner, &mut Cx<'_>),
    ) {
        if let Some(owner) = self.owners.get_mut(room).filter(|owner| owner.number == number) {
            act(owner, cx);
            self.settle(cx, room);
        }
    }

    /// Obeys until nothing is left to do.
    fn settle(&mut self, cx: &mut Cx<'_>, room: &str) {
        loop {
            let Some(owner) = self.owners.get_mut(room) else { return };
            let worked = owner.step(cx);
            let effects = std::mem::take(&mut owner.effects);
            if !worked && effects.is_empty() {
                break;
            }
            for effect in effects {
                self.obey(cx, room, effect);
            }
        }
        let Some(owner) = self.owners.get_mut(room) else { return };
        let number = owner.number;
        let due = owner.due(cx.now);
        let end = owner.end.take();
        if let Some(after) = due {
            self.timer(cx, after, Timer::Owner { room: room.to_owned(), number });
        }
        if let Some(end) = end {
            self.end(cx, room, end);
        }
    }

    fn end(&mut self, cx: &mut Cx<'_>, room: &str, end: End) {
        let Some(owner) = self.owners.remove(room) else { return };
        cx.fact(crate::fact::Fact::Note(format!("{} lets go of {room}: {end:?}", self.me)));
        for wire in owner.conns.into_values() {
            self.conns.remove(&wire);
            cx.drop(wire);
        }
        self.fleet.forget_all(room);
        if cx.mutation == Some(Mutation::ZombieExpires) {
            self.expire_everywhere(cx, room);
        }
        let place = self.places.get(room).filter(|place| place.shard == self.me.to_string());
        if let (End::Over, Some(place)) = (end, place) {
            cx.request(Request::Vacate { meeting: room.to_owned(), expected: place.revision });
        }
    }
}
