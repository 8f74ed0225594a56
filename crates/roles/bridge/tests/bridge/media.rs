//! The media port.

use std::time::Duration;

use colibri::{Endpoint, Transport};
use service::metrics::Metrics;
use str0m::ice::{StunMessage, TransId};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use xmpp::elem;
use xmpp::jingle::ice::IceUdp;

use crate::shard::{Link, Shard, within};
use crate::{bridge_with, create, modify};

/// Enough that the kernel does not put all of them on one of two sockets.
const CLIENTS: usize = 24;

#[tokio::test]
async fn a_first_datagram_finds_its_thread_whatever_socket_it_came_to() {
    let shard = Shard::start().await;
    let metrics = Metrics::new();
    let running = bridge_with(&shard, &metrics, 2).await;
    let mut link = shard.enter().await;
    for n in 0..CLIENTS {
        let client = Client::new(&mut link, &format!("m{n}"), "alice").await;
        client.check_answered(running.media_addr()).await;
    }
    let handed_over = counter(&metrics, "jitsi_jvb_datagrams_handed_over_total").await;
    assert!(handed_over > 0, "the kernel sent everything to the right socket by itself");
    running.shutdown().await;
}

#[tokio::test]
async fn one_thread_needs_no_hand_over() {
    let shard = Shard::start().await;
    let metrics = Metrics::new();
    let running = bridge_with(&shard, &metrics, 1).await;
    let mut link = shard.enter().await;
    let client = Client::new(&mut link, "m", "alice").await;
    client.check_answered(running.media_addr()).await;
    assert_eq!(counter(&metrics, "jitsi_jvb_datagrams_handed_over_total").await, 0);
    running.shutdown().await;
}

#[tokio::test]
async fn a_flood_of_garbage_hurts_nobody() {
    let shard = Shard::start().await;
    let metrics = Metrics::new();
    let running = bridge_with(&shard, &metrics, 2).await;
    let mut link = shard.enter().await;
    let client = Client::new(&mut link, "m", "alice").await;
    client.check_answered(running.media_addr()).await;

    for seed in 0..4 {
        flood(running.media_addr(), seed).await;
    }
    client.check_answered(running.media_addr()).await;
    assert_eq!(running.stats().ailment, None);
    assert!(counter(&metrics, "jitsi_jvb_datagrams_refused_total").await > 0);
    let health = link.ask("get", elem("healthcheck", "http://jitsi.org/protocol/healthcheck").build()).await;
    assert_eq!(health.attr("type"), Some("result"));
    running.shutdown().await;
}

/// Datagrams of all sizes, with the first bytes of STUN, DTLS, RTP and nothing known.
async fn flood(to: std::net::SocketAddr, seed: u64) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for n in 0..3000 {
        let size = if n % 50 == 0 { 9000 } else { next() as usize % 1400 };
        let mut datagram: Vec<u8> = (0..size).map(|_| next() as u8).collect();
        if let Some(first) = datagram.first_mut() {
            *first = [0, 0, 22, 128, *first][n % 5];
        }
        if n % 5 == 0 && datagram.len() >= 20 {
            // a binding request by its head, garbage behind it
            datagram[1] = 1;
            let length = u16::try_from(datagram.len() - 20).unwrap();
            datagram[2..4].copy_from_slice(&length.to_be_bytes());
            datagram[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        }
        let _ = socket.send_to(&datagram, to).await;
    }
}

/// An endpoint as far as its first ICE check.
struct Client {
    socket: UdpSocket,
    username: String,
    password: String,
}

impl Client {
    /// Creates the endpoint in a conference of its own.
    async fn new(link: &mut Link, meeting_id: &str, endpoint: &str) -> Self {
        let answer = create(link, meeting_id, endpoint).await;
        let ice = answer.endpoints[0].transport.clone().and_then(|t| t.ice).expect("a transport");
        let mut request = modify(meeting_id);
        let own = IceUdp { ufrag: Some("abcd".to_owned()), pwd: Some("p".repeat(24)), ..Default::default() };
        request.endpoints = vec![Endpoint {
            id: endpoint.to_owned(),
            transport: Some(Transport { ice: Some(own), ..Default::default() }),
            ..Default::default()
        }];
        let modified = link.ask("set", request.to_element()).await;
        assert_eq!(modified.attr("type"), Some("result"), "{modified:?}");
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            username: format!("{}:abcd", ice.ufrag.unwrap()),
            password: ice.pwd.unwrap(),
        }
    }

    /// Sends a binding request, and again as RFC 8489 wants it, until its answer comes.
    async fn check_answered(&self, to: std::net::SocketAddr) {
        let transaction = TransId::new();
        let request = StunMessage::binding_request(&self.username, transaction, false, 1, 1, false);
        let mut bytes = [0; 500];
        let n = request.to_bytes(Some(self.password.as_bytes()), &mut bytes, hmac_sha1).unwrap();
        let answered = async {
            loop {
                self.socket.send_to(&bytes[..n], to).await.unwrap();
                if timeout(Duration::from_millis(500), self.answer(transaction)).await.is_ok() {
                    return;
                }
            }
        };
        within("an answer to a binding request", answered).await;
    }

    async fn answer(&self, transaction: TransId) {
        let mut buffer = [0; 2000];
        loop {
            let (n, _) = self.socket.recv_from(&mut buffer).await.unwrap();
            let answer = StunMessage::parse(&buffer[..n]);
            if answer.is_ok_and(|m| m.is_successful_binding_response() && m.trans_id() == transaction) {
                return;
            }
        }
    }
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    str0m::crypto::from_feature_flags().sha1_hmac_provider.sha1_hmac(key, parts)
}

/// The value of a counter, once it is not 0 any more or the threads had time to post it.
async fn counter(metrics: &Metrics, name: &str) -> u64 {
    let mut value = 0;
    for _ in 0..20 {
        let text = metrics.exposition();
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
        value = line.trim().parse().unwrap();
        if value > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    value
}
