//! The videobridge role: sockets and threads around the forwarding machine of the crate `sfu`.
//!
//! Comes in: RTP, RTCP, STUN and DTLS on one UDP port; colibri2 requests from focuses, through the brewery rooms
//! of the shards that the bridge logs in to; bridge channel messages over `/colibri-ws/`. Goes out: the same kinds, and
//! the bridge's presence in the brewery, which tells focuses that it is there and how hard it works.
//!
//! Three kinds of tasks, and queues with limits between them:
//!
//! - media threads, one for each core. Each owns one `Sfu`, one socket on the shared port and the conferences
//!   whose meeting-id falls to it. It takes in what waits (datagrams, requests, messages, its timer), then obeys the
//!   machine, then sleeps until something rings. A datagram that arrives at another thread's socket is handed over.
//! - the control streams, one to each shard: XMPP over TCP. They may break and come back; no conference notices.
//! - one task for each bridge channel WebSocket, which moves text between the client and the media thread.
//!
//! The shell decides nothing about conferences, endpoints or media: which request is good, who may open a channel,
//! what is forwarded to whom is the machine's. It refuses to know the focus' meetings, TLS (the router in front of
//! `/colibri-ws/` has it) and other bridges.
//!
//! Read next: `media::worker` (the loop), `signalling::session` (a control stream), then the crate `sfu`.

mod announce;
mod bridge;
mod config;
mod limits;
mod media;
mod metrics;
mod signalling;
mod vitals;
mod websocket;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::Router;
use service::clock::Clock;
use service::metrics::Metrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::config::{Config, Shards, Stress};
pub use self::signalling::Signalling;

use self::announce::Addresses;
use self::bridge::Bridge;
use self::limits::HTTP_END_MAX;
use self::media::Media;

/// What the bridge calls itself towards focuses and operators.
pub const VERSION: &str = concat!("althing-", env!("CARGO_PKG_VERSION"));

/// Binds the sockets, starts the media threads and begins to log in. Returns before the bridge has found its shard:
/// it looks for it for as long as it lives. Metrics go into `metrics`.
///
/// # Errors
/// The configuration makes no sense, or a socket cannot be bound.
pub async fn start(config: Config, metrics: &Metrics) -> anyhow::Result<Running> {
    check(&config)?;
    let listener = TcpListener::bind(config.http)
        .await
        .with_context(|| format!("cannot listen on {} for /colibri-ws/", config.http))?;
    let http = listener.local_addr().context("the listener has no address")?;
    let media = Media::start(&config)?;
    let bridge = Arc::new(Bridge::new(config, media.doors().clone()));
    metrics::register(metrics, &bridge);
    let app = websocket::router(bridge.clone());
    let end = bridge.stop().clone().drop_guard();
    let tasks = vec![
        tokio::spawn(signalling::run(bridge.clone())),
        tokio::spawn(vitals::run(bridge.clone())),
        tokio::spawn(announce::run(bridge.clone(), Addresses { http, media: media.address() })),
        tokio::spawn(serve(listener, app, bridge.stop().clone())),
    ];
    Ok(Running { bridge, media, http, tasks, _end: end })
}

async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let served = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(HTTP_END_MAX).await;
    };
    tokio::select! {
        result = served => if let Err(e) = result {
            tracing::error!(error = %e, "/colibri-ws/ is not served any more");
        },
        () = patience => {}
    }
}

fn check(config: &Config) -> anyhow::Result<()> {
    if config.id.is_empty() || !config.id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        bail!(
            "the bridge's id {:?} goes into a nick and into URLs: letters, digits, '-', '_' and '.' only",
            config.id
        );
    }
    let (Stress::Cpu { full } | Stress::PacketRate { full }) = config.stress;
    if !(full.is_finite() && full > 0.0) {
        bail!("the load that counts as full must be above 0, not {full}");
    }
    Ok(())
}

/// A bridge that runs. Dropping it without [`Running::shutdown`] ends its tasks and threads without farewell.
#[derive(Debug)]
pub struct Running {
    bridge: Arc<Bridge>,
    media: Media,
    http: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
    /// ends the tasks when dropped
    _end: DropGuard,
}

/// For the admin port.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    pub media: sfu::Stats,
    /// the best of all shards
    pub signalling: Signalling,
    /// shards whose breweries it is in
    pub shards_entered: usize,
    /// shards that it knows of
    pub shards_known: usize,
    /// the names of those in whose breweries it is not
    pub unseen_by: Vec<String>,
    pub draining: bool,
    /// what is wrong with the bridge; `None`: nothing
    pub ailment: Option<&'static str>,
    /// 1.0: as much as the bridge should carry
    pub stress: f64,
}

impl Running {
    /// Where `/colibri-ws/` is served.
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where media is received.
    pub fn media_addr(&self) -> SocketAddr {
        self.media.address()
    }

    pub fn stats(&self) -> Stats {
        let shards = self.bridge.signalling().borrow().clone();
        let away = shards.iter().filter(|(_, state)| **state != Signalling::Entered);
        Stats {
            media: self.bridge.doors().posting().stats,
            signalling: best(&shards),
            shards_entered: self.bridge.shards_entered(),
            shards_known: shards.len(),
            unseen_by: away.map(|(shard, _)| shard.clone()).collect(),
            draining: self.bridge.is_draining(),
            ailment: self.bridge.doors().ailment(Clock.now()),
            stress: self.bridge.vitals().stress,
        }
    }

    /// How far the bridge is with each shard that it knows of, by the shards' names (those in the registry, or their
    /// addresses), and when that changes.
    pub fn signalling(&self) -> watch::Receiver<BTreeMap<String, Signalling>> {
        self.bridge.signalling()
    }

    /// Once it drains, focuses move its participants to other bridges, as far as there are any; it goes on with those
    /// that stay. A shard that has heard of it believes nothing else until the bridge logs in anew.
    pub fn drain(&self, draining: bool) {
        self.bridge.drain(draining);
    }

    /// Leaves the brewery, closes the channels and ends the threads. All conferences of the bridge end with it.
    pub async fn shutdown(mut self) {
        self.bridge.stop().cancel();
        let tasks = std::mem::take(&mut self.tasks);
        for task in tasks {
            let _ = task.await;
        }
        self.media.stop().await;
    }
}

/// The shard where the bridge is farthest.
fn best(shards: &BTreeMap<String, Signalling>) -> Signalling {
    shards.values().copied().max().unwrap_or_default()
}
