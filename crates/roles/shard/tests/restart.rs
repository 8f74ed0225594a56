//! The shard is killed and started again on the same journal: its clients get their streams back.

mod support;

use std::path::Path;
use std::sync::Arc;

use journal::{Journal, Memory, Redb};
use shard::Running;
use support::engine::Faulty;
use support::{Guest, PATIENCE, config, start_with, until};

#[tokio::test]
async fn a_killed_shard_gives_its_clients_their_streams_back() {
    let directory = tempfile::tempdir().unwrap();
    let shard = start_on(directory.path()).await;
    let (mut anna, anna_token) = Guest::joined(&shard, "demo").await;
    let (bob, bob_token) = Guest::joined(&shard, "demo").await;
    let (anna_nick, bob_nick) = (anna.nick().to_owned(), bob.nick().to_owned());
    // whatever was heard is committed; what is underway may be lost with the socket, and is sent again
    anna.say(&chat("1", "before")).await;
    anna.hear_until("before").await;
    shard.kill().await;
    drop((anna, bob));

    let shard = start_on(directory.path()).await;
    let meetings = shard.meetings().await;
    assert_eq!((meetings.len(), meetings[0].1.participants.len(), meetings[0].1.hibernating), (1, 2, 2));
    let mut anna = Guest::connect(&shard, &format!("room=demo&previd={anna_token}")).await;
    anna.log_in().await;
    assert_eq!(anna.resume(&anna_token, 0).await, Ok(2), "the join and the chat line were taken");
    let heard = anna.hear_until("before").await;
    assert!(!heard.contains("urn:xmpp:delay"), "{heard}");
    let mut bob = Guest::connect(&shard, &format!("room=demo&previd={bob_token}")).await;
    bob.log_in().await;
    assert_eq!(bob.resume(&bob_token, 0).await, Ok(1));
    bob.hear_until("before").await;

    anna.say(&chat("2", "after")).await;
    let heard = bob.hear_until("after").await;
    assert!(heard.contains(&format!("/{anna_nick}\"")), "{heard}");
    assert_ne!(anna_nick, bob_nick);
}

#[tokio::test]
async fn many_entries_survive_through_a_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let shard = start_on(directory.path()).await;
    let (mut anna, token) = Guest::joined(&shard, "demo").await;
    let lines = 700_u32;
    for n in 0..lines {
        anna.say(&chat(&n.to_string(), &format!("line {n}."))).await;
        anna.hear_until(&format!("line {n}.")).await;
        if n % 100 == 0 {
            anna.say("<a xmlns='urn:xmpp:sm:3' h='1'/>").await;
        }
    }
    shard.kill().await;
    drop(anna);
    let journal = Redb::open(directory.path()).unwrap();
    let replay = journal.replay("demo").await.unwrap();
    assert!(replay.snapshot.is_some() && replay.records.len() < 600, "{} records", replay.records.len());
    drop(journal);

    let shard = start_on(directory.path()).await;
    let mut anna = Guest::connect(&shard, &format!("room=demo&previd={token}")).await;
    anna.log_in().await;
    assert_eq!(anna.resume(&token, 1).await, Ok(lines + 1));
    anna.hear_until(&format!("line {}.", lines - 1)).await;
}

#[tokio::test]
async fn a_planned_end_writes_meetings_down() {
    let memory = Memory::new();
    let shard = start_with(config(), Arc::new(memory.clone())).await;
    let (guest, token) = Guest::joined(&shard, "demo").await;
    shard.shutdown().await;
    drop(guest);
    let replay = memory.replay("demo").await.unwrap();
    assert!(replay.snapshot.is_some() && replay.records.is_empty(), "{replay:?}");
    let shard = start_with(config(), Arc::new(memory)).await;
    let mut guest = Guest::connect(&shard, &format!("room=demo&previd={token}")).await;
    guest.log_in().await;
    assert_eq!(guest.resume(&token, 0).await, Ok(1));
}

#[tokio::test]
async fn one_stuck_meeting_does_not_hold_up_the_others() {
    let memory = Memory::new();
    let shard = start_with(config(), Arc::new(memory.clone())).await;
    let _guest = Guest::joined(&shard, "well").await;
    let _guest = Guest::joined(&shard, "stuck").await;
    shard.kill().await;

    let engine = Faulty { silent_about: Some("stuck"), ..Faulty::new(&memory) };
    let started = start_with(config(), Arc::new(engine));
    let shard = tokio::time::timeout(PATIENCE, started).await.expect("it starts");
    let meetings = tokio::time::timeout(PATIENCE, shard.meetings()).await.expect("it answers");
    let told: Vec<_> = meetings.iter().map(|(room, s)| (room.as_str(), s.participants.len())).collect();
    assert_eq!(told, [("stuck", 0), ("well", 1)]);
    shard.kill().await;
}

#[tokio::test]
async fn a_meeting_that_was_over_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let shard = start_on(directory.path()).await;
    let (mut guest, _) = Guest::joined(&shard, "demo").await;
    guest.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
    guest.end().await;
    until(async || shard.meetings().await.is_empty().then_some(())).await;
    shard.kill().await;
    let shard = start_on(directory.path()).await;
    assert!(shard.meetings().await.is_empty());
}

async fn start_on(directory: &Path) -> Running {
    // the former shard's tasks may hold the file for a moment longer
    let journal: Arc<dyn Journal> = until(async || Redb::open(directory).ok().map(Arc::new)).await;
    start_with(config(), journal).await
}

fn chat(id: &str, text: &str) -> String {
    format!(
        "<message type='groupchat' id='{id}' to='demo@conference.meet.example' xmlns='jabber:client'><body>{text}</body></message>"
    )
}
