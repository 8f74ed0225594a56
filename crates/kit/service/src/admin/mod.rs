//! The admin port of a node: health, metrics, and on the node that answers for the cluster its nodes and meetings.
//!
//! `/healthz`, `/readyz` and `/metrics` are truths of this process alone: no probe asks another machine, so that the
//! outage of one thing is never reported as the death of another. `/api/v1/...` asks [`Fleet`].
//!
//! Every error is JSON, `{"error": "a sentence"}`. The port has no password: it belongs on a private address.

mod fleet;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use fleet::{Answer, Fleet, Meeting, MeetingDetail, Node, NodeState, Occupant, rfc3339};

use crate::metrics::{self, Metrics};
use crate::shutdown::Shutdown;

/// Why a node cannot take work now, as a sentence; `Ok` where it can.
pub type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The routes of every node; with a fleet also those of the cluster.
pub fn routes(metrics: Metrics, ready: Ready, fleet: Option<Arc<dyn Fleet>>) -> Router {
    let local = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(ready))
        .route("/metrics", get(show_metrics).with_state(metrics));
    let all = match fleet {
        None => local,
        Some(fleet) => local.merge(
            Router::new()
                .route("/api/v1/nodes", get(nodes))
                .route("/api/v1/meetings", get(meetings))
                .route("/api/v1/meetings/{room}", get(meeting))
                .with_state(fleet),
        ),
    };
    all.fallback(no_such_path).method_not_allowed_fallback(wrong_method)
}

/// Listens on `addr`, and serves there until the end of the process.
///
/// # Errors
/// The port is taken, or the address is not of this machine.
pub async fn serve(addr: SocketAddr, routes: Router, shutdown: Shutdown) -> anyhow::Result<Running> {
    let listener = TcpListener::bind(addr)
        .await
        .with_context(|| format!("cannot listen on {addr} for operators; choose another with --admin"))?;
    let addr = listener.local_addr().context("the admin socket has no address")?;
    let task = tokio::spawn(async move {
        let until = async move { shutdown.wait().await };
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(until).await {
            tracing::error!(%error, "the admin port has failed");
        }
    });
    Ok(Running { addr, task })
}

/// The admin port; it closes when this is dropped.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Running {
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn readyz(State(ready): State<Ready>) -> Response {
    match ready() {
        Ok(()) => "ready\n".into_response(),
        Err(why) => error(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

async fn show_metrics(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.exposition()).into_response()
}

async fn nodes(State(fleet): State<Arc<dyn Fleet>>) -> Response {
    Json(fleet.nodes().await).into_response()
}

async fn meetings(State(fleet): State<Arc<dyn Fleet>>) -> Response {
    let details = fleet.meetings().await;
    Json(details.into_iter().map(|detail| detail.meeting).collect::<Vec<_>>()).into_response()
}

async fn meeting(State(fleet): State<Arc<dyn Fleet>>, Path(room): Path<String>) -> Response {
    let room = room.to_lowercase();
    match fleet.meetings().await.into_iter().find(|detail| detail.meeting.room == room) {
        Some(detail) => Json(detail).into_response(),
        None => error(StatusCode::NOT_FOUND, &format!("there is no meeting in room {room:?}")),
    }
}

async fn no_such_path() -> Response {
    error(
        StatusCode::NOT_FOUND,
        "there is no such path; see /api/v1/nodes, /api/v1/meetings, /healthz, /metrics",
    )
}

async fn wrong_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "this path is only for GET")
}

fn error(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}

#[cfg(test)]
mod tests;
