//! Clients that meet, over real sockets.

use crate::bridge_of;
use crate::client::Client;
use crate::shard::{Shard, within};

const HELLO: &str = r#"{"colibriClass":"ClientHello"}"#;

#[tokio::test]
async fn one_talks_and_the_other_hears() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    let mut alice = Client::join(&mut link, "m", "alice", 1001, true).await;
    let mut bob = Client::join(&mut link, "m", "bob", 2001, false).await;
    bob.listen_to(1001);
    within("a voice", async {
        let mut spoken = 0_u8;
        while bob.heard.len() < 20 {
            spoken = spoken.wrapping_add(1);
            alice.talk(&[spoken; 80]);
            tokio::select! {
                () = alice.turn() => {}
                () = bob.turn() => {}
            }
        }
    })
    .await;
    assert!(bob.heard.iter().all(|payload| payload.len() == 80));
    assert!(alice.heard.is_empty(), "nobody hears himself");
    running.shutdown().await;
}

#[tokio::test]
async fn meetings_of_all_threads_have_a_channel_and_garbage_does_not_break_it() {
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    for n in 0..6 {
        let mut client = Client::join(&mut link, &format!("m{n}"), "alice", 1001, true).await;
        check_hello(&mut client).await;
        for first in [0_u8, 22, 63, 128, 255] {
            let garbage: Vec<u8> = (0..200_u8).map(|i| i.wrapping_mul(37).wrapping_add(first)).collect();
            client.socket.send_to(&garbage, running.media_addr()).await.unwrap();
        }
        check_hello(&mut client).await;
    }
    running.shutdown().await;
}

async fn check_hello(client: &mut Client) {
    client.texts.clear();
    client.say(HELLO);
    within("an answer on the channel", async {
        while !client.texts.iter().any(|text| text.contains("ServerHello")) {
            client.turn().await;
        }
    })
    .await;
}
