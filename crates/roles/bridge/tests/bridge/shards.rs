//! Several shards: they share the conferences, and none of them is needed by media.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bridge::{Running, Shards, Signalling};
use colibri::ConferenceModify;
use journal::{Memory, Node, Registry, Role};
use service::clock::Clock;
use service::metrics::Metrics;
use tokio::time::sleep;

use crate::client::Client;
use crate::shard::{Link, Shard, within};
use crate::{bridge_for, bridge_of, create, error_of, modify, state};

/// How long media goes on without any shard. Long enough for the sweeps of the machine; what takes longer is judged in
/// the crate `sfu`, where time is an argument.
const ALONE: Duration = Duration::from_secs(5);

async fn bridge_of_all(shards: &[&Shard]) -> Running {
    let addresses = shards.iter().map(|shard| shard.address()).collect();
    bridge_for(Shards::Fixed(addresses), &Metrics::new(), 2).await
}

fn node(id: &str, role: Role, xmpp: Option<SocketAddr>) -> Node {
    Node {
        id: id.to_owned(),
        role,
        pid: 1,
        region: None,
        draining: false,
        http: None,
        xmpp,
        media: None,
        admin: None,
        load: 0.0,
        meetings: 0,
        participants: 0,
        started: 1,
    }
}

#[tokio::test]
async fn every_shard_asks_for_the_same_conferences() {
    let (first, second) = (Shard::start().await, Shard::start().await);
    let running = bridge_of_all(&[&first, &second]).await;
    let mut links = [first.enter().await, second.enter().await];
    let mut states = running.signalling();
    let both = states.wait_for(|states| states.values().filter(|s| **s == Signalling::Entered).count() == 2);
    drop(within("both shards", both).await.unwrap());
    assert_eq!((running.stats().shards_entered, running.stats().shards_known), (2, 2));
    create(&mut links[0], "m", "alice").await;
    let answer = links[1].ask("get", modify("m").to_element()).await;
    assert_eq!(answer.attr("type"), Some("result"), "{answer:?}");
    running.shutdown().await;
}

#[tokio::test]
async fn a_former_owner_that_is_late_is_refused() {
    let (first, second) = (Shard::start().await, Shard::start().await);
    let running = bridge_of_all(&[&first, &second]).await;
    let mut links = [first.enter().await, second.enter().await];
    create(&mut links[0], "m", "alice").await;
    let of = |epoch| ConferenceModify { epoch: Some(epoch), ..modify("m") };
    let expire = |epoch| ConferenceModify { expire: true, ..of(epoch) };
    links[1].ask("set", of(2).to_element()).await;
    assert_eq!(
        error_of(&links[0].ask("set", expire(1).to_element()).await).condition,
        colibri::Condition::Conflict
    );
    let stock = links[0].ask("set", modify("m").to_element()).await;
    assert_eq!(stock.attr("type"), Some("result"), "who does not know of epochs is heard");
    assert_eq!(links[1].ask("set", expire(2).to_element()).await.attr("type"), Some("result"));
    running.shutdown().await;
}

#[tokio::test]
async fn media_goes_on_without_any_shard() {
    let (first, second) = (Shard::start().await, Shard::start().await);
    let running = bridge_of_all(&[&first, &second]).await;
    let mut link = first.enter().await;
    let other = second.enter().await;
    let mut alice = Client::join(&mut link, "m", "alice", 1001, true).await;
    let mut bob = Client::join(&mut link, "m", "bob", 2001, false).await;
    bob.listen_to(1001);
    heard(&mut alice, &mut bob, 20).await;
    let addresses = [first.address(), second.address()];
    drop((link, other, first, second));
    state(&running, Signalling::Away).await;

    let since = Clock.now();
    while Clock.now() - since < ALONE {
        heard(&mut alice, &mut bob, 10).await;
    }
    let stats = running.stats();
    assert_eq!((stats.media.conferences, stats.media.endpoints, stats.shards_entered), (1, 2, 0));
    assert_eq!(stats.ailment, None);

    // another shard stands where the second was, and finds everything as it was
    let back = Shard::at(addresses[1]).await;
    let mut link = within("a bridge", back.enter()).await;
    let answer = link.ask("get", modify("m").to_element()).await;
    assert_eq!(answer.attr("type"), Some("result"), "{answer:?}");
    heard(&mut alice, &mut bob, 10).await;
    running.shutdown().await;
}

/// Bob hears so many more packets of alice.
async fn heard(alice: &mut Client, bob: &mut Client, more: usize) {
    let enough = bob.heard.len() + more;
    within("a voice", async {
        while bob.heard.len() < enough {
            alice.talk(&[7; 80]);
            tokio::select! {
                () = alice.turn() => {}
                () = bob.turn() => {}
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_shard_that_comes_back_is_found() {
    let (first, second) = (Shard::start().await, Shard::start().await);
    let running = bridge_of_all(&[&first, &second]).await;
    let (link, mut other) = (first.enter().await, second.enter().await);
    let address = first.address();
    drop((link, first));
    // the pauses have grown as long as they get
    sleep(Duration::from_secs(2)).await;
    create(&mut other, "m", "alice").await;
    let back = Shard::at(address).await;
    within("a bridge", back.connection()).await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_burst_of_requests_delays_no_ping_and_none_is_refused() {
    const BURST: usize = 5_000;
    let shard = Shard::start().await;
    let running = bridge_of(&shard).await;
    let mut link = shard.enter().await;
    create(&mut link, "m", "alice").await;
    // more than a media thread takes at once, as from a shard that takes many meetings over
    for id in 0..BURST {
        link.post("set", &id.to_string(), modify("m").to_element()).await;
    }
    link.post("get", "ping", xmpp::ping::ping()).await;
    let (mut answered, mut pinged) = (0, false);
    while answered < BURST || !pinged {
        let answer = link.next_of("iq").await;
        assert_eq!(answer.attr("type"), Some("result"), "{answer:?}");
        if answer.attr("id") == Some("ping") {
            pinged = true;
        } else {
            assert_eq!(answer.attr("id"), Some(answered.to_string().as_str()), "in order");
            answered += 1;
        }
    }
    running.shutdown().await;
}

#[tokio::test]
async fn shards_are_found_in_the_registry() {
    let registry = Arc::new(Memory::new());
    let running = bridge_for(Shards::Registry(registry.clone()), &Metrics::new(), 1).await;
    announced(&registry, |node| node.http == Some(running.http_addr()) && !node.draining).await;

    let (first, second) = (Shard::start().await, Shard::start().await);
    registry.announce(node("router-1", Role::Router, Some(second.address()))).await.unwrap();
    registry.announce(node("shard-1", Role::Shard, Some(first.address()))).await.unwrap();
    let mut link = first.enter().await;
    state(&running, Signalling::Entered).await;
    registry.announce(node("shard-2", Role::Shard, Some(second.address()))).await.unwrap();
    let other = second.enter().await;

    // it is not named any more, and goes on all the same
    registry.withdraw("shard-1").await.unwrap();
    create(&mut link, "m", "alice").await;
    // now it is gone, and nobody looks for it
    drop((link, first));
    let mut states = running.signalling();
    within("one shard", states.wait_for(|states| states.keys().eq(["shard-2"]))).await.unwrap();
    // one that is started anew elsewhere under its name is followed at once, whatever its old stream does
    let third = Shard::start().await;
    registry
        .announce(Node { started: 2, ..node("shard-2", Role::Shard, Some(third.address())) })
        .await
        .unwrap();
    let mut moved: Link = third.enter().await;
    moved.ask("get", modify("m").to_element()).await;
    drop(other);

    running.drain(true);
    announced(&registry, |node| node.draining && node.meetings == 1).await;
    running.shutdown().await;
    assert!(!registry.nodes().borrow().contains_key("bridge-1"), "it says goodbye");
}

/// Waits until the bridge has said so of itself.
async fn announced(registry: &Memory, what: impl Fn(&Node) -> bool) {
    let mut nodes = registry.nodes();
    let told = nodes.wait_for(|nodes| nodes.get("bridge-1").is_some_and(&what));
    within("an announcement", told).await.unwrap();
}
