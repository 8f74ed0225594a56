//! Bridges over TCP, with tokio-xmpp as the foreign client.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use journal::Memory;
use service::metrics::Metrics;
use shard::{Config, Limits, Running};
use support::{Guest, PASSWORD, PATIENCE, USER, between, config, start, start_with, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tokio_xmpp::connect::{DnsConfig, TcpServerConnector};
use tokio_xmpp::jid::Jid;
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::iq::Iq;
use tokio_xmpp::xmlstream::Timeouts;
use tokio_xmpp::{Client, Event, Stanza};

const BREWERY: &str = "jvbbrewery@internal.auth.meet.example";

#[tokio::test]
async fn a_bridge_logs_in_joins_and_answers() {
    let shard = start().await;
    let mut bridge = bridge(&shard, "bridge-1").await;
    let known = until(async || shard.bridges().first().cloned()).await;
    assert_eq!((known.id.as_str(), known.stress, known.draining), ("bridge-1", 0.2, false));
    // two participants make the focus ask the bridge
    let _guests = two_guests(&shard).await;
    let request = next_request(&mut bridge).await;
    assert_eq!(request.attr("from"), Some(&*format!("{BREWERY}/focus")));
    // after a refusal the focus asks elsewhere
    let mut other = self::bridge(&shard, "bridge-2").await;
    until(async || (shard.bridges().len() == 2).then_some(())).await;
    refuse(&bridge, &request);
    next_request(&mut other).await;
}

#[tokio::test]
async fn a_bridge_that_is_gone_is_known_to_be_gone() {
    let shard = start().await;
    let bridge = bridge(&shard, "bridge-1").await;
    until(async || (shard.bridges().len() == 1).then_some(())).await;
    drop(bridge);
    until(async || shard.bridges().is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_bridge_that_stands_still_is_known_to_be_gone_and_one_that_lives_is_not() {
    let shard = start().await;
    let (still, _lively) = (bridge(&shard, "bridge-1").await, bridge(&shard, "bridge-2").await);
    until(async || (shard.bridges().len() == 2).then_some(())).await;
    still.frozen.cancel();
    until(async || (shard.bridges().len() == 1).then_some(())).await;
    // as long as it takes to notice another one
    let (next, _guests) = (bridge(&shard, "bridge-3").await, two_guests(&shard).await);
    until(async || (shard.bridges().len() == 2).then_some(())).await;
    next.frozen.cancel();
    until(async || (shard.bridges().len() == 1).then_some(())).await;
    assert_eq!(shard.bridges()[0].id, "bridge-2");
}

#[tokio::test]
async fn who_found_no_bridge_is_taken_to_the_first_that_comes() {
    let shard = start().await;
    let _guests = two_guests(&shard).await;
    let mut late = bridge(&shard, "bridge-1").await;
    next_request(&mut late).await;
}

#[tokio::test]
async fn a_bridge_that_was_given_up_expires_what_it_has_when_it_is_back() {
    let shard = start().await;
    let mut first = bridge(&shard, "bridge-1").await;
    until(async || (shard.bridges().len() == 1).then_some(())).await;
    let _guests = two_guests(&shard).await;
    let lost = next_request(&mut first).await;
    let mut second = bridge(&shard, "bridge-2").await;
    until(async || (shard.bridges().len() == 2).then_some(())).await;
    drop(first);
    let moved = next_request(&mut second).await;
    assert_eq!(meeting_id(&moved), meeting_id(&lost));
    let mut back = bridge(&shard, "bridge-1").await;
    let expire = next_request(&mut back).await;
    assert_eq!((meeting_id(&expire), is_expire(&expire)), (meeting_id(&lost), true));
}

#[tokio::test]
async fn the_only_bridge_is_asked_what_it_still_has_when_it_is_back() {
    let shard = start().await;
    let mut only = bridge(&shard, "bridge-1").await;
    let _guests = two_guests(&shard).await;
    let before = next_request(&mut only).await;
    drop(only);
    until(async || shard.bridges().is_empty().then_some(())).await;
    let mut back = bridge(&shard, "bridge-1").await;
    let asked = next_request(&mut back).await;
    assert_eq!((meeting_id(&asked), is_expire(&asked)), (meeting_id(&before), false));
}

#[tokio::test]
async fn from_a_bridge_that_is_unwell_or_leaves_all_are_taken_at_once() {
    for stat in ["<stat name='healthy' value='false'/>", "<stat name='shutting_down' value='true'/>"] {
        let metrics = Metrics::new();
        let shard =
            shard::start(config(), Arc::new(Memory::new()), &metrics).await.expect("the shard starts");
        let mut first = bridge(&shard, "bridge-1").await;
        until(async || (shard.bridges().len() == 1).then_some(())).await;
        let _guests = two_guests(&shard).await;
        let left = next_request(&mut first).await;
        let mut second = bridge(&shard, "bridge-2").await;
        until(async || (shard.bridges().len() == 2).then_some(())).await;
        first.answers.send(stanza(&presence("bridge-1", stat))).expect("the stream is open");
        next_request(&mut second).await;
        let told = async {
            loop {
                let request = next_request(&mut first).await;
                if is_expire(&request) {
                    return meeting_id(&request);
                }
            }
        };
        assert_eq!(told.await, meeting_id(&left), "{stat}");
        assert!(metrics.exposition().contains("bridge_lost_total 0"), "it can be told");
    }
}

#[tokio::test]
async fn a_shard_that_stood_still_loses_no_bridge() {
    let metrics = Metrics::new();
    let shard = shard::start(config(), Arc::new(Memory::new()), &metrics).await.expect("the shard starts");
    let _bridges = [bridge(&shard, "bridge-1").await, bridge(&shard, "bridge-2").await];
    until(async || (shard.bridges().len() == 2).then_some(())).await;
    for _ in 0..3 {
        // This thread is the shard's, and the bridges' too: nobody is heard while it sleeps.
        std::thread::sleep(Duration::from_millis(1_100));
        // as long as it takes to notice one that is gone
        let next = bridge(&shard, "bridge-3").await;
        until(async || (shard.bridges().len() == 3).then_some(())).await;
        next.frozen.cancel();
        until(async || (shard.bridges().len() == 2).then_some(())).await;
    }
    let text = metrics.exposition();
    assert!(text.contains("bridge_lost_total 3"), "only those that were frozen: {text}");
}

#[tokio::test]
async fn a_bridge_that_does_not_answer_is_not_waited_for_for_ever() {
    let limits = Limits { bridge_answer_time: Duration::from_millis(200), ..Limits::default() };
    let shard = start_with(Config { limits, ..config() }, Arc::new(Memory::new())).await;
    let mut silent = bridge(&shard, "bridge-1").await;
    let _guests = two_guests(&shard).await;
    next_request(&mut silent).await;
    let mut other = bridge(&shard, "bridge-2").await;
    next_request(&mut other).await;
}

#[tokio::test]
async fn a_wrong_password_is_not_authorized() {
    let shard = start().await;
    for plain in ["\0jvb\0wrong", "\0nobody\0secret"] {
        let heard = raw(&shard, &[HEADER, &plain_auth(plain)], "</failure>").await;
        assert!(heard.contains("<not-authorized/>"), "{heard}");
    }
    let heard = raw(&shard, &[HEADER, &plain_auth("\0jvb\0secret")], "<success").await;
    assert!(heard.contains("<success"), "{heard}");
}

#[tokio::test]
async fn what_is_no_stream_is_told_so() {
    let shard = start().await;
    let big = format!("{HEADER}<auth xmlns='s'>{}", "x".repeat(300_000));
    for (text, condition) in [
        ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
        ("<stream xmlns='x'>", "invalid-namespace"),
        (&HEADER.replace("auth.meet.example", "elsewhere"), "host-unknown"),
        (&format!("{HEADER}<iq/>"), "not-authorized"),
        (&big, "policy-violation"),
    ] {
        let heard = raw(&shard, &[text], "</stream:stream>").await;
        assert!(heard.contains(condition), "{condition}: {heard}");
    }
}

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                      to='auth.meet.example' version='1.0'>";

fn plain_auth(message: &str) -> String {
    let text = base64(message.as_bytes());
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{text}</auth>")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |n: usize| {
            if n <= chunk.len() { DIGITS[bits as usize >> (18 - 6 * n) & 63] as char } else { '=' }
        };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Writes texts as they stand; gives what was heard up to `end`, or to the end of the socket.
async fn raw(shard: &Running, texts: &[&str], end: &str) -> String {
    let mut socket = TcpStream::connect(shard.xmpp_addr()).await.expect("the port is open");
    for text in texts {
        socket.write_all(text.as_bytes()).await.expect("it is written");
    }
    let mut heard = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&heard).contains(end) {
            if !matches!(socket.read_buf(&mut heard).await, Ok(1..)) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("it answers");
    String::from_utf8(heard).expect("it is text")
}

/// A bridge in the brewery. It answers pings by itself, as every bridge does, and is gone when this is dropped.
struct Bridge {
    requests: mpsc::UnboundedReceiver<Element>,
    answers: mpsc::UnboundedSender<Stanza>,
    /// when this is cancelled it hears and says nothing more, and keeps its socket
    frozen: CancellationToken,
    _life: AbortOnDropHandle<()>,
}

async fn bridge(shard: &Running, nick: &str) -> Bridge {
    let mut client = log_in(shard, nick).await;
    let (asked, requests) = mpsc::unbounded_channel();
    let (answers, mut answered) = mpsc::unbounded_channel();
    let frozen = CancellationToken::new();
    let freeze = frozen.clone();
    let life = async move {
        loop {
            tokio::select! {
                () = freeze.cancelled() => std::future::pending().await,
                Some(answer) = answered.recv() => drop(client.send_stanza(answer).await),
                event = client.next() => match event {
                    None => return,
                    Some(Event::Stanza(Stanza::Iq(iq @ Iq::Get { .. }))) => {
                        let iq = Element::from(iq);
                        if iq.has_child("ping", "urn:xmpp:ping") {
                            drop(client.send_stanza(pong(&iq)).await);
                        } else {
                            drop(asked.send(iq));
                        }
                    }
                    Some(_) => {}
                },
            }
        }
    };
    Bridge { requests, answers, frozen, _life: AbortOnDropHandle::new(tokio::spawn(life)) }
}

async fn log_in(shard: &Running, nick: &str) -> Client {
    let jid = Jid::new(&format!("{USER}@auth.meet.example/{nick}")).expect("a JID");
    let connector = TcpServerConnector::from(DnsConfig::addr(&shard.xmpp_addr().to_string()));
    let mut client = Client::new_with_connector(jid, PASSWORD, connector, Timeouts::tight());
    let online = async { while !client.next().await.expect("it goes on").is_online() {} };
    tokio::time::timeout(PATIENCE, online).await.expect("it logs in");
    client.send_stanza(stanza(&presence(nick, ""))).await.expect("the stream is open");
    client
}

fn presence(nick: &str, stat: &str) -> String {
    format!(
        "<presence xmlns='jabber:client' to='{BREWERY}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/>\
         <stats xmlns='http://jitsi.org/protocol/colibri'><stat name='stress_level' value='0.2'/>\
         <stat name='drain' value='false'/>{stat}</stats></presence>"
    )
}

fn pong(ping: &Element) -> Stanza {
    let [id, from] = ["id", "from"].map(|name| ping.attr(name).expect("pings have it"));
    stanza(&format!("<iq xmlns='jabber:client' type='result' id='{id}' to='{from}'/>"))
}

/// Two participants who tell the focus what they can do.
async fn two_guests(shard: &Running) -> [Guest; 2] {
    let mut guests = [Guest::joined(shard, "demo").await.0, Guest::joined(shard, "demo").await.0];
    for guest in &mut guests {
        let asked = guest.hear_until("disco#info").await;
        let [id, from] = [" id=\"", " from=\""].map(|name| between(&asked, name, "\"").to_owned());
        guest
            .say(&format!(
                "<iq xmlns='jabber:client' type='result' id='{id}' to='{from}'>\
                 <query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            ))
            .await;
    }
    guests
}

/// The next colibri2 request of the focus.
async fn next_request(bridge: &mut Bridge) -> Element {
    let request = async {
        loop {
            let iq = bridge.requests.recv().await.expect("it goes on");
            if iq.has_child("conference-modify", "jitsi:colibri2") {
                return iq;
            }
        }
    };
    tokio::time::timeout(PATIENCE, request).await.expect("it is asked")
}

fn modify(request: &Element) -> &Element {
    request.get_child("conference-modify", "jitsi:colibri2").expect("it is one")
}

fn meeting_id(request: &Element) -> Option<String> {
    modify(request).attr("meeting-id").map(str::to_owned)
}

fn is_expire(request: &Element) -> bool {
    modify(request).attr("expire") == Some("true")
}

fn refuse(bridge: &Bridge, request: &Element) {
    let [id, from, to] =
        ["id", "from", "to"].map(|name| request.attr(name).expect("requests have it").to_owned());
    let iq = format!(
        "<iq xmlns='jabber:client' type='error' id='{id}' from='{to}' to='{from}'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    bridge.answers.send(stanza(&iq)).expect("the stream is open");
}

fn stanza(text: &str) -> Stanza {
    let element: Element = text.parse().expect("XML");
    Stanza::try_from(element).expect("a stanza")
}
