//! A model client: what lib-jitsi-meet does with its connection, with that client's timers.
//!
//! It joins a room, says numbered lines, takes the Jingle session that it is offered, and leaves if the plan says so.
//! `stream` is its connection from the first header to the resumption, `retry` its timers, `room` what it says and
//! sees, `jingle` its session. It is as strict as the real one: what would break that is a [`Fact::Breach`].

mod jingle;
mod retry;
mod room;
mod stream;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::fact::{Fact, Invariant};
use crate::limits::{PING_INTERVAL, RELOAD_TIME};
use crate::node::{Cx, Event, Item, Micros, Node, SECOND, Wire};

pub(crate) use jingle::Session;

/// What a client is to do, and when.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) room: String,
    pub(crate) comes: Micros,
    pub(crate) leaves: Option<Micros>,
    /// the longest time between two lines
    pub(crate) pause: Micros,
    /// from then on it says nothing, but for a last line
    pub(crate) quiet: Micros,
    pub(crate) last_line: Micros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// not there yet, or gone
    Off,
    /// no connection; a timer runs
    Waiting,
    Connecting,
    Mechanisms,
    Success,
    Features,
    Binding,
    Enabling,
    Resuming,
    Up,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) number: usize,
    pub(crate) intent: Intent,
    routers: Vec<Node>,
    /// page loads; what is of a former one does not count
    pub(crate) page: u64,
    pub(crate) stage: Stage,
    pub(crate) joined: bool,
    pub(crate) done: bool,
    wire: Option<Wire>,
    /// tells timers of one connection from those of the next
    turn: u64,
    pub(crate) nick: String,
    jid: String,
    token: Option<String>,
    /// XEP-0198, as `strophe.stream-management.ts` has it
    received: u32,
    sent: u32,
    acked: u32,
    unacked: VecDeque<(String, Option<u64>)>,
    since_ack: u32,
    attempts: u32,
    ping_failures: u32,
    pinged: Option<String>,
    heard_since: bool,
    /// anything at all, last
    heard_at: Micros,
    ids: u64,
    asked_focus: Option<String>,
    /// nicks of all occupants but the focus
    pub(crate) roster: BTreeSet<String>,
    pub(crate) lines: u64,
    /// by nick: the last line shown
    pub(crate) heard: BTreeMap<String, u64>,
    pub(crate) session: Option<Session>,
    /// when its connection was lost, if it has none
    pub(crate) lost_at: Option<Micros>,
    pub(crate) reloads: u32,
}

const START: u64 = 0;
const SPEAK: u64 = 1;
const LEAVE: u64 = 2;
const LAST: u64 = 3;
/// and from here on: kind + 8 * turn
const PING: u64 = 4;
const PONG: u64 = 5;
const RETRY: u64 = 6;
const CONNECT: u64 = 7;

impl Client {
    pub(crate) fn new(number: usize, intent: Intent, routers: Vec<Node>) -> Self {
        Self {
            number,
            intent,
            routers,
            page: 0,
            stage: Stage::Off,
            joined: false,
            done: false,
            wire: None,
            turn: 0,
            nick: String::new(),
            jid: String::new(),
            token: None,
            received: 0,
            sent: 0,
            acked: 0,
            unacked: VecDeque::new(),
            since_ack: 0,
            attempts: 0,
            ping_failures: 0,
            pinged: None,
            heard_since: false,
            heard_at: 0,
            ids: 0,
            asked_focus: None,
            roster: BTreeSet::new(),
            lines: 0,
            heard: BTreeMap::new(),
            session: None,
            lost_at: None,
            reloads: 0,
        }
    }

    pub(crate) fn handle(&mut self, cx: &mut Cx<'_>, event: Event) {
        match event {
            Event::Started => self.plan(cx),
            Event::Said { wire, item } if self.wire == Some(wire) => self.hear(cx, item),
            Event::Broken { wire } if self.wire == Some(wire) => {
                self.wire = None;
                self.lose(cx);
            }
            Event::Timer(key) => self.wake(cx, key),
            _ => {}
        }
    }

    fn plan(&mut self, cx: &mut Cx<'_>) {
        cx.timer(self.intent.comes, START);
        cx.timer(self.intent.comes + SECOND, SPEAK);
        cx.timer(self.intent.last_line, LAST);
        if let Some(leaves) = self.intent.leaves {
            cx.timer(leaves, LEAVE);
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_>, key: u64) {
        match key {
            START => self.connect(cx),
            SPEAK => {
                self.speak(cx);
                if cx.now < self.intent.quiet {
                    let pause = cx.chance.between(self.intent.pause / 8, self.intent.pause);
                    cx.timer(pause, SPEAK);
                }
            }
            LAST => self.speak(cx),
            LEAVE => self.leave(cx),
            _ if key / 8 != self.turn => {}
            _ => match key % 8 {
                PING => self.ping(cx),
                PONG => self.miss(cx),
                RETRY => self.connect(cx),
                CONNECT if self.stage == Stage::Connecting => self.abandon(cx),
                _ => {}
            },
        }
    }

    /// Of the connection that there is now.
    fn timer(&self, cx: &mut Cx<'_>, after: Micros, kind: u64) {
        cx.timer(after, kind + 8 * self.turn);
    }

    /// Another page: nothing of the former one is left.
    fn reload(&mut self, cx: &mut Cx<'_>, why: &'static str) {
        if let Some(wire) = self.wire.take() {
            cx.drop(wire);
        }
        if self.token.is_some() {
            self.reloads += 1;
            let (lost, heard) = (self.lost_at.unwrap_or(cx.now), self.heard_at);
            cx.fact(Fact::Reloads { client: self.number, why, lost, heard });
        }
        let (number, routers) = (self.number, std::mem::take(&mut self.routers));
        let (turn, page, lines, reloads) = (self.turn + 1, self.page + 1, self.lines, self.reloads);
        *self = Self::new(number, self.intent.clone(), routers);
        (self.turn, self.page, self.lines, self.reloads) = (turn, page, lines, reloads);
        self.stage = Stage::Waiting;
        let pause = RELOAD_TIME + cx.chance.below(RELOAD_TIME);
        self.timer(cx, pause, RETRY);
    }

    fn breach(&self, cx: &mut Cx<'_>, invariant: Invariant, what: &str) {
        cx.fact(Fact::Breach(invariant, format!("client-{} ({}): {what}", self.number, self.nick)));
    }

    fn domain(&self) -> &'static str {
        crate::DOMAIN
    }

    fn room_jid(&self) -> String {
        format!("{}@conference.{}", self.intent.room, self.domain())
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("{}-{}-{}", self.number, self.page, self.ids)
    }

    fn begin_pings(&mut self, cx: &mut Cx<'_>) {
        (self.ping_failures, self.pinged, self.heard_since) = (0, None, true);
        self.timer(cx, PING_INTERVAL, PING);
    }

    fn put(&self, cx: &mut Cx<'_>, text: impl Into<String>) {
        if let Some(wire) = self.wire {
            cx.send(wire, Item::Text(text.into()));
        }
    }
}
