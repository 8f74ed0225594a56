//! Whatever comes in, two machines agree, a restored one goes on as the others, and nothing breaks.

use std::collections::{BTreeMap, BTreeSet};

use meeting::{BridgeId, ConnId, Effect, Entry, Input, Meeting, RequestId, Settings};
use proptest::prelude::*;
use xmpp::{Element, frame, ns};

const ROOM: &str = "demo@conference.meet.example";

#[derive(Clone, Debug)]
enum Act {
    Bind,
    Enable(usize),
    Join(usize),
    Send { from: usize, to: usize, what: usize },
    Raw { from: usize, text: String },
    Drop(usize),
    Close(usize),
    Resume { who: usize, off: i8 },
    Ack { who: usize, h: u32 },
    Wait(u32),
    Owner,
    Ask(String),
    Bridge { what: u8, answer: usize },
}

/// `{0}` the sender's nick, `{1}` the other's, `{2}` the other's bare JID.
const STANZAS: &[&str] = &[
    "<presence to='ROOM/{0}'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
    "<presence to='ROOM/{1}'/>",
    "<presence to='ROOM/{0}' type='unavailable'/>",
    "<presence type='unavailable'/>",
    "<presence to='ROOM/{0}'><a>x</a><SourceInfo>{\"a\":{}}</SourceInfo></presence>",
    "<message to='ROOM' type='groupchat' id='m{1}'><body>hi</body></message>",
    "<message to='ROOM' type='groupchat'><subject>s</subject></message>",
    "<message to='ROOM' type='groupchat'><retract xmlns='urn:xmpp:message-retract:1' id='m{0}'/></message>",
    "<message to='ROOM/{1}' type='chat'><body>psst</body></message>",
    "<message to='endconference.meet.example'><end_conference/></message>",
    "<iq to='ROOM/{1}' type='set' id='i'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s'/></iq>",
    "<iq to='ROOM/{1}' type='result' id='{1}/i'/>",
    "<iq to='ROOM/focus' type='set' id='t'><jingle xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='s'/></iq>",
    "<iq to='ROOM/focus' type='set' id='u'><mute xmlns='http://jitsi.org/jitmeet/audio' jid='ROOM/{1}'>true</mute></iq>",
    "<iq to='ROOM/focus' type='result' id='1'/>",
    "<iq to='ROOM' type='set' id='k'><query xmlns='http://jabber.org/protocol/muc#admin'><item nick='{1}' role='none'/></query></iq>",
    "<iq to='ROOM' type='set' id='g'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='owner' jid='{2}'/></query></iq>",
    "<iq to='ROOM' type='set' id='h'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='none' jid='{2}'/></query></iq>",
    "<iq to='ROOM' type='set' id='b'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast' jid='{2}'/></query></iq>",
    "<iq to='ROOM' type='get' id='d'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    "<iq to='ROOM' type='set' id='o'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_roomsecret'><value>p</value></field></x></query></iq>",
    "<iq to='meet.example' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<r xmlns='urn:xmpp:sm:3'/>",
];

const ANSWERS: &[&str] = &[
    "<conference-modified xmlns='jitsi:colibri2'/>",
    "<error xmlns='jabber:client' type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
    "nonsense",
];

fn act() -> impl Strategy<Value = Act> {
    let who = 0..5_usize;
    prop_oneof![
        4 => Just(Act::Bind),
        3 => who.clone().prop_map(Act::Enable),
        6 => who.clone().prop_map(Act::Join),
        20 => (who.clone(), who.clone(), 0..STANZAS.len()).prop_map(|(from, to, what)| Act::Send { from, to, what }),
        2 => (who.clone(), raw()).prop_map(|(from, text)| Act::Raw { from, text }),
        3 => who.clone().prop_map(Act::Drop),
        1 => who.clone().prop_map(Act::Close),
        4 => (who.clone(), -1..=1_i8).prop_map(|(who, off)| Act::Resume { who, off }),
        2 => (who, any::<u32>()).prop_map(|(who, h)| Act::Ack { who, h: h % 40 }),
        4 => (0..100_000_u32).prop_map(Act::Wait),
        1 => Just(Act::Owner),
        1 => prop_oneof![Just(format!("{{\"room\":\"{ROOM}\"}}")), ".{0,20}".prop_map(String::from)].prop_map(Act::Ask),
        4 => (0..4_u8, 0..ANSWERS.len()).prop_map(|(what, answer)| Act::Bridge { what, answer }),
    ]
}

fn raw() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "<(iq|presence|message|a|enable|close)( to='[a-z@/.]{0,20}')?( type='[a-z]{0,6}')?( h='[0-9]{0,12}')? xmlns='(jabber:client|urn:xmpp:sm:3)'/>",
    ]
}

#[derive(Default)]
struct Client {
    conn: u64,
    jid: String,
    token: Option<String>,
    counted: u32,
}

/// A machine, its twin, and what its clients know.
struct World {
    one: Meeting,
    two: Meeting,
    now: u64,
    entries: u64,
    conns: u64,
    clients: Vec<Client>,
    gone: BTreeSet<u64>,
    asked: BTreeMap<u64, BridgeId>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            one: Meeting::new("demo"),
            two: Meeting::new("demo"),
            now: 1_000_000,
            entries: 0,
            conns: 0,
            clients: Vec::new(),
            gone: BTreeSet::new(),
            asked: BTreeMap::new(),
        };
        world.own();
        world
    }

    fn own(&mut self) {
        let mut settings = Settings::for_domain("meet.example");
        settings.occupants_max = 4;
        self.apply(Input::Owner { shard: "s".to_owned(), settings });
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Bind if self.clients.len() < 5 => {
                self.conns += 1;
                self.clients.push(Client { conn: self.conns, ..Client::default() });
                self.apply(Input::Bind { conn: ConnId(self.conns), iq_id: "b".to_owned() });
            }
            Act::Bind => {}
            Act::Enable(who) => self.send(*who, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>".to_owned()),
            Act::Join(who) => self.send(*who, self.fill(STANZAS[0], *who, *who)),
            Act::Send { from, to, what } => self.send(*from, self.fill(STANZAS[*what], *from, *to)),
            Act::Raw { from, text } => self.send(*from, text.clone()),
            Act::Ack { who, h } => self.send(*who, format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>")),
            Act::Drop(who) => self.with(*who, |conn| Input::Dropped { conn }),
            Act::Close(who) => self.with(*who, |conn| Input::Closed { conn }),
            Act::Resume { who, off } => self.resume(*who, *off),
            Act::Wait(ms) => self.wait(u64::from(*ms)),
            Act::Owner => {
                self.gone.extend(1..=self.conns);
                self.own();
            }
            Act::Ask(body) => {
                self.apply(Input::ConferenceRequest { request: RequestId(1), body: body.clone() })
            }
            Act::Bridge { what, answer } => self.bridge(*what, ANSWERS[*answer]),
        }
    }

    fn bridge(&mut self, what: u8, answer: &str) {
        let bridge = BridgeId("jvb1".to_owned());
        let input = match (what, self.asked.pop_first()) {
            (0, _) => Input::BridgePicked { bridge: Some(bridge) },
            (1, Some((id, bridge))) => Input::BridgeAnswered { bridge, id, answer: Some(answer.to_owned()) },
            (1, None) => Input::BridgePicked { bridge: None },
            (2, _) => Input::BridgeLost { bridge },
            _ => Input::BridgeUp { bridge },
        };
        self.apply(input);
    }

    fn resume(&mut self, who: usize, off: i8) {
        self.conns += 1;
        let conn = ConnId(self.conns);
        let Some(client) = self.clients.get_mut(who) else { return };
        let Some(previd) = client.token.clone() else { return };
        let former = std::mem::replace(&mut client.conn, conn.0);
        let h = client.counted.wrapping_add_signed(i32::from(off));
        self.apply(Input::Resume { conn, previd, h, told: h });
        // where it is refused the former connection goes on, until it is found to be dead
        if self.clients[who].token.is_none() && self.gone.insert(former) {
            self.apply(Input::Dropped { conn: ConnId(former) });
        }
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(deadline) = self.one.deadline().filter(|deadline| *deadline <= until) {
            self.now = self.now.max(deadline);
            self.apply(Input::Tick);
            let next = self.one.deadline();
            assert!(next.is_none_or(|next| next > self.now), "a deadline that was kept is over: {next:?}");
        }
        self.now = until;
    }

    fn send(&mut self, who: usize, text: String) {
        self.with(who, |conn| Input::Received { conn, text });
    }

    fn with(&mut self, who: usize, input: impl FnOnce(ConnId) -> Input) {
        let Some(client) = self.clients.get(who) else { return };
        if !self.gone.contains(&client.conn) {
            let input = input(ConnId(client.conn));
            if matches!(input, Input::Dropped { .. } | Input::Closed { .. }) {
                let conn = client.conn;
                self.apply(input);
                self.gone.insert(conn);
            } else {
                self.apply(input);
            }
        }
    }

    fn apply(&mut self, input: Input) {
        self.entries += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.entries.to_be_bytes());
        let entry = Entry { at: self.now, seed, input };
        let entry = Entry::from_bytes(&entry.to_bytes()).expect("an entry comes back from the journal");
        let effects = self.one.apply(&entry);
        assert_eq!(effects, self.two.apply(&entry));
        assert_eq!(self.one, self.two);
        self.one.check_invariants();
        self.two = Meeting::restore("demo", &self.one.snapshot()).expect("a snapshot comes back");
        assert_eq!(self.one, self.two);
        assert_eq!(self.one.snapshot(), self.two.snapshot());
        effects.into_iter().for_each(|effect| self.obey(effect));
    }

    fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Send { conn, text } => self.receive(conn, &text),
            Effect::Close { conn, .. } => {
                assert!(self.gone.insert(conn.0), "a connection is closed once");
            }
            Effect::AskBridge { bridge, id, .. } => {
                self.asked.insert(id, bridge);
            }
            _ => {}
        }
    }

    fn receive(&mut self, conn: ConnId, text: &str) {
        assert!(!self.gone.contains(&conn.0), "nothing is sent to a connection that is gone: {text}");
        let element = frame::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(!text.contains("code=\"201\""), "never 201 to a client");
        let client = self.clients.iter_mut().find(|client| client.conn == conn.0).expect("somebody's");
        if let Some(bind) = element.get_child("bind", ns::BIND) {
            client.jid = bind.get_child("jid", ns::BIND).map(Element::text).unwrap_or_default();
        } else if element.is("enabled", ns::SM) {
            client.token = element.attr("id").map(str::to_owned);
            client.counted = 0;
        } else if element.is("failed", ns::SM) {
            client.token = None;
        } else if xmpp::stanza::Kind::of(&element).is_some() {
            client.counted += u32::from(client.token.is_some());
            assert_eq!(element.attr("to"), Some(client.jid.as_str()), "{text}");
            if element.name() == "presence" && element.attr("type").is_none() {
                let x: Vec<_> = element.children().filter(|child| child.name() == "x").collect();
                let item = x.first().and_then(|x| x.get_child("item", ns::MUC_USER));
                assert!(x.len() == 1 && item.is_some_and(|item| item.attr("jid").is_some()), "{text}");
            }
        }
    }

    fn fill(&self, stanza: &str, from: usize, to: usize) -> String {
        let jid = |who: usize| self.clients.get(who).map_or("nobody00@x/y", |client| client.jid.as_str());
        let nick = |who: usize| jid(who).get(..8).unwrap_or("nobody").to_owned();
        let xmlns = if stanza.contains("urn:xmpp:sm:3") { "" } else { " xmlns='jabber:client'" };
        let name_end = stanza.find([' ', '/', '>']).unwrap_or(0);
        format!("{}{xmlns}{}", &stanza[..name_end], &stanza[name_end..])
            .replace("ROOM", ROOM)
            .replace("{0}", &nick(from))
            .replace("{1}", &nick(to))
            .replace("{2}", jid(to).split('/').next().unwrap_or_default())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn machines_agree_and_nothing_breaks(acts in proptest::collection::vec(act(), 1..120)) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        // at last everybody is gone, and so is the meeting
        for who in 0..world.clients.len() {
            world.act(&Act::Drop(who));
        }
        world.wait(200_000);
        prop_assert!(world.one.is_idle(), "{:?}", world.one);
    }

    #[test]
    fn snapshots_of_noise_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Meeting::restore("demo", &bytes);
        let _ = Entry::from_bytes(&bytes);
        for format in [1, 2] {
            let mut known = vec![format];
            known.extend(&bytes);
            let _ = Meeting::restore("demo", &known);
            let _ = Entry::from_bytes(&known);
        }
    }
}
