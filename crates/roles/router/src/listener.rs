//! The listener: every connection is let in by the gate, perhaps wrapped in TLS, and then asks its requests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use service::metrics::Metrics;
use service::shutdown::Shutdown;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tower::{ServiceBuilder, service_fn};
use tower_http::compression::CompressionLayer;

use crate::answer::{Shared, Visit, answer};
use crate::gate::{Gate, Place};
use crate::limits::{DRAIN_LOOK, KEPT_TIME_MAX, UNACKED_TIME_MAX};
use crate::metrics::{Counted, Counts, Refusal};
use crate::splice::Pace;
use crate::steer::{Presence, Steer};
use crate::stock::{Helm, Stock};
use crate::stream::Stream;
use crate::{Config, Upstreams, tls};

/// A router at work. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    shutdown: Shutdown,
    shared: Arc<Shared>,
    presence: Presence,
    task: Option<JoinHandle<()>>,
    announcing: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on it says that it is not ready, to whoever asks and in the registry. Sockets stay, and whoever comes
    /// all the same is served.
    pub fn drain(&self) {
        self.presence.drain();
    }

    /// Whether it has been told to drain.
    pub fn is_draining(&self) -> bool {
        self.presence.is_draining()
    }

    /// The stock shards that it stands in front of, if it does.
    pub fn stock(&self) -> Option<Stock> {
        self.shared.stock.clone().map(Stock::new)
    }

    /// Waits until no client has a WebSocket any more, at most `limit`.
    pub async fn drained(&self, limit: Duration) {
        let empty = async {
            while self.shared.counts.open_websockets() > 0 {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        let _ = tokio::time::timeout(limit, empty).await;
    }

    /// Drops every socket, without a goodbye, and waits for the listener to be closed.
    pub async fn shutdown(mut self) {
        self.shutdown.trigger();
        self.shared.end();
        if let Some(announcing) = self.announcing.take() {
            let _ = announcing.await;
        }
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.trigger();
        self.shared.end();
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

pub(crate) async fn start(config: Config, metrics: &Metrics) -> anyhow::Result<Running> {
    let acceptor = tls::acceptor(&config.tls, &config.data)?;
    let listen = config.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen} for browsers; choose another with --http"))?;
    let addr = listener.local_addr().context("the HTTP socket has no address")?;
    let gate = Gate::new(config.limits.connections, config.limits.half_open);
    let shutdown = Shutdown::new();
    let stock = match &config.upstreams {
        Upstreams::Stock { shards, cluster } => {
            Some(Helm::start((**shards).clone(), cluster.clone(), metrics)?)
        }
        Upstreams::Fixed { .. } | Upstreams::Cluster(_) => None,
    };
    let shared = Arc::new(Shared {
        site: config.site,
        steer: Steer::new(config.upstreams, metrics),
        stock,
        limits: config.limits,
        counts: Counts::new(metrics),
        pace: Pace::default(),
        shutdown: shutdown.clone(),
        is_tls: acceptor.is_some(),
    });
    let presence = Presence::default();
    let announcing = announce(&shared, &gate, addr, &presence);
    let task = tokio::spawn(accept(Door { listener, gate, acceptor, shared: shared.clone() }));
    Ok(Running { addr, shutdown, shared, presence, task: Some(task), announcing })
}

/// A node of a cluster is known to the others.
fn announce(
    shared: &Arc<Shared>,
    gate: &Arc<Gate>,
    addr: SocketAddr,
    presence: &Presence,
) -> Option<JoinHandle<()>> {
    let of_stock = || shared.stock.as_ref().and_then(|helm| helm.cluster.as_ref());
    let cluster = shared.steer.cluster().or_else(of_stock)?.clone();
    let (gate, most) = (gate.clone(), shared.limits.connections.max(1));
    #[expect(clippy::cast_precision_loss, reason = "a load needs few digits")]
    let share = move || gate.open() as f64 / most as f64;
    let known = shared.clone();
    let load = move || (share(), usize::try_from(known.counts.open_websockets()).unwrap_or(0));
    Some(tokio::spawn(presence.clone().announce(cluster, addr, shared.shutdown.clone(), load)))
}

struct Door {
    listener: TcpListener,
    gate: Arc<Gate>,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

async fn accept(door: Door) {
    loop {
        let accepted = tokio::select! {
            accepted = door.listener.accept() => accepted,
            () = door.shared.shutdown.wait() => return,
        };
        match accepted {
            Ok((socket, peer)) => door.admit(socket, peer),
            Err(error) => door.pause(&error).await,
        }
    }
}

impl Door {
    fn admit(&self, socket: TcpStream, peer: SocketAddr) {
        let Some(place) = self.gate.enter() else {
            self.shared.counts.refuse(Refusal::Full);
            if self.acceptor.is_none() {
                tokio::spawn(turn_away(socket));
            }
            return;
        };
        if let Err(error) = prepare(&socket) {
            tracing::debug!(%error, "a socket ended before it began");
            return;
        }
        let visit = Visit { shared: self.shared.clone(), peer, place: Arc::new(place) };
        tokio::spawn(connection(visit, socket, self.acceptor.clone()));
    }

    /// Without file descriptors left, the connections that ask for nothing give up theirs.
    async fn pause(&self, error: &io::Error) {
        tracing::warn!(%error, connections = self.gate.open(), "cannot accept a connection");
        self.gate.evict_oldest();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn connection(visit: Visit, socket: TcpStream, acceptor: Option<TlsAcceptor>) {
    let shared = visit.shared.clone();
    let _counted = Counted::new(&shared.counts.connections);
    let place = visit.place.clone();
    tokio::select! {
        () = requests(visit, socket, acceptor) => {}
        () = Place::lost(&place, shared.limits.header_time) => shared.counts.refuse(Refusal::HalfOpen),
        () = shared.shutdown.wait() => {}
    }
}

/// Until the client has no more of them, or the connection is no longer HTTP.
async fn requests(visit: Visit, socket: TcpStream, acceptor: Option<TlsAcceptor>) {
    let stream = match acceptor {
        None => Stream::Plain(socket),
        Some(acceptor) => match acceptor.accept(socket).await {
            Ok(stream) => Stream::Tls(Box::new(stream.into())),
            Err(error) => {
                tracing::debug!(%error, "no TLS with a client");
                return;
            }
        },
    };
    let header_size = visit.shared.limits.header_size;
    let answers = service_fn(move |request| {
        let visit = visit.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(visit, request).await) }
    });
    let compressed = ServiceBuilder::new().layer(CompressionLayer::new()).service(answers);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(KEPT_TIME_MAX)
        .max_buf_size(header_size)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(compressed))
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let probes =
        TcpKeepalive::new().with_time(Duration::from_secs(45)).with_interval(Duration::from_secs(15));
    let socket = SockRef::from(socket);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKED_TIME_MAX))?;
    Ok(())
}

/// Says that there is no room, for a second at most.
async fn turn_away(mut socket: TcpStream) {
    const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Connection: close\r\nRetry-After: 5\r\nContent-Length: 61\r\n\r\n\
        this server has as many connections as it may; try again soon";
    let said = async {
        socket.write_all(BUSY).await?;
        socket.shutdown().await?;
        // Closing with unread bytes would make the kernel take the answer back.
        tokio::io::copy(&mut socket, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), said).await;
}
