//! The brewery as bridges see it: what each says, and what comes out.

use xmpp::frame::parse;
use xmpp::text::to_text;

use super::*;

const ROOM: &str = "jvbbrewery@internal.auth.x";
const MUC: &str = "http://jabber.org/protocol/muc";

struct House {
    brewery: Brewery,
}

impl House {
    fn new() -> Self {
        Self { brewery: Brewery::new("auth.x", BareJid::new(ROOM).unwrap(), "salt".to_owned()) }
    }

    /// With bridges on the streams 1, 2, ...
    fn with(nicks: &[&str]) -> Self {
        let mut house = Self::new();
        for (stream, nick) in (1..).zip(nicks) {
            house.bind(stream, &format!("r{stream}"));
            house.join(stream, nick);
        }
        house
    }

    fn bind(&mut self, stream: StreamId, resource: &str) -> Vec<Out> {
        self.brewery.handle_bound(stream, FullJid::new(&format!("jvb@auth.x/{resource}")).unwrap())
    }

    fn join(&mut self, stream: StreamId, nick: &str) -> Vec<String> {
        self.say(
            stream,
            &format!(
                "<presence to='{ROOM}/{nick}' xmlns='jabber:client'><x xmlns='{MUC}'/>\
                 <stats xmlns='http://jitsi.org/protocol/colibri'><stat name='drain' value='false'/></stats></presence>"
            ),
        )
    }

    /// What is sent, as `stream: kind from [type] [code]`.
    fn say(&mut self, stream: StreamId, text: &str) -> Vec<String> {
        let out = self.brewery.handle(stream, &parse(text).unwrap());
        out.iter().map(told).collect()
    }

    fn bridges(&self) -> Vec<String> {
        self.brewery.reach().into_keys().collect()
    }
}

fn told(out: &Out) -> String {
    match out {
        Out::Drop { stream } => format!("drop {stream}"),
        Out::Answered { ask, answer } => {
            format!("answered {ask} {}", answer.as_ref().map_or("nothing", Element::name))
        }
        Out::Send { to, stanza } => {
            let nick = stanza.attr("from").and_then(|f| f.rsplit_once('/')).map_or("-", |(_, nick)| nick);
            let kind = stanza.attr("type").map(|t| format!(" {t}")).unwrap_or_default();
            let own = to_text(stanza).contains("code=\"110\"");
            let condition = stanza.get_child("error", "jabber:client").and_then(|e| e.children().next());
            let condition = condition.map(|c| format!(" {}", c.name())).unwrap_or_default();
            format!("{to}: {} {nick}{kind}{}{condition}", stanza.name(), if own { " 110" } else { "" })
        }
    }
}

#[test]
fn a_bridge_sees_the_focus_first_and_itself_last() {
    let mut house = House::with(&["a"]);
    house.bind(2, "r2");
    let heard = house.join(2, "b");
    let expected = [
        "2: presence focus",
        "2: presence a",
        "1: presence b",
        "2: presence b 110",
        "2: message - groupchat",
    ];
    assert_eq!(heard, expected);
    assert_eq!(house.bridges(), ["a", "b"]);
}

#[test]
fn presences_carry_items_and_what_was_said() {
    let mut house = House::with(&[]);
    house.bind(1, "r1");
    let join = format!(
        "<presence to='{ROOM}/a' xmlns='jabber:client'><x xmlns='{MUC}'/><extra xmlns='e'/></presence>"
    );
    let out = house.brewery.handle(1, &parse(&join).unwrap());
    let own = out.iter().find_map(|o| match o {
        Out::Send { stanza, .. } if told(o).contains("110") => Some(to_text(stanza)),
        _ => None,
    });
    let own = own.unwrap();
    assert!(own.contains("<extra xmlns=\"e\"/>") && own.contains("jid=\"jvb@auth.x/r1\""), "{own}");
    assert!(!own.contains(&format!("xmlns=\"{MUC}\"")), "{own}");
    assert!(own.contains("to=\"jvb@auth.x/r1\""), "{own}");
}

#[test]
fn a_nick_belongs_to_one() {
    let mut house = House::with(&["a"]);
    house.bind(2, "r2");
    assert_eq!(house.join(2, "a"), ["2: presence a error conflict"]);
    assert_eq!(house.join(2, "focus"), ["2: presence focus error conflict"]);
    assert_eq!(house.join(1, "b"), ["1: presence b error not-acceptable"]);
    assert_eq!(house.bridges(), ["a"]);
}

#[test]
fn a_repeated_presence_goes_back_to_its_bridge_only() {
    let mut house = House::with(&["a", "b"]);
    assert_eq!(house.join(1, "a"), ["1: presence a 110"]);
}

#[test]
fn whoever_leaves_is_seen_leaving() {
    let mut house = House::with(&["a", "b"]);
    let leave = format!("<presence to='{ROOM}/a' type='unavailable' xmlns='jabber:client'/>");
    let expected = ["2: presence a unavailable", "1: presence a unavailable 110"];
    assert_eq!(house.say(1, &leave), expected);
    assert_eq!(house.say(1, &leave), Vec::<String>::new());
    let heard: Vec<_> = house.brewery.handle_gone(2).iter().map(told).collect();
    assert!(heard.is_empty(), "nothing is sent to a stream that is gone: {heard:?}");
    assert!(house.bridges().is_empty());
}

#[test]
fn a_bridge_that_is_unwell_is_left_until_it_is_well() {
    let mut house = House::with(&["a"]);
    let tell = |house: &mut House, stats: &str| {
        let presence = format!(
            "<presence to='{ROOM}/a' xmlns='jabber:client'>\
             <stats xmlns='http://jitsi.org/protocol/colibri'>{stats}</stats></presence>"
        );
        house.say(1, &presence);
        house.brewery.reach()["a"].leaving
    };
    assert!(!tell(&mut house, "<stat name='healthy' value='true'/>"));
    assert!(tell(&mut house, "<stat name='healthy' value='false'/>"));
    assert!(tell(&mut house, ""), "what is not said again stays");
    assert!(!tell(&mut house, "<stat name='healthy' value='true'/>"));
    assert!(tell(&mut house, "<stat name='shutting_down' value='true'/>"));
    assert!(tell(&mut house, "<stat name='shutting_down' value='false'/>"), "for good");
}

#[test]
fn a_bridge_that_comes_back_drops_its_old_stream() {
    let mut house = House::with(&["a"]);
    let first = house.brewery.reach().get("a").copied();
    let out: Vec<_> = house.bind(2, "r1").iter().map(told).collect();
    assert_eq!(out, ["drop 1"]);
    house.join(2, "a");
    assert_ne!(house.brewery.reach().get("a").copied(), first);
    assert!(house.say(1, "<iq xmlns='jabber:client' type='get' id='1'/>").is_empty());
}

#[test]
fn the_focus_asks_and_is_answered() {
    let mut house = House::with(&["a", "b"]);
    let id = ask(&mut house, 7, "a");
    let result = |id: &str| {
        format!(
            "<iq to='{ROOM}/focus' type='result' id='{id}' xmlns='jabber:client'><conference-modified xmlns='c'/></iq>"
        )
    };
    assert!(house.say(2, &result(&id)).is_empty(), "b was not asked");
    assert!(house.say(1, &result("other")).is_empty());
    assert_eq!(house.say(1, &result(&id)), ["answered 7 conference-modified"]);
    assert!(house.say(1, &result(&id)).is_empty(), "once");
}

#[test]
fn a_refusal_is_an_answer() {
    let mut house = House::with(&["a"]);
    let id = ask(&mut house, 7, "a");
    let error = format!(
        "<iq to='{ROOM}/focus' type='error' id='{id}' xmlns='jabber:client'><conference-modify xmlns='c'/>\
         <error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    assert_eq!(house.say(1, &error), ["answered 7 error"]);
}

#[test]
fn a_bridge_that_leaves_answers_nothing() {
    let mut house = House::with(&["a"]);
    ask(&mut house, 7, "a");
    let heard: Vec<_> = house.brewery.handle_gone(1).iter().map(told).collect();
    assert_eq!(heard, ["answered 7 nothing"]);
    assert_eq!(told(&house.brewery.ask(8, "a", payload())), "answered 8 nothing");
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped() {
    let mut house = House::with(&["a"]);
    let id = ask(&mut house, 7, "a");
    house.brewery.forget(7);
    assert!(
        house
            .say(1, &format!("<iq to='{ROOM}/focus' type='result' id='{id}' xmlns='jabber:client'/>"))
            .is_empty()
    );
}

#[test]
fn iqs_are_routed_between_occupants() {
    let mut house = House::with(&["a", "b"]);
    let iq = |to: &str| {
        format!("<iq to='{ROOM}/{to}' type='get' id='q' xmlns='jabber:client'><x xmlns='y'/></iq>")
    };
    assert_eq!(house.say(1, &iq("b")), ["2: iq a get"]);
    assert_eq!(house.say(1, &iq("c")), ["1: iq c error item-not-found"]);
    house.bind(3, "r3");
    assert_eq!(house.say(3, &iq("b")), ["3: iq b error not-acceptable"]);
    let result = format!("<iq to='{ROOM}/a' type='result' id='q' xmlns='jabber:client'/>");
    assert_eq!(house.say(2, &result), ["1: iq b result"]);
}

#[test]
fn the_domain_answers_what_clients_ask() {
    let mut house = House::with(&["a"]);
    let ping = |to: &str| {
        format!("<iq {to} type='get' id='p' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>")
    };
    for to in [
        "",
        "to='auth.x'",
        "to='jvb@auth.x'",
        "to='internal.auth.x'",
        &format!("to='{ROOM}'"),
        &format!("to='{ROOM}/focus'"),
    ] {
        let heard = house.say(1, &ping(to));
        assert!(heard.len() == 1 && heard[0].contains("result"), "{to}: {heard:?}");
    }
    let disco = "<iq to='internal.auth.x' type='get' id='d' xmlns='jabber:client'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
    let out = house.brewery.handle(1, &parse(disco).unwrap());
    let [Out::Send { stanza, .. }] = &out[..] else { panic!("{out:?}") };
    assert!(to_text(stanza).contains("<feature var=\"http://jabber.org/protocol/muc\"/>"));
}

#[test]
fn what_is_unknown_is_refused_and_answers_are_not() {
    let mut house = House::with(&["a"]);
    for (text, expected) in [
        (
            "<iq type='get' id='r' xmlns='jabber:client'><query xmlns='jabber:iq:roster'/></iq>",
            "1: iq - error service-unavailable",
        ),
        (
            "<iq to='elsewhere.y' type='set' id='r' xmlns='jabber:client'><x xmlns='y'/></iq>",
            "1: iq - error remote-server-not-found",
        ),
        (
            "<iq to='a@@b' type='set' id='r' xmlns='jabber:client'><x xmlns='y'/></iq>",
            "1: iq - error jid-malformed",
        ),
        (
            "<message to='auth.x' xmlns='jabber:client'><body>hi</body></message>",
            "1: message - error service-unavailable",
        ),
        (
            "<presence to='elsewhere@z.y/n' xmlns='jabber:client'/>",
            "1: presence n error remote-server-not-found",
        ),
    ] {
        assert_eq!(house.say(1, text), [expected], "{text}");
    }
    for text in [
        "<iq to='elsewhere.y' type='result' id='r' xmlns='jabber:client'/>",
        "<presence xmlns='jabber:client'/>",
        "<message type='error' to='a@@b' xmlns='jabber:client'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
    ] {
        assert!(house.say(1, text).is_empty(), "{text}");
    }
}

fn payload() -> Element {
    xmpp::elem("conference-modify", "jitsi:colibri2").build()
}

/// Asks, checks the request, and gives its id.
fn ask(house: &mut House, ask: AskId, nick: &str) -> String {
    let out = house.brewery.ask(ask, nick, payload());
    let Out::Send { stanza, .. } = &out else { panic!("{out:?}") };
    assert_eq!(stanza.attr("from"), Some("jvbbrewery@internal.auth.x/focus"));
    assert_eq!(stanza.attr("type"), Some("get"));
    assert!(stanza.has_child("conference-modify", "jitsi:colibri2"));
    stanza.attr("id").unwrap().to_owned()
}
