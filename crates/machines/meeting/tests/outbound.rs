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
