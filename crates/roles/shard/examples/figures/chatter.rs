//! The entries of a meeting whose people chat.

use meeting::{ConnId, Effect, Entry, Input, Meeting, Settings};

pub(crate) const PEOPLE: usize = 10;
/// Lines between two acknowledgements of everybody.
const LINES: usize = 5;

/// So many: everybody joins, and then there are lines and acknowledgements.
pub(crate) fn entries(count: usize) -> Vec<Entry> {
    let mut chatter = Chatter::new();
    for person in 0..PEOPLE {
        chatter.join(person);
    }
    while chatter.entries.len() < count {
        (0..LINES).for_each(|line| chatter.say(line % PEOPLE));
        (0..PEOPLE).for_each(|person| chatter.acknowledge(person));
    }
    chatter.entries.truncate(count);
    chatter.entries
}

struct Chatter {
    meeting: Meeting,
    entries: Vec<Entry>,
    /// stanzas that each of them was sent on its managed stream
    sent: [u32; PEOPLE],
}

impl Chatter {
    fn new() -> Self {
        let meeting = Meeting::new("replayed");
        let mut chatter = Self { meeting, entries: Vec::new(), sent: [0; PEOPLE] };
        let settings = Settings::for_domain("meet.example");
        chatter.apply(Input::Owner { shard: "shard-1".to_owned(), settings });
        chatter
    }

    fn join(&mut self, person: usize) {
        self.apply(Input::Bind { conn: conn(person), iq_id: "bind".to_owned() });
        self.receive(person, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>".to_owned());
        self.sent[person] = 0;
        let to = format!("replayed@conference.meet.example/{person:08x}");
        let muc = "<x xmlns='http://jabber.org/protocol/muc'/>";
        self.receive(person, format!("<presence xmlns='jabber:client' to='{to}'>{muc}</presence>"));
    }

    fn say(&mut self, person: usize) {
        let body =
            format!("<body>a line of chat, as people write them, number {}</body>", self.entries.len());
        let to = "to='replayed@conference.meet.example' type='groupchat'";
        self.receive(person, format!("<message xmlns='jabber:client' {to} id='m'>{body}</message>"));
    }

    fn acknowledge(&mut self, person: usize) {
        self.receive(person, format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.sent[person]));
    }

    fn receive(&mut self, person: usize, text: String) {
        self.apply(Input::Received { conn: conn(person), text });
    }

    fn apply(&mut self, input: Input) {
        let number = self.entries.len() as u64;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let entry = Entry { at: 1_700_000_000_000 + number, seed, input };
        for effect in self.meeting.apply(&entry) {
            if let Effect::Send { conn, text } = effect {
                let is_stanza = ["<message", "<presence", "<iq"].iter().any(|start| text.starts_with(start));
                let person = usize::try_from(conn.0).expect("one of ours");
                self.sent[person] += u32::from(is_stanza);
            }
        }
        self.entries.push(entry);
    }
}

fn conn(person: usize) -> ConnId {
    ConnId(person as u64)
}
