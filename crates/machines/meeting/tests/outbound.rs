//! What is sent to a client is kept until it is acknowledged, and not for ever.

use meeting::{Close, ConnId, Effect, Entry, Fact, Input, Meeting, Settings};

const A: ConnId = ConnId(1);
const B: ConnId = ConnId(2);
const REQUEST: &str = "<r xmlns=\"urn:xmpp:sm:3\"/>";

struct Pair {
    meeting: Meeting,
    entries: u64,
    nicks: Vec<String>,
}

impl Pair {
    /// A and B are in the room; B's stream is managed.
    fn new() -> Self {
        let mut pair = Self { meeting: Meeting::new("demo"), entries: 0, nicks: Vec::new() };
        let settings = Settings::for_domain("meet.example");
        pair.apply(Input::Owner { shard: "s".to_owned(), settings });
        for conn in [A, B] {
            let bound = pair.apply(Input::Bind { conn, iq_id: "b".to_owned() });
            let text = texts(&bound, conn).concat();
            let jid = text.split("<jid>").nth(1).expect("a JID");
            pair.nicks.push(jid[..8].to_owned());
            if conn == B {
                pair.send(conn, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
            }
            let nick = &jid[..8];
            pair.send(
                conn,
                &format!("<presence xmlns='jabber:client' to='demo@conference.meet.example/{nick}'/>"),
            );
        }
        pair
    }

    fn send(&mut self, conn: ConnId, text: &str) -> Vec<Effect> {
        self.apply(Input::Received { conn, text: text.to_owned() })
    }

    fn say(&mut self, conn: ConnId, body: &str) -> Vec<Effect> {
        self.send(
            conn,
            &format!(
                "<message xmlns='jabber:client' type='groupchat' to='demo@conference.meet.example'>\
                 <body>{body}</body></message>"
            ),
        )
    }

    fn apply(&mut self, input: Input) -> Vec<Effect> {
        self.entries += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.entries.to_be_bytes());
        self.meeting.apply(&Entry { at: 1_000 + self.entries, seed, input })
    }
}

fn texts(effects: &[Effect], to: ConnId) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { conn, text } if *conn == to => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// A says things until B's session is over its limit, B acknowledging nothing.
fn overflow(pair: &mut Pair, body: &str) -> Vec<Effect> {
    for _ in 0..6_000 {
        let effects = pair.say(A, body);
        if effects.contains(&Effect::Fact(Fact::SessionOverflowed)) {
            pair.meeting.check_invariants();
            return effects;
        }
    }
    panic!("it never overflowed");
}

/// B is gone, and A sees it leave.
fn check_gone(pair: &Pair, effects: &[Effect]) {
    let leaves = texts(effects, A)
        .into_iter()
        .filter(|text| text.contains("unavailable") && text.contains(&pair.nicks[1]));
    assert_eq!(leaves.count(), 1);
    assert_eq!(pair.meeting.summary().participants.len(), 1);
}

#[test]
fn a_client_that_never_reads_is_let_go() {
    let mut pair = Pair::new();
    let effects = overflow(&mut pair, "x");
    assert!(effects.contains(&Effect::Close { conn: B, how: Close::Silently }));
    check_gone(&pair, &effects);
}

#[test]
fn bytes_count_too_and_hibernation_is_no_excuse() {
    let mut pair = Pair::new();
    pair.apply(Input::Dropped { conn: B });
    let effects = overflow(&mut pair, &"x".repeat(60_000));
    check_gone(&pair, &effects);
    assert!(pair.entries < 300);
}

#[test]
fn an_acknowledgement_is_asked_for_every_ten_stanzas() {
    let mut pair = Pair::new();
    let mut since = None;
    for _ in 0..40 {
        for text in texts(&pair.say(A, "x"), B) {
            if text == REQUEST {
                assert!(since.is_none_or(|since| since == 10), "after {since:?}");
                since = Some(0);
            } else {
                since = since.map(|since| since + 1);
            }
        }
    }
    assert!(since.is_some());
}

/// Binds a client that takes its stream under management and joins.
fn join(pair: &mut Pair, conn: ConnId) {
    let bound = pair.apply(Input::Bind { conn, iq_id: "b".to_owned() });
    let text = texts(&bound, conn).concat();
    let nick = text.split("<jid>").nth(1).expect("a JID")[..8].to_owned();
    pair.send(conn, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    pair.send(conn, &format!("<presence xmlns='jabber:client' to='demo@conference.meet.example/{nick}'/>"));
    pair.nicks.push(nick);
}

#[test]
fn all_together_have_a_limit_and_who_takes_the_most_goes() {
    let mut pair = Pair::new();
    // B has one message more to take than the eight others
    let text = format!(
        "<message xmlns='jabber:client' type='chat' to='demo@conference.meet.example/{}'><body>{}</body></message>",
        pair.nicks[1],
        "x".repeat(60_000)
    );
    pair.send(A, &text);
    let others: Vec<ConnId> = (3..=10).map(ConnId).collect();
    for conn in &others {
        join(&mut pair, *conn);
    }
    let mut said = 0;
    let gone = loop {
        let effects = pair.say(A, &"y".repeat(60_000));
        pair.meeting.check_invariants();
        said += 1;
        if effects.contains(&Effect::Fact(Fact::SessionOverflowed)) {
            break effects;
        }
        assert!(said < 200, "it never overflowed");
    };
    assert!(said * 60_000 < meeting::UNACKED_BYTES_MAX, "each is within its own limit");
    let closed: Vec<&Effect> = gone.iter().filter(|e| matches!(e, Effect::Close { .. })).collect();
    assert_eq!(closed, [&Effect::Close { conn: B, how: Close::Silently }]);
    assert_eq!(pair.meeting.summary().participants.len(), 1 + others.len());
}

#[test]
fn a_connection_that_gets_no_session_is_let_go_after_the_answer() {
    let mut pair = Pair::new();
    let bind = |conn: u64| Input::Bind { conn: ConnId(conn), iq_id: "b".to_owned() };
    let full = (3..10_000).find_map(|conn| {
        let effects = pair.apply(bind(conn));
        effects.iter().any(|effect| matches!(effect, Effect::Close { .. })).then_some((conn, effects))
    });
    let (conn, effects) = full.expect("sessions have a limit");
    let [Effect::Send { text, .. }, close] = &effects[..] else { panic!("{effects:?}") };
    assert!(text.contains("resource-constraint"), "{text}");
    assert_eq!(close, &Effect::Close { conn: ConnId(conn), how: Close::Silently });
    assert_eq!(pair.send(ConnId(conn), "<r xmlns='urn:xmpp:sm:3'/>"), []);
}
