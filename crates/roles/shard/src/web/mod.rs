//! The HTTP side: client streams and conference requests, behind the router.

mod ingress;
mod listen;
mod negotiations;
mod socket;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use tokio::sync::oneshot;
use xmpp::limits::STANZA_BYTES_MAX;

use crate::Shard;
use crate::cluster::{self, NotOurs};
use crate::limits::{
    REQUEST_BODY_BYTES_MAX, REQUEST_TIME, RETRY_AFTER, STREAM_READ_BYTES, STREAM_WRITE_BYTES,
};
use crate::meetings::{Meetings, Message};
use crate::room::{RoomError, RoomKey};

pub(crate) use listen::listen;
pub(crate) use negotiations::Negotiations;

use listen::Seat;

/// The sub-protocol of RFC 7395.
const SUBPROTOCOL: &str = "xmpp";

/// What a client's URL says.
#[derive(Debug, Deserialize)]
struct Place {
    room: Option<String>,
    /// tenant, put there by the router
    prefix: Option<String>,
}

impl Place {
    fn room(&self) -> Result<RoomKey, RoomError> {
        RoomKey::parse(self.room.as_deref(), self.prefix.as_deref())
    }
}

pub(crate) fn routes(shard: Arc<Shard>) -> Router {
    Router::new()
        .route("/xmpp-websocket", get(stream))
        .route("/conference-request/v1", post(conference_request))
        .route("/healthz", get(health))
        .route("/_althing/adopt", post(adopt))
        .layer(DefaultBodyLimit::max(REQUEST_BODY_BYTES_MAX))
        .with_state(shard)
}

/// What routers ask every half second. The engine is not asked: an outage of it is not one of the shard.
async fn health(State(shard): State<Arc<Shard>>) -> Response {
    let state = if shard.is_draining() { "draining" } else { "ready" };
    Json(serde_json::json!({ "state": state, "meetings": shard.meetings.rooms().len() })).into_response()
}

#[derive(Debug, Deserialize)]
struct Adoption {
    /// the meeting's name, `ROOM` or `[TENANT]ROOM`
    room: String,
}

/// A router has given this shard a meeting of one that is gone.
async fn adopt(State(shard): State<Arc<Shard>>, Query(Adoption { room }): Query<Adoption>) -> Response {
    if let Err(not_ours) = cluster::claim(&shard, &room).await {
        return elsewhere(&not_ours);
    }
    match Meetings::adopt(&shard, &room) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(full) => try_later(&full),
    }
}

/// RFC 9110 section 15.5.20: another server has it.
fn elsewhere(not_ours: &NotOurs) -> Response {
    match not_ours {
        NotOurs::Elsewhere(shard) => {
            let named = [("x-althing-shard", shard.clone())];
            (named, refuse(StatusCode::MISDIRECTED_REQUEST, not_ours)).into_response()
        }
        NotOurs::Draining | NotOurs::Unknown(_) => try_later(not_ours),
    }
}

async fn stream(
    State(shard): State<Arc<Shard>>,
    Query(place): Query<Place>,
    Extension(seat): Extension<Seat>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let room = match place.room() {
        Ok(room) => room,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]),
        // COMPAT: the keep-alive request of clients is a plain GET of the same address
        Err(_) => return "ok\n".into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        return refuse(StatusCode::BAD_REQUEST, &"a stream needs Sec-WebSocket-Protocol: xmpp");
    }
    if let Err(not_ours) = cluster::claim(&shard, room.as_str()).await {
        return elsewhere(&not_ours);
    }
    let (place, evicted) = shard.negotiations.enter();
    if evicted {
        shard.counts.negotiations_evicted.inc();
    }
    // a stanza that is a little too long is read, so that the close code still arrives; see socket.rs
    let upgrade = upgrade
        .max_message_size(4 * STANZA_BYTES_MAX)
        .max_frame_size(4 * STANZA_BYTES_MAX)
        .read_buffer_size(STREAM_READ_BYTES)
        .write_buffer_size(STREAM_WRITE_BYTES);
    upgrade.on_upgrade(move |socket| socket::serve(shard, room, socket, place, seat))
}

async fn conference_request(
    State(shard): State<Arc<Shard>>,
    Query(place): Query<Place>,
    body: Bytes,
) -> Response {
    let room = match place.room() {
        Ok(room) => room,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error),
    };
    let Ok(body) = String::from_utf8(body.into()) else {
        return refuse(StatusCode::BAD_REQUEST, &"the body is no UTF-8");
    };
    if let Err(not_ours) = cluster::claim(&shard, room.as_str()).await {
        return elsewhere(&not_ours);
    }
    let (sender, answer) = oneshot::channel();
    if let Err(full) = Meetings::deliver(&shard, &room, Message::Request { body, answer: sender }).await {
        return try_later(&full);
    }
    match tokio::time::timeout(REQUEST_TIME, answer).await {
        Ok(Ok((status, body))) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Ok(Err(_)) | Err(_) => try_later(&"the meeting does not answer; try again"),
    }
}

fn try_later(why: &dyn std::fmt::Display) -> Response {
    let after = [(header::RETRY_AFTER, RETRY_AFTER.as_secs().to_string())];
    (after, refuse(StatusCode::SERVICE_UNAVAILABLE, why)).into_response()
}

fn refuse(status: StatusCode, why: &dyn std::fmt::Display) -> Response {
    (status, Json(serde_json::json!({ "error": why.to_string() }))).into_response()
}
