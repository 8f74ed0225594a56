//! What must leave the machine, what it counted, and when it wants to be woken.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use crate::demux::Route;
use crate::{Event, Fact, SocketId, Stats, Transmit};

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    pub(crate) stats: Stats,
    pub(crate) timers: Timers,
}

impl Outbox {
    pub(crate) fn transmit(&mut self, transmit: Transmit) {
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += transmit.payload.len() as u64;
        self.transmits.push_back(transmit);
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.events.push_back(Event::Fact(fact));
    }

    pub(crate) fn socket_text(&mut self, socket: SocketId, text: String) {
        self.events.push_back(Event::WebSocketSend { socket, text });
    }

    pub(crate) fn close_socket(&mut self, socket: SocketId, code: u16, reason: &'static str) {
        self.events.push_back(Event::WebSocketClose { socket, code, reason });
    }

    pub(crate) fn next_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

/// When endpoints want to be woken. A wake-up that moves later is left where it is and finds nothing to do, so the
/// table is touched once per wake-up and not once per packet.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Route)>);

impl Timers {
    /// `set` is where the caller keeps what is set now.
    pub(crate) fn wake(&mut self, route: Route, at: Instant, set: &mut Option<Instant>) {
        if set.is_some_and(|earlier| earlier <= at) {
            return;
        }
        self.clear(route, set);
        self.0.insert((at, route));
        *set = Some(at);
    }

    pub(crate) fn clear(&mut self, route: Route, set: &mut Option<Instant>) {
        if let Some(at) = set.take() {
            self.0.remove(&(at, route));
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The next endpoint that is due; the caller's note of it is then void.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Route> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, route)| route)
    }
}
