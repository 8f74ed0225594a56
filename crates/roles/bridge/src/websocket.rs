//! The bridge channel over WebSocket: `/colibri-ws/BRIDGE/CONFERENCE/ENDPOINT?pwd=SECRET`.
//!
//! Another bridge's name is a 404, whatever else; an unknown conference, an unknown endpoint and a wrong password are
//! the same 403. Text frames only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use service::clock::Clock;
use sfu::SocketId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::bridge::Bridge;
use crate::limits::{
    PATH_SEGMENT_BYTES_MAX, WEBSOCKET_CLOSE_MAX, WEBSOCKET_IDLE_MAX, WEBSOCKET_MESSAGE_BYTES_MAX,
    WEBSOCKET_PING_INTERVAL, WEBSOCKETS_MAX,
};
use crate::media::{Command, Door, Frame, Frames, outbox};

struct Entrance {
    bridge: Arc<Bridge>,
    next: AtomicU64,
    room: Arc<Semaphore>,
}

pub(crate) fn router(bridge: Arc<Bridge>) -> Router {
    let entrance =
        Entrance { bridge, next: AtomicU64::new(1), room: Arc::new(Semaphore::new(WEBSOCKETS_MAX)) };
    Router::new()
        .route("/colibri-ws/{bridge}/{conference}/{endpoint}", get(upgrade))
        .with_state(Arc::new(entrance))
}

async fn upgrade(
    State(entrance): State<Arc<Entrance>>,
    Path((bridge, conference, endpoint)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if bridge != entrance.bridge.config().id {
        return StatusCode::NOT_FOUND.into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let Ok(permit) = entrance.room.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let password = query.as_deref().and_then(|query| query.strip_prefix("pwd=")).unwrap_or_default();
    match entrance.open(&conference, &endpoint, password, permit).await {
        Some(line) => upgrade
            .max_message_size(WEBSOCKET_MESSAGE_BYTES_MAX)
            .max_frame_size(WEBSOCKET_MESSAGE_BYTES_MAX)
            .on_upgrade(|socket| line.serve(socket)),
        None => (StatusCode::FORBIDDEN, "no such endpoint, or another password").into_response(),
    }
}

impl Entrance {
    /// Asks the media threads whose endpoint it is. `None`: nobody's.
    async fn open(
        &self,
        conference: &str,
        endpoint: &str,
        password: &str,
        permit: OwnedSemaphorePermit,
    ) -> Option<Line> {
        if [conference, endpoint, password]
            .iter()
            .any(|part| part.is_empty() || part.len() > PATH_SEGMENT_BYTES_MAX)
        {
            return None;
        }
        let socket = SocketId(self.next.fetch_add(1, Ordering::Relaxed));
        let (outbox, frames) = outbox();
        for door in self.bridge.doors().iter() {
            let (accepted, answer) = oneshot::channel();
            let command = Command::OpenSocket {
                socket,
                conference: conference.to_owned(),
                endpoint: endpoint.to_owned(),
                password: password.to_owned(),
                outbox: outbox.clone(),
                accepted,
            };
            if door.send(command).await.is_ok() && answer.await.unwrap_or(false) {
                return Some(Line { socket, door: door.clone(), frames, _permit: permit });
            }
        }
        None
    }
}

/// A bridge channel; the machine hears of its end when it is dropped, upgraded or not.
struct Line {
    socket: SocketId,
    door: Door,
    frames: Frames,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Line {
    fn drop(&mut self) {
        // Where the queue is full, the media thread finds the closed outbox by itself.
        self.door.try_send(Command::SocketClosed { socket: self.socket });
    }
}

/// Why a bridge channel ends, where the client is to be told.
struct Close(u16, &'static str);

impl Line {
    async fn serve(mut self, mut socket: WebSocket) {
        if let Some(Close(code, reason)) = self.pump(&mut socket).await {
            let frame = CloseFrame { code, reason: reason.into() };
            let _ = timeout(WEBSOCKET_CLOSE_MAX, async {
                if socket.send(Message::Close(Some(frame))).await.is_ok() {
                    while let Some(Ok(_)) = socket.recv().await {}
                }
            })
            .await;
        }
    }

    async fn pump(&mut self, socket: &mut WebSocket) -> Option<Close> {
        let mut ping = interval(WEBSOCKET_PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut heard = Clock.now();
        loop {
            let message = tokio::select! {
                frame = self.frames.next() => match frame {
                    Some(Frame::Text(text)) => Message::Text(text.into()),
                    Some(Frame::Close { code, reason }) => return Some(Close(code, reason)),
                    None => return Some(Close(close_code::AWAY, "the bridge has let go")),
                },
                _ = ping.tick() => {
                    if is_idle(heard, Clock.now()) {
                        return Some(Close(close_code::AWAY, "idle"));
                    }
                    Message::Ping(Vec::new().into())
                }
                received = socket.recv() => {
                    heard = Clock.now();
                    match received? {
                        Ok(Message::Text(text)) => self.hear(text.as_str().to_owned()).await?,
                        Ok(Message::Binary(_)) => return Some(Close(close_code::UNSUPPORTED, "text only")),
                        Ok(Message::Ping(_) | Message::Pong(_)) => {}
                        Ok(Message::Close(_)) | Err(_) => return None,
                    }
                    continue;
                }
            };
            if !matches!(timeout(WEBSOCKET_IDLE_MAX, socket.send(message)).await, Ok(Ok(()))) {
                return None;
            }
        }
    }

    /// `None`: the media thread has ended.
    async fn hear(&self, text: String) -> Option<()> {
        self.door.send(Command::SocketMessage { socket: self.socket, text }).await.ok()
    }
}

fn is_idle(heard: Instant, now: Instant) -> bool {
    now.saturating_duration_since(heard) >= WEBSOCKET_IDLE_MAX
}
