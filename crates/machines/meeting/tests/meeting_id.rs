//! Operators find a meeting in the logs of a bridge by the id that its room tells.

use meeting::{BridgeId, ConnId, Effect, Entry, Input, Meeting, Settings};

struct World {
    meeting: Meeting,
    now: u64,
}

impl World {
    fn apply(&mut self, input: Input) -> Vec<Effect> {
        self.now += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.now.to_be_bytes());
        self.meeting.apply(&Entry { at: self.now, seed, input })
    }

    fn join(&mut self, conn: ConnId) {
        let bound = format!("{:?}", self.apply(Input::Bind { conn, iq_id: "b".to_owned() }));
        let nick = bound.split("<jid>").nth(1).expect("a JID")[..8].to_owned();
        let text = format!("<presence xmlns='jabber:client' to='demo@conference.meet.example/{nick}'/>");
        self.apply(Input::Received { conn, text });
    }

    fn told(&mut self) -> String {
        let text = "<iq xmlns='jabber:client' type='get' id='d' to='demo@conference.meet.example'>\
                    <query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
        let effects = self.apply(Input::Received { conn: ConnId(1), text: text.to_owned() });
        let Some(Effect::Send { text, .. }) = effects.first() else { panic!("{effects:?}") };
        let field = text.split("muc#roominfo_meetingId").nth(1).expect("a field");
        let value = field.split("<value>").nth(1).expect("a value");
        value.split('<').next().expect("a text").to_owned()
    }
}

#[test]
fn the_room_tells_what_bridges_know() {
    let mut world = World { meeting: Meeting::new("demo"), now: 1_000 };
    let settings = Settings::for_domain("meet.example");
    world.apply(Input::Owner { shard: "s".to_owned(), settings });
    world.join(ConnId(1));
    let told = world.told();
    assert_eq!(told.len(), 36, "there is one before there is a bridge");
    world.join(ConnId(2));
    world.now += 20_000;
    world.apply(Input::Tick);
    let asked = world.apply(Input::BridgePicked { bridge: Some(BridgeId("b1".to_owned())) });
    let text = asked.iter().find_map(|effect| match effect {
        Effect::AskBridge { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let text = text.expect("the bridge is asked");
    assert!(text.contains(&format!("meeting-id=\"{told}\"")), "{text}");
    assert_eq!(world.told(), told, "one name from the first joiner on");
}
