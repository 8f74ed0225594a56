//! Shards that a name server tells.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use service::config::{Discovery, Stock};
use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, QTYPE, ResourceRecord, TYPE};
use tokio::net::UdpSocket;

use crate::fronts::{alone, settings, shard_of};
use crate::prosody::Prosody;
use crate::support::raw::{Act, Raw, Seen, ok};
use crate::support::{any_port, get};
use crate::{StockState, state, until};

/// By name and type.
type Zone = BTreeMap<(String, u16), Vec<RData<'static>>>;

/// A name server for one zone; it knows what it is told, and else nothing.
struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl NameServer {
    async fn start() -> Self {
        let socket = UdpSocket::bind(any_port()).await.unwrap();
        let server = Self { address: socket.local_addr().unwrap(), zone: Arc::default() };
        let zone = Arc::clone(&server.zone);
        tokio::spawn(async move {
            let mut bytes = [0; 1500];
            while let Ok((read, from)) = socket.recv_from(&mut bytes).await {
                let Ok(question) = Packet::parse(&bytes[..read]) else { continue };
                let known = zone.lock().unwrap().clone();
                let _ = socket.send_to(&answer(&question, &known), from).await;
            }
        });
        server
    }

    fn tell(&self, name: &str, kind: TYPE, data: Vec<RData<'static>>) {
        self.zone.lock().unwrap().insert((name.to_owned(), kind.into()), data);
    }

    fn shards(&self, name: &str, port: Option<u16>) -> Stock {
        let dns = Discovery {
            name: name.to_owned(),
            port,
            is_tls: false,
            server: Some(self.address),
            interval: Duration::from_millis(100),
        };
        Stock { dns: Some(dns), ..settings(Vec::new()) }
    }
}

fn answer(question: &Packet<'_>, known: &Zone) -> Vec<u8> {
    let mut answer = Packet::new_reply(question.id());
    let asked = question.questions.first().unwrap().clone();
    let QTYPE::TYPE(kind) = asked.qtype else { panic!("one type is asked for") };
    let key = (asked.qname.to_string().to_lowercase(), kind.into());
    for data in known.get(&key).into_iter().flatten() {
        answer.answers.push(ResourceRecord::new(asked.qname.clone(), CLASS::IN, 60, data.clone()));
    }
    answer.questions.push(asked);
    answer.build_bytes_vec_compressed().unwrap()
}

fn service(priority: u16, port: u16, target: &str) -> RData<'static> {
    RData::SRV(SRV { priority, weight: 0, port, target: Name::new(target).unwrap().into_owned() })
}

fn loopback() -> Vec<RData<'static>> {
    vec![RData::A(A { address: Ipv4Addr::LOCALHOST.to_bits() })]
}

#[tokio::test]
async fn services_come_and_go_and_the_higher_priority_stands_in() {
    let (a, mut b) = (Prosody::start("a").await, Prosody::start("b").await);
    let names = NameServer::start().await;
    let zone = "_http._tcp.shards.example";
    names.tell("a.example", TYPE::A, loopback());
    names.tell("b.example", TYPE::A, loopback());
    let (id_a, id_b) = (format!("a.example:{}", a.address.port()), format!("b.example:{}", b.address.port()));
    let both =
        [(5, &a, "a.example"), (9, &b, "b.example")].map(|(p, s, name)| service(p, s.address.port(), name));
    names.tell(zone, TYPE::SRV, both[..1].to_vec());

    let router = alone(names.shards("_http._tcp.shards.example", None)).await;
    assert_eq!(shard_of(&router, "standup").await, id_a);
    names.tell(zone, TYPE::SRV, both.to_vec());
    until("the second is found", || state(&router, &id_b) == StockState::Ready).await;
    assert!(router.stock().unwrap().shards().iter().any(|shard| shard.id == id_b && shard.is_backup));
    assert_eq!(shard_of(&router, "new").await, id_a);

    names.tell(zone, TYPE::SRV, both[1..].to_vec());
    until("the first gets nothing new", || state(&router, &id_a) == StockState::Draining).await;
    assert_eq!(shard_of(&router, "newer").await, id_b);
    assert_eq!(shard_of(&router, "standup").await, id_a, "but keeps what it has");

    names.tell(zone, TYPE::SRV, Vec::new());
    b.kill();
    until("the second dies", || state(&router, &id_b) == StockState::Down).await;
    b.revive().await;
    until("nobody is forgotten for an empty answer", || state(&router, &id_b) == StockState::Ready).await;
}

#[tokio::test]
async fn a_page_that_hangs_on_a_shard_that_is_taken_out_comes_from_another() {
    let held = |seen: &Seen| if seen.turn == 0 { Act::Say(ok("first")) } else { Act::Stop(String::new()) };
    let (mut a, b) = (Raw::start(held).await, Raw::start(|_| Act::Say(ok("other"))).await);
    let names = NameServer::start().await;
    for name in ["a.example", "b.example"] {
        names.tell(name, TYPE::A, loopback());
    }
    let both = [(5, &a, "a.example"), (9, &b, "b.example")].map(|(p, s, n)| service(p, s.address.port(), n));
    names.tell("_http._tcp.shards.example", TYPE::SRV, both.to_vec());
    let settings = names.shards("_http._tcp.shards.example", None);
    let router = alone(Stock { check_path: "/health".to_owned(), ..settings }).await;
    let id = |raw: &Raw, name: &str| format!("{name}:{}", raw.address.port());
    let (id_a, id_b) = (id(&a, "a.example"), id(&b, "b.example"));
    until("both are well", || [&id_a, &id_b].iter().all(|id| state(&router, id) == StockState::Ready)).await;
    assert_eq!(get(&router, "/standup").await.body, "first");
    let takes_out = async {
        until("it hangs", || a.connections() == [0, 0]).await;
        names.tell("_http._tcp.shards.example", TYPE::SRV, both[1..].to_vec());
    };
    let (answer, ()) = tokio::join!(get(&router, "/standup"), takes_out);
    assert_eq!(answer.body, "other");
    assert_eq!(a.closed().await, 0);
}

#[tokio::test]
async fn addresses_are_shards() {
    let a = Prosody::start("a").await;
    let names = NameServer::start().await;
    let router = alone(names.shards("shards.example", Some(a.address.port()))).await;
    names.tell("shards.example", TYPE::A, loopback());
    assert_eq!(shard_of_late(&router).await, a.address.to_string());
}

/// The name server knows nothing at first.
async fn shard_of_late(router: &router::Running) -> String {
    until("it is found", || !router.stock().unwrap().shards().is_empty()).await;
    shard_of(router, "standup").await
}
