//! Conversations as data: who sends, who receives, what time it is.
//!
//! One step a line; `#` begins a comment; a line that begins with white space goes on with the one before it.
//! `{A}` is the full JID of client A, `{A.bare}` without resource, `{A.nick}` its nick, `{A.token}` its resume
//! token, `{A.h}` the stanzas it has got; `{ROOM}` is the room. Stanzas without `xmlns` are `jabber:client`.
//!
//! | step | meaning |
//! |---|---|
//! | `A opens` | binds a resource |
//! | `A enables` | takes its stream under management and gets a token |
//! | `A joins` | joins under its nick and passes over all that a newcomer gets, to the subject |
//! | `A sends XML` | one frame |
//! | `A gets PATTERN` | the next frame for A matches: the attributes that are named (`*` for any value), the children that are named in their order, the text if there is some; `without="x y"` names children that are not there, `lacks="a b"` attributes |
//! | `A gets nothing` | until now |
//! | `A ignores the rest` | whatever came for A until now |
//! | `A drops`, `A closes` | its connection is lost, says goodbye |
//! | `A resumes h=N`, `X resumes h=N as A` | on a new connection; with the token of A |
//! | `A is closed silently`, `A is closed with a goodbye` | its (last but one, after a resume) connection |
//! | `A is let go` | its present connection is closed silently |
//! | `wait 90s` | time goes by, deadlines are kept |
//! | `owner`, `owner 3600s ahead` | another shard owns the meeting; its clock is ahead |
//! | `asks JSON`, `is answered 200 JSON` | a conference request over HTTP |
//! | `it ends` | nothing is left |
//!
//! At the end every frame has been named. The focus's own requests and `<r/>` are passed over: they have tests of
//! their own. The state goes through a snapshot after every entry.

mod client;
mod matching;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use client::Client;
use meeting::{Close, ConnId, Effect, Entry, ExternalService, Input, Meeting, RequestId, Settings};

pub(crate) fn run(name: &str, script: &str) {
    let mut stage = Stage::new();
    for (line, step) in steps(script) {
        if let Err(complaint) = stage.step(&step) {
            panic!("{name}:{line}: {step}\n{complaint}");
        }
    }
    if let Err(complaint) = stage.nothing_left() {
        panic!("{name}: at the end: {complaint}");
    }
}

struct Stage {
    meeting: Meeting,
    now: u64,
    entries: u64,
    conns: u64,
    clients: BTreeMap<String, Client>,
    answers: Vec<(u16, String)>,
    ended: bool,
}

impl Stage {
    fn new() -> Self {
        let mut stage = Self {
            meeting: Meeting::new("demo"),
            now: 1_795_194_181_000,
            entries: 0,
            conns: 0,
            clients: BTreeMap::new(),
            answers: Vec::new(),
            ended: false,
        };
        stage.own();
        stage
    }

    fn step(&mut self, step: &str) -> Result<(), String> {
        let step = self.fill(step)?;
        let (who, what) = step.split_once(' ').unwrap_or((&step, ""));
        match (who, what) {
            ("wait", time) => self.wait(time),
            ("owner", clock) => {
                let ahead = clock.strip_suffix("s ahead").unwrap_or("0");
                self.now += 1_000 * ahead.parse::<u64>().map_err(|_| "say how far: 3600s ahead")?;
                self.clients.values_mut().for_each(Client::lose);
                self.own();
                Ok(())
            }
            ("asks", body) => {
                self.apply(Input::ConferenceRequest { request: RequestId(7), body: body.to_owned() });
                Ok(())
            }
            ("is", _) => self.answered(what.strip_prefix("answered ").ok_or("what is it?")?),
            ("it", "ends") => match std::mem::take(&mut self.ended) {
                true if self.meeting.is_idle() => Ok(()),
                _ => Err("it does not".to_owned()),
            },
            _ => self.client_step(who, what),
        }
    }

    fn client_step(&mut self, who: &str, what: &str) -> Result<(), String> {
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        match verb {
            "opens" => self.open(who),
            "enables" => {
                let conn = self.client(who)?.conn;
                self.receive(conn, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
                self.client(who)?.enabled()
            }
            "joins" => self.join(who),
            "sends" => {
                let conn = self.client(who)?.conn;
                self.receive(conn, &matching::with_namespace(rest));
                Ok(())
            }
            "gets" if rest == "nothing" => self.client(who)?.nothing(),
            "gets" => self.client(who)?.get(rest),
            "ignores" => {
                self.client(who)?.got.clear();
                Ok(())
            }
            "drops" => {
                let client = self.client(who)?;
                client.lose();
                let conn = client.conn;
                self.apply(Input::Dropped { conn });
                Ok(())
            }
            "closes" => {
                let conn = self.client(who)?.conn;
                self.apply(Input::Closed { conn });
                Ok(())
            }
            "resumes" => self.resume(who, rest.strip_prefix("h=").ok_or("say h=N")?),
            "is" if rest == "let go" => self.client(who)?.is_let_go(),
            "is" => self.client(who)?.is_closed(match rest {
                "closed silently" => Close::Silently,
                "closed with a goodbye" => Close::Goodbye,
                _ => return Err("how is it closed?".to_owned()),
            }),
            _ => Err("no such step".to_owned()),
        }
    }

    fn open(&mut self, who: &str) -> Result<(), String> {
        let conn = self.conn();
        self.clients.insert(who.to_owned(), Client::new(conn));
        self.apply(Input::Bind { conn, iq_id: "_bind_auth_2".to_owned() });
        self.client(who)?.bound()
    }

    fn join(&mut self, who: &str) -> Result<(), String> {
        let client = self.client(who)?;
        let (conn, nick) = (client.conn, client.nick.clone());
        let presence = format!(
            "<presence xmlns='jabber:client' to='demo@conference.meet.example/{nick}'>\
             <x xmlns='http://jabber.org/protocol/muc'/><stats-id>{who}</stats-id>\
             <nick xmlns='http://jabber.org/protocol/nick'>{who}</nick></presence>"
        );
        self.receive(conn, &presence);
        self.client(who)?.joined()
    }

    fn resume(&mut self, who: &str, how: &str) -> Result<(), String> {
        let (h, whose) = how.split_once(" as ").unwrap_or((how, who));
        let h = h.parse().map_err(|_| "h is no number")?;
        let conn = self.conn();
        let previd = self.client(whose)?.token.clone().unwrap_or_default();
        self.client(who)?.reconnect(conn);
        self.apply(Input::Resume { conn, previd, h, told: h });
        Ok(())
    }

    fn wait(&mut self, time: &str) -> Result<(), String> {
        let seconds: u64 =
            time.strip_suffix('s').and_then(|s| s.parse().ok()).ok_or("say how many seconds: 90s")?;
        let until = self.now + seconds * 1_000;
        while let Some(deadline) = self.meeting.deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline.max(self.now);
            self.apply(Input::Tick);
        }
        self.now = until;
        Ok(())
    }

    fn answered(&mut self, expected: &str) -> Result<(), String> {
        let (status, body) = expected.split_once(' ').unwrap_or((expected, "{}"));
        if self.answers.is_empty() {
            return Err("there is no answer".to_owned());
        }
        let (got_status, got_body) = self.answers.remove(0);
        let parse =
            |text: &str| serde_json::from_str::<serde_json::Value>(text).map_err(|error| error.to_string());
        let (expected, got) = (parse(body)?, parse(&got_body)?);
        let fields = expected.as_object().ok_or("expect an object")?;
        let same = fields.iter().all(|(key, value)| got.get(key) == Some(value));
        if got_status.to_string() == status && same {
            Ok(())
        } else {
            Err(format!("it is {got_status} {got_body}"))
        }
    }

    fn own(&mut self) {
        let mut settings = Settings::for_domain("meet.example");
        settings.occupants_max = 3;
        settings.shard_name = Some("all".to_owned());
        settings.services = vec![ExternalService {
            kind: "turns".to_owned(),
            host: "turn.meet.example".to_owned(),
            port: 443,
            transport: "tcp".to_owned(),
            username: Some("u".to_owned()),
            password: Some("p".to_owned()),
        }];
        self.apply(Input::Owner { shard: "s".to_owned(), settings });
    }

    fn receive(&mut self, conn: ConnId, text: &str) {
        self.apply(Input::Received { conn, text: text.to_owned() });
    }

    fn apply(&mut self, input: Input) {
        self.entries += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.entries.to_be_bytes());
        let effects = self.meeting.apply(&Entry { at: self.now, seed, input });
        self.meeting.check_invariants();
        let restored = Meeting::restore("demo", &self.meeting.snapshot()).expect("a snapshot comes back");
        assert_eq!(restored, self.meeting, "a snapshot is the state");
        self.meeting = restored;
        for effect in effects {
            self.obey(effect);
        }
    }

    fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Send { conn, text } => {
                let client = self.clients.values_mut().find(|client| client.conn == conn);
                client.expect("nothing is sent to a connection that is gone").receive(text);
            }
            Effect::Close { conn, how } => {
                let client = self.clients.values_mut().find(|client| client.knows(conn));
                client.expect("only known connections are closed").closed.push((conn, how));
            }
            Effect::Answer { status, body, .. } => self.answers.push((status, body)),
            Effect::Ended => self.ended = true,
            Effect::PickBridge { .. } | Effect::AskBridge { .. } | Effect::Fact(_) => {}
        }
    }

    fn nothing_left(&mut self) -> Result<(), String> {
        for (name, client) in &mut self.clients {
            client.nothing().map_err(|left| format!("{name}: {left}"))?;
        }
        Ok(())
    }

    fn client(&mut self, who: &str) -> Result<&mut Client, String> {
        self.clients.get_mut(who).ok_or(format!("who is {who}?"))
    }

    fn conn(&mut self) -> ConnId {
        self.conns += 1;
        ConnId(self.conns)
    }

    fn fill(&self, step: &str) -> Result<String, String> {
        let mut filled = step.replace("{ROOM}", "demo@conference.meet.example");
        for (name, client) in &self.clients {
            filled = filled
                .replace(&format!("{{{name}}}"), &client.jid)
                .replace(&format!("{{{name}.bare}}"), client.jid.split('/').next().unwrap_or_default())
                .replace(&format!("{{{name}.nick}}"), &client.nick)
                .replace(&format!("{{{name}.h}}"), &client.counted.to_string())
                .replace(&format!("{{{name}.token}}"), client.token.as_deref().unwrap_or_default());
        }
        for (word, length) in [("{10KB}", 10_000), ("{300KB}", 300_000)] {
            filled = filled.replace(word, &"x".repeat(length));
        }
        Ok(filled)
    }
}

fn steps(script: &str) -> Vec<(usize, String)> {
    let mut steps: Vec<(usize, String)> = Vec::new();
    for (number, line) in script.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        match steps.last_mut() {
            Some((_, step)) if line.starts_with(char::is_whitespace) => {
                write!(step, " {content}").expect("a string takes everything");
            }
            _ => steps.push((number + 1, content.to_owned())),
        }
    }
    steps
}
