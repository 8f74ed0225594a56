//! The loop of one media thread: orders, datagrams and timers go into the machines, datagrams come out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use participant::media::{Command, Peer, Session, Settings, Traffic};
use participant::{Author, Time};
use tokio::sync::mpsc::UnboundedSender;

use super::flow::{Totals, Window};
use super::outcome::Outcome;
use super::socket::{Inbox, Socket};
use crate::limits::{BATCHES_MAX, MEDIA_SHOW_INTERVAL, MEDIA_SLEEP_MAX};
use crate::run::Now;

/// The token by which orders are told of.
pub(super) const BELL: Token = Token(usize::MAX);
const EVENTS: usize = 256;

/// Orders are obeyed one after the other.
pub(super) enum Order {
    Enter(Author, Arc<Settings>, u64, UnboundedSender<()>),
    Tell(Author, Command),
    Leave(Author),
    Finish,
}

pub(super) struct Worker {
    now: Now,
    orders: Receiver<Order>,
    poll: Poll,
    seats: BTreeMap<usize, Seat>,
    tokens: BTreeMap<Author, usize>,
    next: usize,
    timers: BTreeSet<(Time, usize)>,
    /// sockets that may hold more than was read
    full: BTreeSet<usize>,
    finished: bool,
    outcome: Outcome,
    /// those of peers that are gone are in it, packets of the others not
    totals: Totals,
    window: Window,
    show_at: Time,
}

struct Seat {
    peer: Peer,
    socket: Option<Socket>,
    timer: Option<Time>,
    /// to the signalling half
    failures: UnboundedSender<()>,
}

impl Worker {
    pub(super) fn new(now: Now, orders: Receiver<Order>, poll: Poll, window: Window) -> Self {
        Self {
            now,
            orders,
            poll,
            seats: BTreeMap::new(),
            tokens: BTreeMap::new(),
            next: 0,
            timers: BTreeSet::new(),
            full: BTreeSet::new(),
            finished: false,
            outcome: Outcome::default(),
            totals: Totals::default(),
            window,
            show_at: Time::ZERO,
        }
    }

    /// Until nobody can order anything any more.
    pub(super) fn run(mut self) -> Outcome {
        let (mut events, mut inbox) = (Events::with_capacity(EVENTS), Inbox::new());
        while self.obey() {
            let wait = self.wait();
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                break;
            }
            let mut readable = std::mem::take(&mut self.full);
            readable
                .extend(events.iter().map(|event| event.token()).filter(|token| *token != BELL).map(|t| t.0));
            for token in readable {
                self.receive(token, &mut inbox);
            }
            self.wake();
            self.show();
        }
        let now = self.now.get();
        let records = self.seats.values().map(|seat| seat.peer.record(now));
        self.outcome.records.extend(records);
        self.outcome
    }

    /// `false`: this was the last of them.
    fn obey(&mut self) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Enter(author, settings, seed, failures)) => {
                    self.enter(author, Peer::new(settings, author, seed), failures);
                }
                Ok(Order::Tell(author, command)) => self.tell(author, command),
                Ok(Order::Leave(author)) => self.leave(author),
                Ok(Order::Finish) => self.finish(),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn enter(&mut self, author: Author, mut peer: Peer, failures: UnboundedSender<()>) {
        if self.finished {
            peer.finish(self.now.get());
        }
        let token = self.next;
        self.next += 1;
        self.tokens.insert(author, token);
        self.seats.insert(token, Seat { peer, socket: None, timer: None, failures });
    }

    fn leave(&mut self, author: Author) {
        let Some(token) = self.tokens.remove(&author) else { return };
        let Some(mut seat) = self.seats.remove(&token) else { return };
        seat.timer.into_iter().for_each(|at| self.unset(at, token));
        let (media, lost) = seat.peer.so_far();
        self.totals.media = self.totals.media.and(media);
        self.totals.lost += lost;
        self.outcome.delays(seat.peer.delays(), &mut self.totals.delay);
        self.outcome.records.push(seat.peer.record(self.now.get()));
    }

    fn finish(&mut self) {
        self.finished = true;
        let now = self.now.get();
        self.seats.values_mut().for_each(|seat| seat.peer.finish(now));
    }

    fn tell(&mut self, author: Author, command: Command) {
        let Some(token) = self.tokens.get(&author).copied() else { return };
        let (now, Some(seat)) = (self.now.get(), self.seats.get_mut(&token)) else { return };
        match command {
            Command::Begin(session) => self.begin(token, session),
            Command::Expect(sources) => seat.peer.expect(now, &sources),
            Command::Forget(sources) => seat.peer.forget(now, &sources),
            Command::Left(endpoint) => seat.peer.handle_left(now, &endpoint),
            Command::Limit { source, height } => seat.peer.limit(&source, height),
            Command::End => {
                seat.peer.end(now);
                seat.socket = None;
            }
        }
        self.settle(token);
    }

    /// With a socket that nobody used before, as a browser has one.
    fn begin(&mut self, token: usize, session: Box<Session>) {
        let (now, Some(seat)) = (self.now.get(), self.seats.get_mut(&token)) else { return };
        let opened = Socket::open(&session).and_then(|(mut socket, local)| {
            self.poll.registry().register(socket.source(), Token(token), Interest::READABLE)?;
            Ok((socket, local))
        });
        match opened {
            Ok((socket, local)) => {
                seat.socket = Some(socket);
                seat.peer.begin(now, session, local);
            }
            Err(error) => {
                seat.socket = None;
                seat.peer.end(now);
                self.outcome.no_socket(&error);
            }
        }
    }

    fn receive(&mut self, token: usize, inbox: &mut Inbox) {
        for _ in 0..BATCHES_MAX {
            let Some(seat) = self.seats.get_mut(&token) else { return };
            let Some(socket) = &seat.socket else { return };
            let filled = socket.receive(inbox);
            if filled == 0 {
                return;
            }
            let now = self.now.get();
            for (from, datagram) in inbox.datagrams(filled) {
                self.totals.received_bytes += datagram.len() as u64;
                seat.peer.handle_datagram(now, from, datagram);
            }
            self.settle(token);
        }
        self.full.insert(token);
    }

    /// Everybody whose time has come.
    fn wake(&mut self) {
        let now = self.now.get();
        while let Some((due, token)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.timers.pop_first();
            self.outcome.lag(now - due);
            if let Some(seat) = self.seats.get_mut(&token) {
                seat.timer = None;
                seat.peer.handle_timeout(now);
            }
            self.settle(token);
        }
    }

    /// Sends what there is, and sets the timer anew.
    fn settle(&mut self, token: usize) {
        let Some(seat) = self.seats.get_mut(&token) else { return };
        let mut transmits = Vec::new();
        while let Some(transmit) = seat.peer.poll_transmit() {
            transmits.push(transmit);
        }
        if let Some(socket) = &mut seat.socket {
            self.totals.sent_bytes += transmits.iter().map(|sent| sent.payload.len() as u64).sum::<u64>();
            self.outcome.unsent += socket.send(&transmits);
        }
        self.outcome.delays(seat.peer.delays(), &mut self.totals.delay);
        if seat.peer.poll_failure() {
            // whoever does not hear it is gone
            let _ = seat.failures.send(());
        }
        // what is due already is served with the next turn
        let timer = seat.peer.poll_timeout();
        if timer != seat.timer {
            let old = std::mem::replace(&mut seat.timer, timer);
            old.into_iter().for_each(|at| self.unset(at, token));
            self.timers.extend(timer.map(|at| (at, token)));
        }
    }

    /// What flowed so far, once in a while.
    fn show(&mut self) {
        let now = self.now.get();
        if now < self.show_at {
            return;
        }
        self.show_at = now + MEDIA_SHOW_INTERVAL;
        let there = self.seats.values().map(|seat| seat.peer.so_far());
        let none = (Traffic::default(), 0);
        let (media, lost) = there.fold(none, |all, one| (all.0.and(one.0), all.1 + one.1));
        let delay = std::mem::take(&mut self.totals.delay);
        let mut totals = Totals { delay, ..self.totals.clone() };
        totals.media = totals.media.and(media);
        totals.lost += lost;
        self.window.show(&mut totals);
    }

    fn unset(&mut self, at: Time, token: usize) {
        self.timers.remove(&(at, token));
    }

    fn wait(&self) -> Duration {
        if !self.full.is_empty() {
            return Duration::ZERO;
        }
        let due = self.timers.first().map_or(MEDIA_SLEEP_MAX, |(due, _)| due.saturating_sub(self.now.get()));
        due.min(MEDIA_SLEEP_MAX)
    }
}
