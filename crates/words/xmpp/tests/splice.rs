//! A client and a server that keep to XEP-0198, splices between them, and everything breaking at any moment.
//!
//! Links lose what is on its way. The server's state outlives its links, as that of a meeting in the journal does;
//! the client's outlives its sockets, and a new socket gets a new splice, as on another router.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the finding")]

use std::collections::VecDeque;

use proptest::prelude::*;
use xmpp::splice::{Action, Splice};
use xmpp::text::to_text;
use xmpp::{Element, elem, frame, ns, sm};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// the client, or the server, says a stanza
    ClientSays,
    ServerSays,
    /// ... or asks for an acknowledgement
    ClientAsks,
    ServerAsks,
    /// so many frames arrive at their end, of those that are on one of the four ways
    Arrive(Way, u8),
    /// the link between splice and server breaks
    LinkBreaks,
    /// another one stands
    LinkStands,
    /// the client's socket breaks; it comes back over another splice
    SocketBreaks,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    ClientToSplice,
    SpliceToServer,
    ServerToSplice,
    SpliceToClient,
}

const WAYS: [Way; 4] = [Way::ClientToSplice, Way::SpliceToServer, Way::ServerToSplice, Way::SpliceToClient];

/// One side's half of XEP-0198.
#[derive(Debug, Default)]
struct Half {
    /// before the first number
    base: u32,
    said: Vec<String>,
    /// of what was said, acknowledged by the other side
    acked: usize,
    heard: Vec<String>,
}

impl Half {
    fn say(&mut self, who: &str) -> String {
        let id = format!("{who}{}", self.said.len());
        let text = to_text(&elem("message", ns::CLIENT).attr("id", id.as_str()).build());
        self.said.push(id);
        text
    }

    fn h(&self) -> u32 {
        self.base.wrapping_add(u32::try_from(self.heard.len()).unwrap())
    }

    fn acknowledge(&mut self, h: u32) {
        let acked = usize::try_from(h.wrapping_sub(self.base)).unwrap();
        assert!(
            (self.acked..=self.said.len()).contains(&acked),
            "{h} of {} after {}",
            self.said.len(),
            self.acked
        );
        self.acked = acked;
    }

    fn unacked(&self) -> Vec<String> {
        let text = |id: &String| to_text(&elem("message", ns::CLIENT).attr("id", id.as_str()).build());
        self.said[self.acked..].iter().map(text).collect()
    }

    fn hear(&mut self, stanza: &Element) {
        self.heard.push(stanza.attr("id").unwrap().to_owned());
    }
}

/// How far a stream's negotiation is, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Connected,
    Authenticated,
    Resource,
    Live,
}

struct World {
    client: Half,
    server: Half,
    splice: Splice<String>,
    ways: [VecDeque<String>; 4],
    /// of the link that stands
    stage: Option<Stage>,
    /// of the client's socket
    client_is_live: bool,
    enabled: bool,
    resumes: usize,
}

impl World {
    fn new(base: u32) -> Self {
        let half = || Half { base, ..Half::default() };
        let mut world = Self {
            client: half(),
            server: half(),
            splice: Splice::new(),
            ways: Default::default(),
            stage: Some(Stage::Connected),
            client_is_live: false,
            enabled: false,
            resumes: 0,
        };
        world.log_in();
        world.settle();
        assert!(world.client_is_live);
        world
    }

    fn put(&mut self, way: Way, text: String) {
        self.ways[way as usize].push_back(text);
    }

    /// The client says what it says on a new socket, up to its resume or its bind.
    fn log_in(&mut self) {
        let open = || to_text(&elem("open", ns::FRAMING).attr("to", "meet.example").build());
        let auth = to_text(&elem("auth", ns::SASL).attr("mechanism", "ANONYMOUS").build());
        for text in [open(), auth, open()] {
            self.put(Way::ClientToSplice, text);
        }
        let last = if self.enabled || self.client.base != 0 {
            elem("resume", ns::SM).attr("h", self.client.h().to_string()).attr("previd", "T")
        } else {
            elem("enable", ns::SM).attr("resume", "true")
        };
        self.put(Way::ClientToSplice, to_text(&last.build()));
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::ClientSays => {
                let text = self.client.say("c");
                if self.client_is_live {
                    self.put(Way::ClientToSplice, text);
                }
            }
            Op::ServerSays => {
                let text = self.server.say("s");
                if self.stage == Some(Stage::Live) {
                    self.put(Way::ServerToSplice, text);
                }
            }
            Op::ClientAsks if self.client_is_live => self.put(Way::ClientToSplice, to_text(&sm::request())),
            Op::ServerAsks if self.stage == Some(Stage::Live) => {
                self.put(Way::ServerToSplice, to_text(&sm::request()));
            }
            Op::ClientAsks | Op::ServerAsks => {}
            Op::Arrive(way, count) => (0..count).for_each(|_| self.arrive(way)),
            Op::LinkBreaks => self.break_link(),
            Op::LinkStands if self.stage.is_none() => {
                self.stage = Some(Stage::Connected);
                self.splice.handle_connected();
                self.obey();
            }
            Op::LinkStands => {}
            Op::SocketBreaks => self.break_socket(),
        }
        self.splice.check_invariants();
    }

    fn break_link(&mut self) {
        self.ways[Way::SpliceToServer as usize].clear();
        self.ways[Way::ServerToSplice as usize].clear();
        if self.stage.take().is_some() {
            self.splice.handle_broken();
            self.obey();
        }
    }

    fn break_socket(&mut self) {
        self.ways = Default::default();
        self.stage = Some(Stage::Connected);
        self.client_is_live = false;
        self.splice = Splice::new();
        self.log_in();
    }

    fn obey(&mut self) {
        while let Some(action) = self.splice.poll_action() {
            match action {
                Action::ToServer(text) => self.put(Way::SpliceToServer, text),
                Action::ToClient(text) => self.put(Way::SpliceToClient, text),
                Action::Resumed => self.resumes += 1,
                // it was not protected yet
                Action::Drop(reason) => {
                    assert!(!self.client_is_live, "{reason}");
                    self.break_socket();
                }
            }
        }
    }

    fn arrive(&mut self, way: Way) {
        let is_blocked = matches!(way, Way::ClientToSplice) && !self.splice.takes_client();
        if is_blocked {
            return;
        }
        let Some(text) = self.ways[way as usize].pop_front() else { return };
        match way {
            Way::ClientToSplice => self.splice.handle_client(text),
            Way::ServerToSplice => self.splice.handle_server(text),
            Way::SpliceToServer => self.at_server(&frame::parse(&text).unwrap()),
            Way::SpliceToClient => self.at_client(&text),
        }
        self.obey();
    }

    fn at_server(&mut self, element: &Element) {
        let say = |world: &mut Self, text: String| world.put(Way::ServerToSplice, text);
        let stage = self.stage.unwrap();
        match (stage, element.name()) {
            (Stage::Connected, "open") => say(self, to_text(&elem("open", ns::FRAMING).build())),
            (Stage::Connected, "auth") => {
                self.stage = Some(Stage::Authenticated);
                say(self, to_text(&elem("success", ns::SASL).build()));
            }
            (Stage::Authenticated, "open") => {
                self.stage = Some(Stage::Resource);
                say(self, to_text(&elem("open", ns::FRAMING).build()));
            }
            (Stage::Resource, "enable") if self.server.heard.is_empty() => {
                self.stage = Some(Stage::Live);
                say(self, to_text(&sm::enabled(Some("T"), 90)));
                // what was said until then is sent now, as to anybody who comes
                self.server.unacked().into_iter().for_each(|text| say(self, text));
            }
            (Stage::Resource, "resume") => {
                self.server.acknowledge(element.attr("h").unwrap().parse().unwrap());
                self.stage = Some(Stage::Live);
                say(self, to_text(&sm::resumed(self.server.h(), "T", None)));
                self.server.unacked().into_iter().for_each(|text| say(self, text));
                say(self, to_text(&sm::request()));
            }
            (Stage::Live, "message") => self.server.hear(element),
            (Stage::Live, "r") => say(self, to_text(&sm::ack(self.server.h()))),
            (Stage::Live, "a") => self.server.acknowledge(element.attr("h").unwrap().parse().unwrap()),
            unexpected => panic!("{unexpected:?}"),
        }
    }

    fn at_client(&mut self, text: &str) {
        let element = frame::parse(text).unwrap();
        match (self.client_is_live, element.name()) {
            (false, "open" | "success") => {}
            (false, "enabled") => {
                (self.enabled, self.client_is_live) = (true, true);
                self.send_again();
            }
            (false, "resumed") => {
                self.client.acknowledge(element.attr("h").unwrap().parse().unwrap());
                self.client_is_live = true;
                self.send_again();
            }
            (true, "message") => self.client.hear(&element),
            (true, "r") => self.put(Way::ClientToSplice, to_text(&sm::ack(self.client.h()))),
            (true, "a") => self.client.acknowledge(element.attr("h").unwrap().parse().unwrap()),
            unexpected => panic!("the client sees {unexpected:?}"),
        }
    }

    fn send_again(&mut self) {
        self.client.unacked().into_iter().for_each(|text| self.put(Way::ClientToSplice, text));
    }

    /// Nothing breaks any more, and everything arrives.
    fn settle(&mut self) {
        self.run(Op::LinkStands);
        while self.ways.iter().any(|way| !way.is_empty()) {
            WAYS.into_iter().for_each(|way| self.arrive(way));
        }
    }

    fn check(&mut self) {
        self.settle();
        self.run(Op::ClientAsks);
        self.run(Op::ServerAsks);
        self.settle();
        assert_eq!(self.server.heard, self.client.said, "each stanza of the client once and in order");
        assert_eq!(self.client.heard, self.server.said, "each stanza of the server once and in order");
        assert_eq!((self.client.acked, self.server.acked), (self.client.said.len(), self.server.said.len()));
        assert_eq!(self.splice.kept(), (0, 0));
    }
}

fn op() -> impl Strategy<Value = Op> {
    let way = (0..4usize).prop_map(|way| WAYS[way]);
    prop_oneof![
        6 => Just(Op::ClientSays),
        6 => Just(Op::ServerSays),
        1 => Just(Op::ClientAsks),
        1 => Just(Op::ServerAsks),
        24 => (way, 1..6u8).prop_map(|(way, count)| Op::Arrive(way, count)),
        1 => Just(Op::LinkBreaks),
        2 => Just(Op::LinkStands),
        1 => (0..4u8).prop_map(|n| if n == 0 { Op::SocketBreaks } else { Op::LinkBreaks }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_stanza_arrives_once_and_in_order(
        base in prop_oneof![Just(0), Just(u32::MAX - 20)],
        ops in proptest::collection::vec(op(), 1..300),
    ) {
        let mut world = World::new(base);
        for op in ops {
            world.run(op);
        }
        world.check();
    }
}

/// The worst that can happen: it breaks after every single frame.
#[test]
fn a_link_that_breaks_after_every_frame_loses_nothing() {
    for arrived in 0..12 {
        let mut world = World::new(0);
        for n in 0..60 {
            world.run(Op::ClientSays);
            world.run(Op::ServerSays);
            if n % 7 == 0 {
                world.run(Op::ServerAsks);
            }
            for way in WAYS {
                world.run(Op::Arrive(way, arrived));
            }
            world.run(Op::LinkBreaks);
            world.run(Op::LinkStands);
        }
        world.check();
        assert!(arrived < 8 || world.resumes > 10, "{arrived}: {}", world.resumes);
    }
}

/// What was on its way to the client when both broke is still at the server, though the splice had written it.
#[test]
fn the_clients_own_resume_finds_what_never_arrived() {
    let mut world = World::new(0);
    for _ in 0..20 {
        world.run(Op::ServerSays);
    }
    world.run(Op::Arrive(Way::ServerToSplice, 20));
    world.run(Op::Arrive(Way::SpliceToClient, 7));
    world.run(Op::LinkBreaks);
    world.run(Op::LinkStands);
    for _ in 0..12 {
        world.run(Op::Arrive(Way::SpliceToServer, 1));
        world.run(Op::Arrive(Way::ServerToSplice, 2));
    }
    assert_eq!((world.resumes, world.client.heard.len()), (1, 7));
    world.run(Op::SocketBreaks);
    world.check();
}
