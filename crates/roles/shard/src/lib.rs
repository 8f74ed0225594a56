//! The shard: the shell around meetings. It owns the sockets, the tasks, the clock and the journal, and no rules.
//!
//! What comes in: client streams (RFC 7395) and conference requests over HTTP, behind the router; streams of bridges
//! over TCP (RFC 6120); meetings that the journal has. What goes out: whatever the effects of the meetings ask for.
//!
//! ```text
//!   WebSocket ► web::socket ► inbox ► owner (one task a meeting) ► journal ► machine ► effects
//!                  ▲                                                                   │
//!                  └──────────────── outbox ◄──────────────────────────────────────────┤
//!   bridge ◄► fleet::stream ◄► brewery (a pure machine) ◄── requests to bridges ◄──────┘
//! ```
//!
//! - [`Config`] says what it is told; [`start`] replays what the journal has and opens its ports.
//! - `web`: the listener, the negotiation of a stream, the pump between a socket and its meeting.
//! - `meetings`, `owner`: the tasks. An input is appended, then applied, then its effects are obeyed, never otherwise.
//! - `fleet`, `brewery`: where bridges announce themselves and are asked. Streams of bridges have no TLS in this
//!   version: they belong on loopback or a private network.
//!
//! When it is killed, its clients and bridges come back by themselves: the next start, on the same journal, has every
//! stream that can be resumed. Everything that waits is bounded, in `limits`; what overflows is shed and counted.
//!
//! It refuses to know what a stanza means, who is in a room, and how media flows.

mod brewery;
mod cluster;
mod config;
mod fleet;
pub mod limits;
mod meetings;
mod metrics;
mod outbox;
mod owner;
mod room;
mod seed;
mod web;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::Context as _;
use journal::Journal;
use meeting::Summary;
use placement::Bridge;
use service::metrics::Metrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use xmpp::c2s::Accounts;
use xmpp::jid::BareJid;

pub use cluster::{Cluster, Handover};
pub use config::{Config, Ingress, Limits};

use fleet::Fleet;
use limits::MEETING_ANSWER_TIME;
use meetings::Meetings;
use metrics::Counts;
use web::Negotiations;

/// What its tasks share.
struct Shard {
    config: Config,
    journal: Arc<dyn Journal>,
    fleet: Arc<Fleet>,
    meetings: Meetings,
    counts: Counts,
    /// the next connection's number
    connections: AtomicU64,
    /// for sockets that negotiate
    negotiations: Negotiations,
    /// its meetings go to others, and no new ones begin here
    draining: watch::Sender<bool>,
    /// it ends as planned: meetings are written down and let go of
    drain: CancellationToken,
    /// everything ends at once
    stop: CancellationToken,
    /// everything that holds the journal
    tasks: TaskTracker,
}

/// A shard that runs. Dropping it ends it at once, as a crash would.
pub struct Running {
    shard: Arc<Shard>,
    http: SocketAddr,
    xmpp: SocketAddr,
    _stop: DropGuard,
}

/// Replays the meetings of `journal`, then opens the ports.
///
/// # Errors
/// The brewery is no JID, a port is taken, or the journal cannot tell its meetings.
pub async fn start(config: Config, journal: Arc<dyn Journal>, metrics: &Metrics) -> anyhow::Result<Running> {
    let brewery = BareJid::new(&config.brewery);
    let brewery = brewery.with_context(|| format!("the brewery {:?} is no bare JID", config.brewery))?;
    let web = listener(config.http, "client streams").await?;
    let streams = listener(config.xmpp, "bridges").await?;
    let (http, xmpp) = (web.local_addr()?, streams.local_addr()?);
    let counts = Counts::register(metrics);
    let salt = hex(&seed::seed::<4>());
    let fleet = Arc::new(Fleet::new(&config.settings.auth_domain, brewery, salt, counts.clone()));
    let stop = CancellationToken::new();
    let door = fleet::Door {
        fleet: Arc::clone(&fleet),
        domain: config.settings.auth_domain.clone(),
        accounts: Arc::new(Accounts::new(seed::seed(), config.accounts.iter().cloned())),
        stop: stop.clone(),
    };
    let shard = Arc::new(Shard {
        negotiations: Negotiations::new(config.limits.negotiations_max),
        config,
        journal,
        fleet,
        meetings: Meetings::default(),
        counts,
        connections: AtomicU64::new(1),
        draining: watch::Sender::new(false),
        drain: CancellationToken::new(),
        stop: stop.clone(),
        tasks: TaskTracker::new(),
    });
    let running = Running { shard: Arc::clone(&shard), http, xmpp, _stop: stop.drop_guard() };
    replay(&shard).await?;
    tokio::spawn(fleet::listen(streams, door));
    shard.tasks.spawn(web::listen(Arc::clone(&shard), web, web::routes(Arc::clone(&shard))));
    if let Some(cluster) = shard.config.cluster.clone() {
        shard.tasks.spawn(cluster::watch(Arc::clone(&shard), cluster.clone()));
        shard.tasks.spawn(cluster::announce(Arc::clone(&shard), cluster, http, xmpp));
    }
    Ok(running)
}

/// Starts every meeting that the journal has, and waits until each can take up its streams, or takes too long.
async fn replay(shard: &Arc<Shard>) -> anyhow::Result<()> {
    let rooms = match &shard.config.cluster {
        None => shard.journal.meetings().await.context("the journal cannot tell its meetings")?,
        // the others have theirs
        Some(cluster) => {
            let own = cluster.places.known_of(&shard.config.name);
            own.into_iter().map(|(room, _)| room).collect()
        }
    };
    let mut opening = Vec::with_capacity(rooms.len());
    for room in &rooms {
        let replay = shard.meetings.replay(shard, room);
        opening.push(replay.with_context(|| format!("{} meetings to replay", rooms.len()))?);
    }
    for (room, opened) in rooms.iter().zip(opening) {
        match tokio::time::timeout(MEETING_ANSWER_TIME, opened).await {
            // a refusal was told by the meeting's task
            Ok(_) => {}
            Err(_) => tracing::warn!(room, "a meeting is not replayed yet; the others do not wait for it"),
        }
    }
    let there = shard.meetings.summaries().await.len();
    if !rooms.is_empty() {
        tracing::info!(meetings = there, over = rooms.len() - there.min(rooms.len()), "replayed the journal");
    }
    Ok(())
}

async fn listener(address: SocketAddr, purpose: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address} for {purpose}; is the port taken?"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Shard {
    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }
}

impl Running {
    /// Where the router finds client streams and conference requests.
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where bridges log in.
    pub fn xmpp_addr(&self) -> SocketAddr {
        self.xmpp
    }

    /// The meetings by room, in the order of their names. One that does not answer within 2 seconds is there without
    /// details, as if nobody were in it.
    pub async fn meetings(&self) -> Vec<(String, Summary)> {
        self.shard.meetings.summaries().await
    }

    /// The bridges in the brewery, in the order of their names.
    pub fn bridges(&self) -> Vec<Bridge> {
        self.shard.fleet.bridges()
    }

    /// Gives every meeting to other shards and takes no new ones; it is done when [`Running::meetings`] is empty. What
    /// nobody takes stays. A shard that stands alone only says of itself that it drains.
    pub fn drain(&self) {
        self.shard.draining.send_replace(true);
        let shard = Arc::clone(&self.shard);
        self.shard.tasks.spawn(async move {
            tokio::select! {
                () = shard.stop.cancelled() => {}
                () = shard.drain.cancelled() => {}
                () = cluster::hand_over_all(&shard) => {}
            }
        });
    }

    pub fn is_draining(&self) -> bool {
        self.shard.is_draining()
    }

    /// Gives one meeting to the shard `to`, or to the one with the least to do, and tells which that is.
    ///
    /// # Errors
    /// It is not here, or nobody takes it.
    pub async fn move_meeting(&self, room: &str, to: Option<&str>) -> Result<String, Handover> {
        cluster::hand_over(&self.shard, room, to).await
    }

    /// Ends as planned: sockets are let go of without a word, so that their clients take up their streams elsewhere or
    /// after the next start, and every meeting is written down.
    pub async fn shutdown(self) {
        self.shard.drain.cancel();
        self.shard.tasks.close();
        self.shard.tasks.wait().await;
    }

    /// Ends at once, as a crash would, and waits until nothing of it runs: for tests that start it again.
    pub async fn kill(self) {
        self.shard.stop.cancel();
        self.shard.tasks.close();
        self.shard.tasks.wait().await;
    }
}
