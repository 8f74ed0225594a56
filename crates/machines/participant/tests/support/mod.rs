//! A whole deployment without a socket: the real meeting machine, a network with cuts, and a clock that leaps.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod bridges;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bridges::Bridges;
use meeting::{BridgeId, ConnId, Effect, Entry, Input, Meeting, RequestId};
use participant::{Author, Closing, End, Fact, Output, Participant, Record, Settings, Time};
use xmpp::c2s::{Access, Ends, Framing, Negotiation, Step};

pub(crate) const DOMAIN: &str = "meet.example";
pub(crate) const ROOM: &str = "demo@conference.meet.example";
const BEGIN_MS: u64 = 1_795_194_181_000;

pub(crate) fn at(seconds: f64) -> Time {
    Duration::from_secs_f64(seconds)
}

pub(crate) fn settings() -> Settings {
    Settings { run: "t".to_owned(), ..Settings::new(DOMAIN, ROOM) }
}

/// One participant, its socket, and what it told.
pub(crate) struct Seat {
    pub(crate) participant: Participant,
    socket: Socket,
    pub(crate) facts: Vec<(Time, Fact)>,
    /// `previd` of each socket that it asked for
    pub(crate) connects: Vec<(Time, Option<String>)>,
    /// frames both ways are swallowed, and nobody is told
    pub(crate) deaf: bool,
}

enum Socket {
    None,
    Negotiating(Negotiation),
    Bound(ConnId),
}

pub(crate) struct World {
    meeting: Meeting,
    pub(crate) now: Time,
    entries: u64,
    conns: u64,
    pub(crate) seats: BTreeMap<u32, Seat>,
    /// nobody can connect
    pub(crate) down: Option<Closing>,
    /// none, unless a test opens some
    pub(crate) bridges: Bridges,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            meeting: Meeting::new("demo"),
            now: Time::ZERO,
            entries: 0,
            conns: 0,
            seats: BTreeMap::new(),
            down: None,
            bridges: Bridges::default(),
        };
        world.own();
        world
    }

    pub(crate) fn join(&mut self, number: u32, settings: &Settings) {
        let author = Author { participant: number, attendance: 0 };
        let participant = Participant::new(Arc::new(settings.clone()), author, 7, self.now);
        if let Some(media) = &settings.media {
            self.bridges.seat(author, media);
        }
        let seat =
            Seat { participant, socket: Socket::None, facts: Vec::new(), connects: Vec::new(), deaf: false };
        self.seats.insert(number, seat);
        self.settle();
    }

    /// Another shard owns the meeting, and every socket breaks.
    pub(crate) fn take_over(&mut self) {
        self.own();
        for number in self.numbers() {
            self.seat(number).socket = Socket::None;
            self.seat(number).deaf = false;
            self.with(number, |participant, now| participant.handle_closed(now, Closing::Broken));
        }
        self.settle();
    }

    /// The network takes a socket away, and both sides notice.
    pub(crate) fn cut(&mut self, number: u32) {
        self.hang_up(number);
        self.seat(number).deaf = false;
        self.with(number, |participant, now| participant.handle_closed(now, Closing::Broken));
        self.settle();
    }

    pub(crate) fn run(&mut self, seconds: f64) {
        let until = self.now + at(seconds);
        while let Some(next) = self.next_deadline().filter(|next| *next <= until) {
            self.now = next.max(self.now);
            if self.meeting.deadline().is_some_and(|deadline| deadline <= self.millis()) {
                self.apply(Input::Tick);
            }
            for number in self.numbers() {
                let due = self.seat(number).participant.poll_timeout().is_some_and(|at| at <= self.now);
                if due {
                    self.with(number, Participant::handle_timeout);
                }
            }
            for number in self.bridges.advance(self.now) {
                self.with(number, Participant::handle_media_failed);
            }
            self.settle();
        }
        self.now = until;
    }

    /// Everybody stops, hears the rest, and goes.
    pub(crate) fn conclude(&mut self) -> Vec<Record> {
        for number in self.numbers() {
            self.with(number, Participant::finish);
        }
        self.run(1.0);
        for number in self.numbers() {
            self.with(number, Participant::conclude);
        }
        self.settle();
        let now = self.now;
        self.seats.values().map(|seat| seat.participant.record(now)).collect()
    }

    pub(crate) fn frame(&mut self, number: u32, text: &str) {
        self.with(number, |participant, now| participant.handle_frame(now, text));
        self.settle();
    }

    pub(crate) fn with(&mut self, number: u32, act: impl FnOnce(&mut Participant, Time)) {
        let now = self.now;
        act(&mut self.seat(number).participant, now);
    }

    pub(crate) fn seat(&mut self, number: u32) -> &mut Seat {
        self.seats.get_mut(&number).expect("somebody sits there")
    }

    pub(crate) fn record(&mut self, number: u32) -> Record {
        let now = self.now;
        self.seat(number).participant.record(now)
    }

    pub(crate) fn is_joined(&mut self, number: u32) -> bool {
        self.seat(number).participant.is_joined()
    }

    pub(crate) fn end(&mut self, number: u32) -> Option<End> {
        self.seat(number).facts.iter().find_map(|(_, fact)| match fact {
            Fact::Over(end) => Some(end.clone()),
            _ => None,
        })
    }

    pub(crate) fn occupants_of_the_room(&self) -> usize {
        self.meeting.summary().participants.len()
    }

    fn numbers(&self) -> Vec<u32> {
        self.seats.keys().copied().collect()
    }

    /// Obeys until nobody has anything to say.
    pub(crate) fn settle(&mut self) {
        loop {
            while let Some((number, output)) = self.next_output() {
                self.obey(number, output);
            }
            let heard = self.bridges.heard();
            if heard.is_empty() {
                return;
            }
            for (number, heard) in heard {
                self.with(number, |participant, now| match heard {
                    Ok(text) => participant.handle_channel_text(now, &text),
                    Err(how) => participant.handle_channel_closed(now, &how),
                });
            }
        }
    }

    /// The bridge channel of this one breaks, and both sides notice.
    pub(crate) fn cut_channel(&mut self, number: u32) {
        assert!(self.bridges.close_channel(number), "there is none");
        self.with(number, |participant, now| participant.handle_channel_closed(now, &Closing::Broken));
        self.settle();
    }

    fn next_output(&mut self) -> Option<(u32, Output)> {
        self.seats.iter_mut().find_map(|(number, seat)| Some((*number, seat.participant.poll_output()?)))
    }

    fn obey(&mut self, number: u32, output: Output) {
        match output {
            Output::Fact(fact) => {
                let now = self.now;
                self.seat(number).facts.push((now, fact));
            }
            Output::Request(body) => {
                let request = RequestId(u64::from(number));
                self.apply(Input::ConferenceRequest { request, body });
            }
            Output::Connect { previd } => self.connect(number, previd),
            Output::Send(text) if !self.seat(number).deaf => self.deliver(number, &text),
            Output::Send(_) => {}
            Output::Media(command) => {
                let now = self.now;
                self.bridges.tell(now, number, command);
            }
            Output::OpenChannel(url) => {
                let now = self.now;
                let is_open = self.bridges.open_channel(now, number, &url);
                self.with(number, |participant, now| match is_open {
                    true => participant.handle_channel_open(now),
                    false => participant.handle_channel_closed(now, &Closing::Status(403)),
                });
            }
            Output::SayOnChannel(text) => {
                let now = self.now;
                self.bridges.say_on_channel(now, number, &text);
            }
            Output::CloseChannel => drop(self.bridges.close_channel(number)),
            Output::Drop => self.hang_up(number),
            Output::Close => {
                if let Socket::Bound(conn) = std::mem::replace(&mut self.seat(number).socket, Socket::None) {
                    self.apply(Input::Closed { conn });
                }
            }
        }
    }

    fn connect(&mut self, number: u32, previd: Option<String>) {
        let now = self.now;
        self.seat(number).connects.push((now, previd));
        if let Some(why) = self.down.clone() {
            return self.with(number, |participant, now| participant.handle_closed(now, why));
        }
        let negotiation = Negotiation::new(Framing::WebSocket, DOMAIN, Access::Guests, [1; 16]);
        self.seat(number).socket = Socket::Negotiating(negotiation);
        self.with(number, Participant::handle_connected);
    }

    fn deliver(&mut self, number: u32, text: &str) {
        match &mut self.seat(number).socket {
            Socket::None => {}
            Socket::Negotiating(negotiation) => {
                for step in negotiation.handle_frame(text) {
                    self.step(number, step);
                }
            }
            Socket::Bound(_) if text.starts_with("<close") => {}
            Socket::Bound(conn) => {
                let conn = *conn;
                self.apply(Input::Received { conn, text: text.to_owned() });
            }
        }
    }

    fn step(&mut self, number: u32, step: Step) {
        match step {
            Step::Send(text) => self.with(number, |participant, now| participant.handle_frame(now, &text)),
            Step::Ends(Ends::Bind { iq_id, .. }) => {
                let conn = self.bind(number);
                self.apply(Input::Bind { conn, iq_id });
            }
            Step::Ends(Ends::Resume { previd, h, told }) => {
                let conn = self.bind(number);
                self.apply(Input::Resume { conn, previd, h, told });
            }
            Step::Ends(Ends::Refused) | Step::Restart => panic!("{number}: refused"),
        }
    }

    fn bind(&mut self, number: u32) -> ConnId {
        self.conns += 1;
        let conn = ConnId(self.conns);
        self.seat(number).socket = Socket::Bound(conn);
        conn
    }

    fn hang_up(&mut self, number: u32) {
        if let Socket::Bound(conn) = std::mem::replace(&mut self.seat(number).socket, Socket::None) {
            self.apply(Input::Dropped { conn });
        }
    }

    /// A bridge dies without a word, and the shard hears of it this much later.
    pub(crate) fn kill_bridge(&mut self, name: &str, seconds: f64) {
        self.bridges.kill(name);
        self.run(seconds);
        self.apply(Input::BridgeLost { bridge: BridgeId(name.to_owned()) });
        self.settle();
    }

    fn own(&mut self) {
        let settings = meeting::Settings::for_domain(DOMAIN);
        self.apply(Input::Owner { shard: "s".to_owned(), settings });
    }

    fn apply(&mut self, input: Input) {
        self.entries += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.entries.to_be_bytes());
        let effects = self.meeting.apply(&Entry { at: self.millis(), seed, input });
        for effect in effects {
            match effect {
                Effect::Send { conn, text } => self.send(conn, &text),
                Effect::Answer { request, status, body } => {
                    let number = u32::try_from(request.0).expect("a seat");
                    self.with(number, |p, now| p.handle_answer(now, Ok((status, &body))));
                }
                Effect::PickBridge { avoid } => {
                    self.apply(Input::BridgePicked { bridge: self.bridges.pick(&avoid) });
                }
                Effect::AskBridge { bridge, id, text } => {
                    let answer = self.bridges.ask(self.now, &bridge, &text);
                    self.apply(Input::BridgeAnswered { bridge, id, answer });
                }
                Effect::Close { .. } | Effect::Ended | Effect::Fact(_) => {}
            }
        }
    }

    fn send(&mut self, conn: ConnId, text: &str) {
        let now = self.now;
        let holds = |seat: &&mut Seat| matches!(seat.socket, Socket::Bound(its) if its == conn) && !seat.deaf;
        if let Some(seat) = self.seats.values_mut().find(holds) {
            seat.participant.handle_frame(now, text);
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let meeting = self.meeting.deadline().map(|at| Time::from_millis(at.saturating_sub(BEGIN_MS)));
        let seats = self.seats.values().filter_map(|seat| seat.participant.poll_timeout());
        seats.chain(meeting).chain(self.bridges.next_deadline()).min()
    }

    fn millis(&self) -> u64 {
        BEGIN_MS + u64::try_from(self.now.as_millis()).expect("a short test")
    }
}
