//! The room of a tenant has an address of its own.

use meeting::{ConnId, Effect, Entry, Input, Meeting, RequestId, Settings};

fn entry(number: u8, input: Input) -> Entry {
    Entry { at: 1_000 + u64::from(number), seed: [number; 32], input }
}

#[test]
fn a_tenants_room_is_joined_at_its_own_domain() {
    let mut meeting = Meeting::new("[acme]demo");
    let settings = Settings::for_domain("meet.example");
    let mut number = 0;
    let mut tell = |input| {
        number += 1;
        meeting.apply(&entry(number, input))
    };
    tell(Input::Owner { shard: "shard-1".to_owned(), settings });
    let body = r#"{"room":"demo@conference.acme.meet.example"}"#.to_owned();
    let answer = tell(Input::ConferenceRequest { request: RequestId(1), body });
    assert!(matches!(&answer[..], [Effect::Answer { status: 200, .. }]), "{answer:?}");
    let conn = ConnId(1);
    tell(Input::Bind { conn, iq_id: "bind".to_owned() });
    let sent = |effects: Vec<Effect>| -> Vec<String> {
        effects
            .into_iter()
            .filter_map(|effect| if let Effect::Send { text, .. } = effect { Some(text) } else { None })
            .collect()
    };
    let join = |domain: &str| Input::Received {
        conn,
        text: format!(
            "<presence xmlns='jabber:client' to='demo@{domain}/nick1234'>\
             <x xmlns='http://jabber.org/protocol/muc'/></presence>"
        ),
    };
    let refused = sent(tell(join("conference.meet.example")));
    assert!(refused.len() == 1 && refused[0].contains("remote-server-not-found"), "{refused:?}");
    let joined = sent(tell(join("conference.acme.meet.example")));
    assert!(joined[0].contains("from=\"demo@conference.acme.meet.example/focus\""), "{joined:?}");
}
