//! Asking a shard whether it lives, over a connection that is kept for that.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use journal::Role;
use placement::steering::Beat;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::pilot::Pilot;
use crate::limits::HEARTBEAT_BYTES_MAX;

/// Nobody listens on port 0.
pub(super) const NOWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A kept connection.
#[derive(Debug)]
struct Heart {
    address: SocketAddr,
    sender: SendRequest<Empty<Bytes>>,
}

/// By the id of the shard.
#[derive(Debug, Default)]
pub(super) struct Hearts(Mutex<BTreeMap<String, Heart>>);

impl Hearts {
    fn take(&self, shard: &str, address: SocketAddr) -> Option<Heart> {
        let heart = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(shard)?;
        (heart.address == address && !heart.sender.is_closed()).then_some(heart)
    }

    fn keep(&self, shard: String, heart: Heart) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(shard, heart);
    }
}

impl Pilot {
    /// One heartbeat, and the machine is told what came of it.
    pub(super) async fn probe(self: Arc<Self>, shard: String, patience_ms: u64) {
        let address = self.http(&shard, Role::Shard).unwrap_or(NOWHERE);
        let sign = self.signs.of(&shard);
        sign.begin();
        let asked = timeout(Duration::from_millis(patience_ms), self.ask(&shard, address)).await;
        let mut beat = asked.unwrap_or(Beat::Missed);
        if !matches!(beat, Beat::Answered { .. }) {
            self.counts.heartbeat_failed(&shard);
        }
        match beat {
            Beat::Missed if sign.excuses() => {
                let nodes = self.cluster.registry.nodes();
                let draining = nodes.borrow().get(&shard).is_some_and(|node| node.draining);
                beat = Beat::Answered { draining };
            }
            Beat::Missed => {}
            Beat::Answered { .. } | Beat::Refused => sign.settle(),
        }
        self.step(|steering, now| steering.handle_heartbeat(&shard, beat, now));
    }

    async fn ask(&self, shard: &str, address: SocketAddr) -> Beat {
        // A kept connection may have been closed for its age: that says nothing yet.
        if let Some(mut heart) = self.hearts.take(shard, address)
            && let Some(beat) = beat(&mut heart).await
        {
            self.hearts.keep(shard.to_owned(), heart);
            return beat;
        }
        let Some(mut heart) = open(address).await else { return Beat::Refused };
        let Some(beat) = beat(&mut heart).await else { return Beat::Refused };
        self.hearts.keep(shard.to_owned(), heart);
        beat
    }
}

async fn open(address: SocketAddr) -> Option<Heart> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    Some(Heart { address, sender })
}

/// `None`: the connection broke.
async fn beat(heart: &mut Heart) -> Option<Beat> {
    heart.sender.ready().await.ok()?;
    let request = Request::get("/healthz").header(header::HOST, heart.address.to_string());
    let response = heart.sender.send_request(request.body(Empty::new()).ok()?).await.ok()?;
    let status = response.status();
    let body = Limited::new(response.into_body(), HEARTBEAT_BYTES_MAX).collect().await.ok()?.to_bytes();
    Some(if status == StatusCode::OK {
        Beat::Answered { draining: is_draining(&body) }
    } else {
        Beat::Missed
    })
}

fn is_draining(body: &[u8]) -> bool {
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    said.and_then(|said| said.get("state")?.as_str().map(|state| state == "draining")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_says_when_it_drains() {
        let check = |body: &str, expected| assert_eq!(is_draining(body.as_bytes()), expected, "{body}");
        check(r#"{"state":"draining","meetings":3,"participants":9}"#, true);
        check(r#"{"state":"ready"}"#, false);
        check(r#"{"state":7}"#, false);
        check("ok\n", false);
        check("", false);
    }
}
