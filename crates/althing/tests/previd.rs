//! Somebody comes with the previd of another's stream, or with what never was one, through the router: the stream that it
//! would be goes on, on its own socket.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the finding")]

mod guests;

use guests::{Guest, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_stream_of_this_meeting_is_refused() {
    let (world, other) = (World::of(&["shard-1"]).await, World::of(&["shard-1"]).await);
    let mut anna = world.guest().await;
    let foreign = other.guest().await.token;
    let cut = anna.token[..anna.token.len() - 1].to_owned();
    let swapped: String = anna.token.chars().rev().collect();
    for previd in ["x", &cut, &swapped, &foreign, "&lt;x/&gt;", "\u{202e}"] {
        check_refused(&world, previd, 0, "item-not-found").await;
        goes_on(&mut anna).await;
    }
    // no attribute is so long
    check_refused(&world, &"p".repeat(100_000), 0, "<stream:error").await;
    goes_on(&mut anna).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_its_past_ends_nothing() {
    let world = World::of(&["shard-1"]).await;
    let mut anna = world.guest().await;
    for h in [4_000_000_000, 1_000] {
        check_refused(&world, &anna.token, h, "item-not-found").await;
        goes_on(&mut anna).await;
    }
    assert_eq!(world.resumes("Resumed"), 0, "her socket was never touched");
}

async fn check_refused(world: &World, previd: &str, h: u32, expected: &str) {
    let address = world.router.addr();
    // what the address says is for finding the shard, and decides nothing
    let mut eve = Guest::connect(address, "&previd=abc").await;
    eve.say(&format!("<resume xmlns='urn:xmpp:sm:3' h='{h}' previd='{previd}'/>")).await;
    let answer = eve.hear().await;
    assert!(answer.contains(expected), "{previd:.40}: {answer}");
    eve.check_dropped().await;
}

async fn goes_on(anna: &mut Guest) {
    let line = format!("line-{}", anna.lines.len());
    anna.chat(&line).await;
    anna.hear_until(&format!(">{line}<")).await;
}
