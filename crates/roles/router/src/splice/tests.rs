//! Two far ends and a relay between them: who is silent, who reads nothing, and what one message costs.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use service::metrics::Metrics;
use tokio::io::{DuplexStream, duplex};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::relay::{Ended, Relay};
use super::wire::Wire;
use crate::limits::{LOOK_EVERY, LOOKS_OF_SILENCE_MAX, LOOKS_STUCK_MAX};
use crate::metrics::{Counts, Keeping};
use crate::pump::{Side, pump};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn who_answers_pings_may_be_silent() {
    let (mut relay, client, shard) = relay().await;
    tokio::spawn(client.for_each(async |_| {}));
    tokio::spawn(shard.for_each(async |_| {}));
    assert!(timeout(HOUR, relay.run()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_silent_is_dropped() {
    let (mut relay, _client, shard) = relay().await;
    tokio::spawn(shard.for_each(async |_| {}));
    check_ends(relay.run(), LOOKS_OF_SILENCE_MAX, |ended| matches!(ended, Ended::Client)).await;
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_silent_is_left() {
    let (mut relay, client, _shard) = relay().await;
    tokio::spawn(client.for_each(async |_| {}));
    check_ends(relay.run(), LOOKS_OF_SILENCE_MAX, |ended| matches!(ended, Ended::Shard)).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_dropped_though_it_speaks() {
    let (mut relay, mut client, shard) = relay().await;
    let (mut sink, stream) = shard.split();
    tokio::spawn(stream.for_each(async |_| {}));
    tokio::spawn(async move { while sink.send(Message::text("x".repeat(1_000))).await.is_ok() {} });
    let speaks = async {
        loop {
            client.send(Message::Pong(Bytes::new())).await.unwrap();
            tokio::time::sleep(LOOK_EVERY / 2).await;
        }
    };
    tokio::select! {
        () = check_ends(relay.run(), LOOKS_STUCK_MAX, |ended| matches!(ended, Ended::Client)) => {}
        () = speaks => {}
    }
}

/// Nobody asks a client for a sign of life while nobody would hear it.
#[tokio::test(start_paused = true)]
async fn a_client_is_not_silent_while_the_shard_reads_nothing() {
    let (mut relay, mut client, mut shard) = relay().await;
    let speaks = async { while client.send(Message::text("x".repeat(1_000))).await.is_ok() {} };
    let lives = async {
        loop {
            shard.send(Message::Pong(Bytes::new())).await.unwrap();
            tokio::time::sleep(LOOK_EVERY / 2).await;
        }
    };
    let all = async { tokio::join!(relay.run(), speaks, lives).0 };
    assert!(timeout(HOUR, all).await.is_err());
}

type FarEnd = WebSocketStream<DuplexStream>;

async fn relay() -> (Relay<DuplexStream, DuplexStream>, FarEnd, FarEnd) {
    let ((client, near_client), (shard, near_shard)) = (duplex(4_096), duplex(4_096));
    let client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    let shard = WebSocketStream::from_raw_socket(shard, Role::Server, None).await;
    (between(near_client, near_shard).await, client, shard)
}

async fn between<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    client: S,
    shard: S,
) -> Relay<S, S> {
    let wire = |stream, role| Wire::new(Side { stream, early: Bytes::new() }, role, 1 << 20);
    let (client, shard) = (wire(client, Role::Server).await, wire(shard, Role::Client).await);
    Relay::new(client, shard, Keeping::new(&Counts::new(&Metrics::new())))
}

async fn check_ends(run: impl Future<Output = Ended>, looks: u32, expected: impl Fn(&Ended) -> bool) {
    let start = Instant::now();
    let ended = timeout(HOUR, run).await.unwrap();
    assert!(expected(&ended), "{ended:?}");
    let took = start.elapsed();
    assert!((LOOK_EVERY * looks..=LOOK_EVERY * (looks + 2)).contains(&took), "{took:?}");
}

/// Prints what one message from a shard to a client costs, beside bytes that are only pumped. The figures want an
/// optimised build:
/// `cargo test --release -p router --lib cost_of_a_message -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "it is what it is for")]
fn cost_of_a_message() {
    for burst in [1, 10] {
        for size in [300, 1_500] {
            let spliced = measure(burst, size, |client, shard| async {
                between(client, shard).await.run().await;
            });
            let pumped = measure(burst, size, |client, shard| {
                let side = |stream| Side { stream, early: Bytes::new() };
                pump(side(client), side(shard))
            });
            println!("{size} bytes, {burst} at a time: {spliced:.2} us spliced, {pumped:.2} us pumped");
        }
    }
}

/// Microseconds of CPU time of the thread between the two, for each message.
fn measure<F: Future<Output = ()>>(
    burst: usize,
    size: usize,
    serve: impl FnOnce(tokio::net::TcpStream, tokio::net::TcpStream) -> F + Send,
) -> f64 {
    const MESSAGES: usize = 100_000;
    let ((mut client, near_client), (mut shard, near_shard)) = (pair(), pair());
    std::thread::scope(|scope| {
        let between = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let before = cpu_ns();
            runtime.block_on(async {
                let near = [near_client, near_shard].map(|stream| {
                    stream.set_nonblocking(true).unwrap();
                    tokio::net::TcpStream::from_std(stream).unwrap()
                });
                let [client, shard] = near;
                serve(client, shard).await;
            });
            cpu_ns() - before
        });
        let masked = |text: &str| {
            let head = [0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
            [&head[..], text.as_bytes()].concat()
        };
        client.write_all(&masked("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")).unwrap();
        // masks differ, lengths do not
        read(&mut shard, masked("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").len());
        let enabled = "<enabled xmlns='urn:xmpp:sm:3' id='T' resume='true'/>";
        let head = [0x81, u8::try_from(enabled.len()).unwrap()];
        shard.write_all(&[&head[..], enabled.as_bytes()].concat()).unwrap();
        read(&mut client, enabled.len() + 2);
        let message = format!("<message xmlns=\"jabber:client\" id=\"{}\"/>", "x".repeat(size - 40));
        let head = [&[0x81, 126][..], &u16::try_from(message.len()).unwrap().to_be_bytes()].concat();
        let frames = [&head, message.as_bytes()].concat().repeat(burst);
        for _ in 0..MESSAGES / burst {
            shard.write_all(&frames).unwrap();
            read(&mut client, frames.len());
        }
        drop((client, shard));
        let spent = between.join().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let each = spent as f64 / 1_000.0 / MESSAGES as f64;
        each
    })
}

fn read(stream: &mut TcpStream, bytes: usize) {
    let mut buffer = vec![0; bytes];
    stream.read_exact(&mut buffer).unwrap();
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (near, _) = listener.accept().unwrap();
    far.set_nodelay(true).unwrap();
    near.set_nodelay(true).unwrap();
    (far, near)
}

/// Of this thread, as Linux tells it.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}
