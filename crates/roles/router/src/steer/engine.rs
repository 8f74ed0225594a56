//! What is asked of the engine, and of a shard that gets a running meeting.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use journal::{Error, Role};
use placement::steering::{Placed, Read};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::pilot::{Pilot, place};
use crate::Cluster;
use crate::limits::{ADOPTION_PAUSE, ADOPTION_TIME_MAX, ADOPTION_TRIES, ENGINE_TIME_MAX};
use crate::query::encode;

impl Pilot {
    pub(super) async fn place(self: Arc<Self>, meeting: String, shard: String, expected: u64) {
        let placed = compare_and_set(&self.cluster, &meeting, &shard, expected).await;
        self.counts.answered(&shard, &placed);
        self.step(|steering, now| steering.handle_placed(&meeting, placed, now));
    }

    pub(super) async fn read(self: Arc<Self>, meeting: String) {
        let read = match timeout(ENGINE_TIME_MAX, self.cluster.places.placed(&meeting)).await {
            Ok(Ok(known)) => Read::Place(known.map(place)),
            Ok(Err(_)) | Err(_) => Read::Away,
        };
        self.step(|steering, now| steering.handle_read(&meeting, read, now));
    }

    /// A meeting that nobody connects to needs somebody all the same: its absent participants run out of time.
    pub(super) async fn adopt(self: Arc<Self>, meeting: String, shard: String) {
        for _ in 0..ADOPTION_TRIES {
            let Some(address) = self.http(&shard, Role::Shard) else { return };
            match timeout(ADOPTION_TIME_MAX, adopt(address, &meeting)).await {
                // Whoever answers has understood: it has the meeting, or says that another has it.
                Ok(Ok(status)) if status.is_success() || status == StatusCode::MISDIRECTED_REQUEST => return,
                Ok(Ok(status)) => {
                    tracing::debug!(%status, shard, "the shard does not take over a meeting yet")
                }
                Ok(Err(error)) => tracing::debug!(%error, shard, "the shard cannot be asked to take over"),
                Err(_) => tracing::debug!(shard, "the shard does not answer about a meeting"),
            }
            tokio::select! {
                () = sleep(ADOPTION_PAUSE) => {}
                () = self.ended.cancelled() => return,
            }
        }
    }
}

/// Asks the engine for a place.
pub(crate) async fn compare_and_set(cluster: &Cluster, meeting: &str, shard: &str, expected: u64) -> Placed {
    match timeout(ENGINE_TIME_MAX, cluster.places.place(meeting, shard, expected)).await {
        Ok(Ok(revision)) => Placed::Won(revision),
        Ok(Err(Error::Placed { place: winner, .. })) => Placed::Lost(winner.map(place)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a meeting waits for its place");
            Placed::Away
        }
        Err(_) => Placed::Away,
    }
}

async fn adopt(address: SocketAddr, meeting: &str) -> anyhow::Result<StatusCode> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post(format!("/_althing/adopt?room={}", encode(meeting)))
        .header(header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?.status())
}
