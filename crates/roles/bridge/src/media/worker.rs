//! The loop of one media thread: everything that arrives goes into the machine, everything it yields goes out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use service::clock::Clock;
use sfu::{Event, Sfu, SocketId, Transmit};
use tokio::sync::mpsc::error::TryRecvError;

use super::addresses::Addresses;
use super::batch;
use super::door::{Answer, Bell, Board, Command, Posting, Queues};
use super::handover::{Exchange, Lost};
use super::outbox::{Frame, Outbox, Undelivered};
use super::port::{Inbox, Port};
use super::routes::Routes;
use super::tally::{Count, Tally};
use crate::limits::{
    COMMANDS_PER_TURN, PARCELS_PER_TURN, PUBLISH_INTERVAL, RECEIVES_PER_TURN, ROUTES_MAX, SLEEP_MAX,
    TRANSMITS_PER_FLUSH,
};

/// What a media thread is made of.
pub(super) struct Worker {
    index: u8,
    sfu: Sfu,
    port: Port,
    addresses: Addresses,
    routes: Routes,
    exchange: Exchange,
    queues: Queues,
    outboxes: BTreeMap<SocketId, Outbox>,
    poll: mio::Poll,
    bell: Arc<Bell>,
    board: Arc<Board>,
    tally: Tally,
    transmits: Vec<Transmit>,
    /// the socket may hold datagrams that no event will tell of again
    readable: bool,
    stopping: bool,
    published: Instant,
}

/// What the rest of the process holds the other ends of.
pub(super) struct Parts {
    pub(super) config: sfu::Config,
    pub(super) port: Port,
    pub(super) addresses: Addresses,
    pub(super) exchange: Exchange,
    pub(super) queues: Queues,
    pub(super) poll: mio::Poll,
    pub(super) bell: Arc<Bell>,
    pub(super) board: Arc<Board>,
}

impl Worker {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            index: parts.config.worker,
            sfu: Sfu::new(parts.config),
            port: parts.port,
            addresses: parts.addresses,
            routes: Routes::new(ROUTES_MAX),
            exchange: parts.exchange,
            queues: parts.queues,
            outboxes: BTreeMap::new(),
            poll: parts.poll,
            bell: parts.bell,
            board: parts.board,
            tally: Tally::default(),
            transmits: Vec::with_capacity(TRANSMITS_PER_FLUSH),
            readable: true,
            stopping: false,
            published: Clock.now(),
        }
    }

    /// Until told to stop.
    pub(super) fn run(mut self) {
        let mut inbox = Inbox::new();
        let mut events = mio::Events::with_capacity(8);
        while !self.stopping {
            self.bell.hush();
            let now = Clock.now();
            self.learn_routes();
            let mut busy = self.receive(&mut inbox, now);
            busy |= self.take_parcels(now);
            busy |= self.take_commands(now);
            if self.sfu.poll_timeout().is_some_and(|due| due <= now) {
                self.sfu.handle_timeout(now);
            }
            self.obey();
            self.exchange.ring();
            self.publish(now);
            if !busy {
                self.sleep(&mut events);
            }
            // One receive call too many is cheaper than a lost edge.
            self.readable = true;
        }
    }

    /// `true`: there may be more.
    fn receive(&mut self, inbox: &mut Inbox, now: Instant) -> bool {
        for _ in 0..RECEIVES_PER_TURN {
            if !self.readable {
                return false;
            }
            match self.port.receive(inbox) {
                Ok(0) => self.readable = false,
                Ok(filled) => {
                    for datagram in inbox.datagrams(filled) {
                        let destination = self.addresses.candidate_of(datagram.local, datagram.source);
                        self.route(now, datagram.source, destination, datagram.payload);
                    }
                }
                Err(e) => {
                    // Whatever it is, the next datagram makes the socket readable again.
                    tracing::debug!(error = %e, "receiving failed");
                    self.tally.add(Count::ReceiveErrors, 1);
                    self.readable = false;
                }
            }
        }
        self.readable
    }

    fn route(&mut self, now: Instant, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let named = if self.exchange.is_alone() { None } else { sfu::worker_of(payload) };
        let owner = named.or_else(|| self.routes.owner(source)).unwrap_or(self.index);
        if owner == self.index {
            let accepted = self.sfu.handle_datagram(now, source, destination, payload);
            if accepted && named.is_some() {
                self.routes.learn(source, owner);
            }
            return;
        }
        let count = match self.exchange.hand_over(owner, source, destination, payload) {
            Ok(()) => Count::HandedOver,
            Err(Lost::Full) => Count::HandoverLost,
            Err(Lost::Oversize) => Count::HandoverOversize,
        };
        self.tally.add(count, 1);
    }

    fn learn_routes(&mut self) {
        while let Some(receipt) = self.exchange.next_receipt() {
            if receipt.accepted {
                self.routes.learn(receipt.source, receipt.owner);
            } else {
                self.routes.forget(receipt.source, receipt.owner);
            }
        }
    }

    fn take_parcels(&mut self, now: Instant) -> bool {
        for _ in 0..PARCELS_PER_TURN {
            let Some(parcel) = self.exchange.next_parcel() else { return false };
            let accepted = self.sfu.handle_datagram(now, parcel.source, parcel.destination, &parcel.payload);
            self.exchange.give_back(parcel, accepted);
        }
        true
    }

    fn take_commands(&mut self, now: Instant) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            let next = match self.queues.focus.try_recv() {
                Err(TryRecvError::Empty) => self.queues.sockets.try_recv(),
                other => other,
            };
            match next {
                Ok(command) => self.command(now, command),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return false;
                }
            }
        }
        true
    }

    fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Request { ticket, request, answers } => {
                let result = self.sfu.handle_request(now, &request);
                // The channel has room for all that may be outstanding; a closed one means the stream is gone.
                let _ = answers.try_send(Answer { ticket, result });
            }
            Command::OpenSocket { socket, conference, endpoint, password, outbox, accepted } => {
                let good = self.sfu.handle_websocket(now, socket, &conference, &endpoint, &password);
                if good {
                    self.outboxes.insert(socket, outbox);
                }
                let _ = accepted.send(good);
            }
            Command::SocketMessage { socket, text } => {
                if self.outboxes.contains_key(&socket) {
                    self.sfu.handle_websocket_message(now, socket, &text);
                }
            }
            Command::SocketClosed { socket } => self.drop_socket(socket),
            Command::Stop => self.stopping = true,
        }
    }

    fn drop_socket(&mut self, socket: SocketId) {
        if self.outboxes.remove(&socket).is_some() {
            self.sfu.handle_websocket_closed(socket);
        }
    }

    /// Carries out what the machine wants, until it wants nothing more.
    fn obey(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(event) = self.sfu.poll_event() {
                self.event(event);
                quiet = false;
            }
            while self.transmits.len() < TRANSMITS_PER_FLUSH
                && let Some(transmit) = self.sfu.poll_transmit()
            {
                self.transmits.push(transmit);
            }
            if self.transmits.is_empty() {
                if quiet {
                    return;
                }
                continue;
            }
            batch::sort_by_destination(&mut self.transmits);
            let sent = self.port.send(&self.transmits, &self.addresses);
            self.transmits.clear();
            self.tally.add(Count::SegmentedSends, sent.segmented);
            self.tally.add(Count::SendErrors, sent.errors);
            self.tally.add(Count::SendLost, sent.lost);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::WebSocketSend { socket, text } => self.frame(socket, Frame::Text(text)),
            Event::WebSocketClose { socket, code, reason } => {
                self.frame(socket, Frame::Close { code, reason });
                self.drop_socket(socket);
            }
            Event::Fact(fact) => self.tally.add(fact.into(), 1),
        }
    }

    fn frame(&mut self, socket: SocketId, frame: Frame) {
        let Some(outbox) = self.outboxes.get(&socket) else { return };
        let Err(undelivered) = outbox.push(frame) else { return };
        if undelivered == Undelivered::Full {
            self.tally.add(Count::SocketsShed, 1);
        }
        // The client's task sees its outbox end and closes the socket.
        self.drop_socket(socket);
    }

    fn publish(&mut self, now: Instant) {
        self.board.turned(now);
        if now.saturating_duration_since(self.published) >= PUBLISH_INTERVAL {
            self.published = now;
            self.board.post(Posting { stats: self.sfu.stats(), tally: self.tally });
            self.sweep_sockets();
        }
    }

    /// A task that ended without a word, because the queue was full, leaves a closed outbox behind.
    fn sweep_sockets(&mut self) {
        let closed: Vec<_> =
            self.outboxes.iter().filter(|(_, outbox)| outbox.is_gone()).map(|(socket, _)| *socket).collect();
        for socket in closed {
            self.drop_socket(socket);
        }
    }

    fn sleep(&mut self, events: &mut mio::Events) {
        let now = Clock.now();
        let due = self.sfu.poll_timeout().map_or(SLEEP_MAX, |due| due.saturating_duration_since(now));
        // A whole millisecond at least: what is due already was just served, and the kernel counts in milliseconds.
        let sleep = due.clamp(Duration::from_millis(1), SLEEP_MAX);
        if let Err(e) = self.poll.poll(events, Some(sleep))
            && e.kind() != std::io::ErrorKind::Interrupted
        {
            tracing::warn!(error = %e, "waiting for datagrams failed");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
