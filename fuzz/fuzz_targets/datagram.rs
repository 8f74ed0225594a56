//! A datagram at the media port, of anybody: routed or dropped, never a panic.
#![no_main]

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use sfu::{Config, Sfu, worker_of};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fuzz_target!(|datagram: &[u8]| {
    let here: SocketAddr = ([192, 0, 2, 1], 10_000).into();
    let mut sfu = Sfu::new(Config { worker: 0, candidates: vec![here], websocket_base: None, seed: [7; 32] });
    let _ = worker_of(datagram);
    assert!(
        !sfu.handle_datagram(*START, ([198, 51, 100, 1], 4_000).into(), here, datagram),
        "nobody is here"
    );
    while sfu.poll_transmit().is_some() {}
    while sfu.poll_event().is_some() {}
});
