//! A bridge as its neighbours see it: a shard, browsers' WebSockets, and whoever sends datagrams.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod channel;
mod client;
mod measure;
mod media;
mod meeting;
mod shard;
mod shards;
mod signalling;

use std::net::{IpAddr, SocketAddr};

use bridge::{Config, Running, Shards, Signalling};
use colibri::{ConferenceModified, ConferenceModify, Endpoint, Transport};
use service::metrics::Metrics;
use xmpp::Element;
use xmpp::jid::BareJid;

use shard::{BREWERY, DOMAIN, Link, PASSWORD, Shard, within};

/// A bridge on loopback that looks for `shard`.
async fn bridge_of(shard: &Shard) -> Running {
    bridge_with(shard, &Metrics::new(), 2).await
}

async fn bridge_with(shard: &Shard, metrics: &Metrics, threads: usize) -> Running {
    bridge_for(Shards::Fixed(vec![shard.address()]), metrics, threads).await
}

async fn bridge_for(shards: Shards, metrics: &Metrics, threads: usize) -> Running {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut config = Config::new("bridge-1", nowhere, DOMAIN, PASSWORD, BareJid::new(BREWERY).unwrap());
    config.shards = shards;
    config.media_bind = IpAddr::from([127, 0, 0, 1]);
    config.media_port = 0;
    config.threads = threads;
    config.region = Some("eu".to_owned());
    config.websocket_base = Some("ws://127.0.0.1/colibri-ws/bridge-1".to_owned());
    bridge::start(config, metrics).await.unwrap()
}

/// Waits until the bridge is so far with all the shards that it knows of.
async fn state(running: &Running, wanted: Signalling) {
    let mut states = running.signalling();
    let reached =
        states.wait_for(|states| !states.is_empty() && states.values().all(|state| *state == wanted));
    within("a state", reached).await.unwrap();
}

/// A request for one conference.
fn modify(meeting_id: &str) -> ConferenceModify {
    ConferenceModify { meeting_id: meeting_id.to_owned(), ..Default::default() }
}

/// Creates a conference with one endpoint, and gives the answer.
async fn create(link: &mut Link, meeting_id: &str, endpoint: &str) -> ConferenceModified {
    let request = ConferenceModify {
        name: Some("room@conference.meet.example".to_owned()),
        create: true,
        endpoints: vec![Endpoint {
            id: endpoint.to_owned(),
            create: true,
            capabilities: vec!["source-names".to_owned(), "ssrc-rewriting".to_owned()],
            transport: Some(Transport { ice_controlling: true, ..Default::default() }),
            ..Default::default()
        }],
        ..modify(meeting_id)
    };
    let answer = link.ask("set", request.to_element()).await;
    modified(&answer)
}

fn modified(answer: &Element) -> ConferenceModified {
    let payload = answer.children().next().unwrap_or_else(|| panic!("no payload in {answer:?}"));
    ConferenceModified::from_element(payload).unwrap_or_else(|e| panic!("{e} in {answer:?}"))
}

fn error_of(answer: &Element) -> colibri::Refusal {
    assert_eq!(answer.attr("type"), Some("error"), "{answer:?}");
    let error = answer.children().find(|child| child.name() == "error").unwrap();
    colibri::Refusal::from_element(error).unwrap()
}
