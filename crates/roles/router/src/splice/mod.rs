//! XMPP WebSockets: the router owns the client's, and each may see several shards.
//!
//! `xmpp::splice` is the machine between the two, and this is its shell: `wire.rs` is one WebSocket, `relay.rs`
//! moves frames between two, `rejoin.rs` finds the next shard when one breaks, `pace.rs` lets only so many
//! do that at a time.
//!
//! ```text
//!   relay ──► the shard breaks, is declared down, or gives the meeting away ──► find ──► connected ──► resumed ──► relay
//!     │                                                                          │
//!     └─► one side says goodbye: the other is told                               └─► 25 s: the client's socket is dropped
//! ```
//!
//! A client is dropped without a closing handshake: it takes that for an outage and comes back by itself, to this
//! router or another. A goodbye of either side passes as it is.

mod pace;
mod rejoin;
mod relay;
#[cfg(test)]
mod tests;
mod wire;

use axum::http::header::{
    CONNECTION, HOST, HeaderName, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use service::clock::Clock;
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::answer::{Answer, Visit};
use crate::ask::Question;
use crate::kept::Reply;
use crate::limits::{FRAME_OF_CLIENT_BYTES_MAX, FRAME_OF_SHARD_BYTES_MAX, LINGER_TIME_MAX};
use crate::metrics::{Asked, Counted, Keeping, Outcome};
use crate::proxy;
use crate::steer::Target;
use crate::stream::Stream;
pub(crate) use pace::Pace;
use rejoin::{Patience, Resumed, Way};
use relay::{Ended, Relay};
use wire::Wire;

/// The headers of the handshake with a shard: those of the client that matter to it, in memory of their own, as they
/// are kept for as long as the client is here. No extension of WebSockets among them: the frames are looked into.
pub(crate) fn handshake(visit: &Visit, headers: &HeaderMap) -> HeaderMap {
    const KEPT: [&str; 3] = ["authorization", "x-forwarded-for", "x-forwarded-proto"];
    let of_websocket =
        [HOST, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_PROTOCOL, CONNECTION, UPGRADE];
    let all = proxy::handshake(visit, headers.clone());
    let mut kept = HeaderMap::with_capacity(of_websocket.len() + KEPT.len());
    for name in of_websocket.into_iter().chain(KEPT.map(HeaderName::from_static)) {
        for value in all.get_all(&name) {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                kept.append(name.clone(), value);
            }
        }
    }
    kept
}

/// What comes of a client's handshake with its first shard: a stream, or a refusal that is passed on.
pub(crate) async fn upgraded(
    visit: &Visit,
    mut request: Request<Incoming>,
    mut response: Response<Reply>,
    question: Question,
    target: Target,
    asked: Asked,
) -> Answer {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return proxy::passed_on(visit, response).await;
    }
    let ends = (hyper::upgrade::on(&mut request), hyper::upgrade::on(&mut response));
    let stream = Client { visit: visit.clone(), question, target, asked };
    tokio::spawn(stream.run(ends));
    proxy::switched(&response)
}

/// A client, and the shard that it has now. It keeps its place behind the gate.
struct Client {
    visit: Visit,
    question: Question,
    target: Target,
    asked: Asked,
}

type Sockets = Relay<Stream, TcpStream>;

impl Client {
    /// What is needed only at the beginning is in memory of its own: there are many clients.
    async fn run(self, ends: (OnUpgrade, OnUpgrade)) {
        let shared = self.visit.shared.clone();
        let Some(relay) = Box::pin(self.begin(ends)).await else { return };
        let _counted = Counted::new(&shared.counts.websockets.get_or_create(&self.asked));
        tokio::select! {
            biased;
            () = self.serve(relay) => {}
            () = shared.shutdown.wait() => {}
        }
    }

    async fn begin(&self, (client, shard): (OnUpgrade, OnUpgrade)) -> Option<Box<Sockets>> {
        let (client, shard) = tokio::try_join!(client, shard).ok()?;
        let (Some(client), Some(shard)) = (proxy::side::<Stream>(client), proxy::side::<TcpStream>(shard))
        else {
            tracing::error!("an upgraded connection is not one of ours");
            return None;
        };
        let client = Wire::new(client, Role::Server, FRAME_OF_CLIENT_BYTES_MAX).await;
        let shard = Wire::new(shard, Role::Client, FRAME_OF_SHARD_BYTES_MAX).await.telling(&self.target.sign);
        Some(Box::new(Relay::new(client, shard, Keeping::new(&self.visit.shared.counts))))
    }

    async fn serve(mut self, mut relay: Box<Sockets>) {
        let mut last: Option<Resumed> = None;
        loop {
            let ended = tokio::select! {
                biased;
                // nothing that a shard says after this may pass
                () = self.target.cut.cancelled() => Ended::Shard,
                ended = relay.run() => ended,
            };
            match ended {
                Ended::Client | Ended::Resumed => return,
                Ended::ClientClosed(frame) | Ended::ShardClosed(frame) => {
                    let _ = timeout(LINGER_TIME_MAX, relay.farewell(frame)).await;
                    return;
                }
                Ended::Dropped(reason) => return self.drop_client(&mut relay, reason.into()).await,
                Ended::Shard => {}
            }
            // in memory of its own: nearly every client is here without ever needing it
            match Box::pin(self.resume(&mut relay, Patience::begin(last.as_ref(), Clock.now()))).await {
                Ok(resumed) => {
                    self.count(Outcome::Resumed);
                    last = Some(resumed);
                }
                Err(outcome) => return self.drop_client(&mut relay, outcome).await,
            }
        }
    }

    /// A shard that refuses a resume says so and lets go of the socket at once. The client has to hear it: it would try
    /// the same again.
    async fn drop_client(&self, relay: &mut Sockets, outcome: Outcome) {
        self.count(outcome);
        let _ = timeout(LINGER_TIME_MAX, relay.flush()).await;
    }

    /// From a break to a stream that goes on.
    async fn resume(&mut self, relay: &mut Sockets, mut patience: Patience) -> Result<Resumed, Outcome> {
        loop {
            if let Some(reason) = relay.broken() {
                return Err(reason.into());
            }
            if !self.target.cut.is_cancelled() {
                self.visit.shared.steer.doubt(&self.target);
            }
            let until = patience.until().into();
            let way = tokio::select! {
                way = rejoin::find(&self.visit, &self.question, &mut patience) => way,
                ended = relay.run() => return Err(Outcome::of(&ended)),
                () = sleep_until(until) => return Err(Outcome::Late),
            };
            let Way { wire, target, turn } = way.map_err(|rejoin::Refused| Outcome::Refused)?;
            // the former one was held until now: the meeting was never without a client here
            self.target = target;
            let ended = match relay.connected(wire) {
                Some(ended) => ended,
                None => tokio::select! {
                    biased;
                    () = self.target.cut.cancelled() => Ended::Shard,
                    ended = relay.run() => ended,
                    () = sleep_until(until) => return Err(Outcome::Late),
                },
            };
            drop(turn);
            match ended {
                Ended::Resumed => return Ok(patience.end(Clock.now())),
                Ended::Shard | Ended::ShardClosed(_) => {}
                Ended::Dropped(_) | Ended::Client | Ended::ClientClosed(_) => {
                    return Err(Outcome::of(&ended));
                }
            }
        }
    }

    fn count(&self, outcome: Outcome) {
        tracing::debug!(shard = self.target.id, ?outcome, "the shard of a stream broke");
        self.visit.shared.counts.resumed(outcome);
    }
}

impl Outcome {
    /// Of what ended a resume.
    fn of(ended: &Ended) -> Self {
        match ended {
            Ended::Dropped(reason) => (*reason).into(),
            _ => Self::Left,
        }
    }
}
