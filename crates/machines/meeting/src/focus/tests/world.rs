//! Room, clients and bridges around one focus; requests wait until the test lets them be answered.

use std::collections::{BTreeMap, VecDeque};

use colibri::{ConferenceModify, Refusal};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use xmpp::jingle::ns::JINGLE;
use xmpp::{Element, elem, ns};

use super::super::sources::SourceSet;
use super::super::sources::tests::source;
use super::super::{Asker, Cx, Focus, Out};
use super::client::{Client, contents};
use super::stock_bridge::StockBridge;
use crate::effect::Fact;
use crate::entry::{BridgeId, Millis};
use crate::settings::Settings;

pub(super) const MEETING: &str = "0b9c3f5e-meeting";
pub(super) const ROOM: &str = "demo@conference.meet.example";

/// What a browser with the default configuration tells.
pub(super) const FEATURES: [&str; 7] = [
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:video",
    "urn:xmpp:jingle:transports:dtls-sctp:1",
    "urn:ietf:rfc:4588",
    "http://jitsi.org/tcc",
    "http://jitsi.org/remb",
    "http://jitsi.org/json-encoded-sources",
];
pub(super) const REWRITING: &str = "http://jitsi.org/ssrc-rewriting-1";

pub(super) struct World {
    pub(super) focus: Focus,
    pub(super) now: Millis,
    rng: ChaCha20Rng,
    settings: Settings,
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) rewriting: bool,
    pub(super) bridges: BTreeMap<BridgeId, StockBridge>,
    /// requests on their way
    pub(super) asked: VecDeque<(BridgeId, u64, String)>,
    /// wishes for a bridge that are not fulfilled
    pub(super) picks: VecDeque<Vec<BridgeId>>,
    pub(super) facts: Vec<Fact>,
    pub(super) properties: usize,
    iqs: u64,
}

impl World {
    /// An empty room and two bridges, `b1` and `b2`.
    pub(super) fn new() -> Self {
        let mut settings = Settings::for_domain("meet.example");
        settings.region = Some("eu".to_owned());
        Self {
            focus: Focus::default(),
            now: 1_000_000,
            rng: ChaCha20Rng::from_seed([7; 32]),
            settings,
            clients: BTreeMap::new(),
            rewriting: false,
            bridges: [bridge("b1"), bridge("b2")]
                .into_iter()
                .map(|id| (id, StockBridge::default()))
                .collect(),
            asked: VecDeque::new(),
            picks: VecDeque::new(),
            facts: Vec::new(),
            properties: 0,
            iqs: 0,
        }
    }

    /// A room where all of `nicks` have media.
    pub(super) fn talking(nicks: &[&str]) -> Self {
        let mut world = Self::new();
        for nick in nicks {
            world.join(nick);
        }
        world.settle();
        for nick in nicks {
            assert!(world.client(nick).accepted, "{nick} has no session");
        }
        world
    }

    /// Lets the focus act and hands out what it wants, then judges its state.
    pub(super) fn act(&mut self, act: impl FnOnce(&mut Focus, &mut Cx<'_>)) {
        let mut out = Vec::new();
        let mut cx = Cx {
            now: self.now,
            rng: &mut self.rng,
            settings: &self.settings,
            room: ROOM,
            meeting_id: Some(MEETING),
            out: &mut out,
        };
        act(&mut self.focus, &mut cx);
        for out in out {
            match out {
                Out::ToOccupant { nick, stanza } => {
                    // as on the wire
                    let stanza = xmpp::frame::parse(&xmpp::text::to_text(&stanza)).expect("well-formed");
                    let client = self.clients.get_mut(&nick);
                    client.unwrap_or_else(|| panic!("{nick} is not here")).receive(&nick, &stanza);
                }
                Out::PickBridge { avoid } => self.picks.push_back(avoid),
                Out::AskBridge { bridge, id, text } => self.asked.push_back((bridge, id, text)),
                Out::Properties => self.properties += 1,
                Out::Fact(fact) => self.facts.push(fact),
            }
        }
        let bytes = postcard::to_stdvec(&self.focus).expect("an encoding");
        let back: Focus = postcard::from_bytes(&bytes).expect("our own bytes");
        assert_eq!(back, self.focus, "a snapshot forgets something");
    }

    pub(super) fn join(&mut self, nick: &str) {
        self.clients.insert(nick.to_owned(), Client::default());
        self.act(|focus, cx| focus.handle_joined(cx, nick, Some("Foo-1aB")));
    }

    pub(super) fn leave(&mut self, nick: &str) {
        self.clients.remove(nick);
        for client in self.clients.values_mut() {
            client.see_leave(nick, self.rewriting);
        }
        self.act(|focus, cx| focus.handle_left(cx, nick));
    }

    pub(super) fn client(&self, nick: &str) -> &Client {
        &self.clients[nick]
    }

    pub(super) fn client_mut(&mut self, nick: &str) -> &mut Client {
        self.clients.get_mut(nick).expect("a client")
    }

    /// The client tells its features.
    pub(super) fn answer_disco(&mut self, nick: &str, features: &[&str]) {
        for id in std::mem::take(&mut self.client_mut(nick).discos) {
            let query = xmpp::disco::info(None, features.iter().map(|var| xmpp::disco::feature(var)));
            let iq = elem("iq", ns::CLIENT).attr("type", "result").attr("id", id).child(query).build();
            self.act(|focus, cx| focus.handle_iq_answer(cx, nick, &iq));
        }
    }

    /// An IQ of a plain participant; gives the answer: `result` or a condition.
    pub(super) fn request(&mut self, nick: &str, payload: Element) -> String {
        self.request_as(nick, false, "set", payload)
    }

    pub(super) fn request_as(
        &mut self,
        nick: &str,
        moderator: bool,
        kind: &'static str,
        payload: Element,
    ) -> String {
        self.iqs += 1;
        let id = format!("{nick}:{}", self.iqs);
        let iq = elem("iq", ns::CLIENT).attr("type", kind).attr("id", &id).child(payload).build();
        let client = self.client_mut(nick);
        client.unanswered.insert(id.clone());
        client.answer = None;
        let asker = Asker { nick: nick.to_owned(), moderator, jid: format!("{nick}@meet.example/x") };
        self.act(|focus, cx| focus.handle_iq(cx, &asker, &iq));
        let client = self.client(nick);
        assert!(!client.unanswered.contains(&id), "{nick}: no answer");
        client.answer.clone().expect("an answer")
    }

    /// A Jingle action in the client's session.
    pub(super) fn jingle(&mut self, nick: &str, action: &'static str, children: Vec<Element>) -> String {
        let sid = self.client(nick).sid.clone().unwrap_or_else(|| "none".to_owned());
        let jingle =
            elem("jingle", JINGLE).attr("action", action).attr("sid", sid).children(children).build();
        self.request(nick, jingle)
    }

    /// The client accepts its offer with these sources.
    pub(super) fn accept_with(&mut self, nick: &str, sources: &SourceSet) -> String {
        let transport: Element = format!(
            "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='c{nick}' pwd='p'>\
             <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>CC</fingerprint></transport>"
        )
        .parse()
        .expect("XML of the test");
        // the client is ready for what follows the result
        self.client_mut(nick).accepted = true;
        let answer = self.jingle(nick, "session-accept", contents(sources, Some(&transport)));
        if answer == "result" {
            self.client_mut(nick).own = sources.clone();
        } else {
            self.client_mut(nick).accepted = false;
        }
        answer
    }

    /// The client accepts with a microphone and a camera that are its own.
    pub(super) fn accept(&mut self, nick: &str) {
        assert_eq!(self.accept_with(nick, &devices(nick)), "result");
    }

    pub(super) fn add_sources(&mut self, nick: &str, sources: &SourceSet) -> String {
        let answer = self.jingle(nick, "source-add", contents(sources, None));
        if answer == "result" {
            let own = &mut self.client_mut(nick).own;
            own.sources.extend(sources.sources.clone());
            own.groups.extend(sources.groups.clone());
        }
        answer
    }

    pub(super) fn remove_sources(&mut self, nick: &str, sources: &SourceSet) -> String {
        let answer = self.jingle(nick, "source-remove", contents(sources, None));
        if answer == "result" {
            let ssrcs: Vec<u32> = sources.sources.iter().map(|source| source.ssrc).collect();
            let own = &mut self.client_mut(nick).own;
            *own = own.without(&ssrcs);
        }
        answer
    }

    /// The client asks for another session.
    pub(super) fn restart(&mut self, nick: &str) -> String {
        let bridge_session = self.client(nick).bridge_session.clone().unwrap_or_default();
        let bridge_session =
            elem("bridge-session", ns::FOCUS).attr("id", bridge_session).attr("restart", "true").build();
        let sid = self.client(nick).sid.clone().unwrap_or_default();
        let jingle = elem("jingle", JINGLE).attr("action", "session-terminate").attr("sid", &sid);
        // the client has given its session up when the result comes
        self.client_mut(nick).end();
        self.request(nick, jingle.child(bridge_session).build())
    }

    /// The oldest wish for a bridge is fulfilled, by the first that it does not avoid.
    pub(super) fn pick(&mut self) {
        let Some(avoid) = self.picks.pop_front() else { return };
        let picked = self.bridges.keys().find(|id| !avoid.contains(id)).cloned();
        self.act(|focus, cx| focus.handle_bridge_picked(cx, picked));
    }

    /// The oldest request reaches its bridge and is answered. Gives what it asked.
    pub(super) fn answer_one(&mut self) -> Option<ConferenceModify> {
        let (id, number, text) = self.asked.pop_front()?;
        let answer = self.bridges.get_mut(&id).map(|bridge| bridge.answer(&text));
        self.act(|focus, cx| focus.handle_bridge_answered(cx, &id, number, answer.as_deref()));
        Some(ConferenceModify::from_text(&text).expect("a request"))
    }

    /// The oldest request is refused without having reached a bridge.
    pub(super) fn refuse_one(&mut self, refusal: &Refusal) {
        let (id, number, _) = self.asked.pop_front().expect("a request");
        let text = refusal.to_text();
        self.act(|focus, cx| focus.handle_bridge_answered(cx, &id, number, Some(&text)));
    }

    /// The oldest request is never answered; `arrived` tells whether the bridge obeyed it.
    pub(super) fn lose_one(&mut self, arrived: bool) {
        let (id, number, text) = self.asked.pop_front().expect("a request");
        if let Some(bridge) = self.bridges.get_mut(&id).filter(|_| arrived) {
            bridge.answer(&text);
        }
        self.act(|focus, cx| focus.handle_bridge_answered(cx, &id, number, None));
    }

    /// Time passes; ticks come when they are due.
    pub(super) fn pass(&mut self, ms: Millis) {
        let end = self.now + ms;
        while let Some(at) = self.focus.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.act(|focus, cx| focus.handle_tick(cx));
        }
        self.now = end;
    }

    /// Everything under way arrives, and clients do what they do.
    pub(super) fn settle(&mut self) {
        for _ in 0..1000 {
            if !self.step() {
                return;
            }
        }
        panic!("it never settles");
    }

    fn step(&mut self) -> bool {
        if let Some(nick) = self.find(|client| !client.discos.is_empty()) {
            let more = self.rewriting.then_some(REWRITING);
            let features: Vec<&str> = FEATURES.into_iter().chain(more).collect();
            self.answer_disco(&nick, &features);
        } else if !self.picks.is_empty() {
            self.pick();
        } else if !self.asked.is_empty() {
            self.answer_one();
        } else if let Some(nick) = self.find(|client| client.sid.is_some() && !client.accepted) {
            self.accept(&nick);
        } else {
            return false;
        }
        true
    }

    pub(super) fn find(&self, what: impl Fn(&Client) -> bool) -> Option<String> {
        self.clients.iter().find(|(_, client)| what(client)).map(|(nick, _)| nick.clone())
    }

    /// Bridges drop endpoints that no client uses, as where the request to expire one was lost.
    pub(super) fn time_out_unused(&mut self) {
        let talking = |nick: &String| self.clients.get(nick).is_some_and(|client| client.accepted);
        for conference in self.bridges.values_mut().flat_map(|bridge| bridge.conferences.values_mut()) {
            conference.retain(|nick, _| talking(nick));
        }
    }

    /// Everybody with a session knows exactly what the others send, and so does the bridge.
    pub(super) fn check_agreement(&self) {
        let talking = self.clients.iter().filter(|(_, client)| client.accepted);
        for (nick, client) in talking.clone() {
            let rtx = client.offered_rtx;
            let others = talking.clone().filter(|(other, _)| *other != nick);
            let mut expected: BTreeMap<String, Vec<u64>> = others
                .map(|(other, client)| (other.clone(), ssrcs(&client.own.for_receiver(rtx))))
                .filter(|(_, ssrcs)| !ssrcs.is_empty())
                .collect();
            expected.insert("jvb".to_owned(), vec![9001, 9002]);
            let told: BTreeMap<String, Vec<u64>> = client
                .told
                .iter()
                .map(|(owner, ssrcs)| (owner.clone(), ssrcs.iter().copied().collect()))
                .collect();
            assert_eq!(told, expected, "what {nick} knows");
        }
        let held: BTreeMap<&String, Vec<u32>> = self
            .bridges
            .values()
            .flat_map(|bridge| bridge.conferences.values().flatten())
            .map(|(nick, held)| (nick, held.sources.iter().flat_map(|source| source.ssrcs.clone()).collect()))
            .collect();
        let sent: BTreeMap<&String, Vec<u32>> = talking
            .map(|(nick, client)| {
                (nick, client.own.to_colibri().iter().flat_map(|s| s.ssrcs.clone()).collect())
            })
            .collect();
        assert_eq!(held, sent, "what the bridges have");
    }
}

pub(super) fn bridge(id: &str) -> BridgeId {
    BridgeId(id.to_owned())
}

/// A microphone and a camera whose SSRCs follow from the nick's first letter.
pub(super) fn devices(nick: &str) -> SourceSet {
    let base = u32::from(nick.as_bytes()[0]) * 100;
    let mut set = SourceSet {
        sources: vec![
            source(&format!("a{}", base + 1), &format!("{nick}-a0")),
            source(&format!("v{}", base + 2), &format!("{nick}-v0")),
            source(&format!("v{}", base + 3), &format!("{nick}-v0")),
        ],
        groups: Vec::new(),
    };
    let fid = super::super::sources::GroupKind::Fid;
    set.groups.push(super::super::sources::tests::group(fid, &[base + 2, base + 3]));
    set
}

/// A shared screen.
pub(super) fn screen(nick: &str) -> SourceSet {
    let base = u32::from(nick.as_bytes()[0]) * 100;
    SourceSet { sources: vec![source(&format!("v{}", base + 9), &format!("{nick}-v1"))], groups: Vec::new() }
}

fn ssrcs(set: &SourceSet) -> Vec<u64> {
    let mut ssrcs: Vec<u64> = set.sources.iter().map(|source| u64::from(source.ssrc)).collect();
    ssrcs.sort_unstable();
    ssrcs
}
