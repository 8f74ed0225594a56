//! The listener: a bounded number of sockets, each with a bounded time to say what it wants.

use std::sync::Arc;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Shard;
use crate::limits::RETRY_FIRST;

/// The place of a socket among all of the listener; free again with the last clone. A WebSocket takes one along when it
/// leaves the connection that it began as.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Serves until the shard stops.
pub(crate) async fn listen(shard: Arc<Shard>, listener: TcpListener, routes: Router) {
    let places = Arc::new(Semaphore::new(shard.config.limits.http_connections_max));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(shard.config.limits.head_time);
    loop {
        let accepted = tokio::select! {
            () = shard.drain.cancelled() => return,
            () = shard.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else {
            // out of descriptors, most likely: accepting again at once would only spin
            tokio::time::sleep(RETRY_FIRST).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        // without it a small frame waits for the acknowledgement of the one before
        if socket.set_nodelay(true).is_err() {
            continue;
        }
        let seat = Seat { _permit: Arc::new(place) };
        let routes = TowerToHyperService::new(routes.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(seat.clone());
            routes.call(request)
        });
        let connection = http.serve_connection(TokioIo::new(socket), service).with_upgrades();
        let (stop, drain) = (shard.stop.clone(), shard.drain.clone());
        shard.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = drain.cancelled() => {}
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "an HTTP connection has ended");
                },
            }
        });
    }
}
