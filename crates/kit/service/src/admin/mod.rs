//! The admin port of a node: health, metrics, and on the node that answers for the cluster its nodes and meetings.
//!
//! `/healthz`, `/readyz` and `/metrics` are truths of this process alone: no probe asks another machine, so that the
//! outage of one thing is never reported as the death of another. `/api/v1/...` asks [`Fleet`]: on a shard about itself,
//! on a router, and where one process is everything, about the cluster. It can be told to drain a node, to use a stock
//! shard again after that, and to move a meeting. All of them are only begun by it.
//!
//! Every error is JSON, `{"error": "a sentence"}`. The port has no password: it belongs on a private address.

mod fleet;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use fleet::{
    Answer, Fleet, Meeting, MeetingDetail, Meetings, Node, NodeState, Occupant, Refused, rfc3339,
};

use crate::metrics::{self, Metrics};
use crate::shutdown::Shutdown;

/// Why a node cannot take work now, as a sentence; `Ok` where it can.
pub type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The header of `/api/v1/meetings` with the ids of the shards whose meetings are missing, separated by commas.
pub const UNANSWERED: HeaderName = HeaderName::from_static("x-althing-unanswered");

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
                .route("/api/v1/meetings/{room}/move", post(move_meeting))
                .route("/api/v1/nodes/{id}/drain", post(drain))
                .route("/api/v1/nodes/{id}/undrain", post(undrain))
                .route("/api/v1/aside", get(aside))
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
    Ok(Door::open(addr).await?.serve(routes, shutdown))
}

/// An admin port that is open but not served yet: its address is known before there is anything to tell.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Door {
    /// # Errors
    /// The port is taken, or the address is not of this machine.
    pub async fn open(addr: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(addr)
            .await
            .with_context(|| format!("cannot listen on {addr} for operators; choose another with --admin"))?;
        let addr = listener.local_addr().context("the admin socket has no address")?;
        Ok(Self { listener, addr })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn serve(self, routes: Router, shutdown: Shutdown) -> Running {
        let Self { listener, addr } = self;
        let task = tokio::spawn(async move {
            let until = async move { shutdown.wait().await };
            if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(until).await {
                tracing::error!(%error, "the admin port has failed");
            }
        });
        Running { addr, task }
    }
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
    let Meetings { meetings, unanswered } = fleet.meetings().await;
    let meetings = Json(meetings.into_iter().map(|detail| detail.meeting).collect::<Vec<_>>());
    // The list of the contract has no place for it.
    match HeaderValue::from_str(&unanswered.join(",")) {
        Ok(names) if !unanswered.is_empty() => ([(UNANSWERED, names)], meetings).into_response(),
        _ => meetings.into_response(),
    }
}

async fn meeting(State(fleet): State<Arc<dyn Fleet>>, Path(room): Path<String>) -> Response {
    answer(fleet.meeting(&room.to_lowercase()).await.map(Json))
}

async fn aside(State(fleet): State<Arc<dyn Fleet>>) -> Response {
    answer(fleet.aside().await.map(Json))
}

async fn drain(State(fleet): State<Arc<dyn Fleet>>, Path(node): Path<String>) -> Response {
    answer(fleet.drain(&node).await.map(|()| started()))
}

async fn undrain(State(fleet): State<Arc<dyn Fleet>>, Path(node): Path<String>) -> Response {
    answer(fleet.undrain(&node).await.map(|()| started()))
}

#[derive(Deserialize)]
struct Goal {
    to: Option<String>,
}

async fn move_meeting(
    State(fleet): State<Arc<dyn Fleet>>,
    Path(room): Path<String>,
    Query(goal): Query<Goal>,
) -> Response {
    answer(fleet.move_meeting(&room.to_lowercase(), goal.to.as_deref()).await.map(|()| started()))
}

/// It goes on after the answer.
fn started() -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "started": true }))).into_response()
}

fn answer(answer: Result<impl IntoResponse, Refused>) -> Response {
    let refused = match answer {
        Ok(answer) => return answer.into_response(),
        Err(refused) => refused,
    };
    let status = match refused {
        Refused::Unknown(_) => StatusCode::NOT_FOUND,
        Refused::Conflict(_) => StatusCode::CONFLICT,
        Refused::Unanswered(_) => StatusCode::BAD_GATEWAY,
    };
    error(status, refused.sentence())
}

async fn no_such_path() -> Response {
    error(
        StatusCode::NOT_FOUND,
        "there is no such path; see /api/v1/nodes, /api/v1/meetings, /healthz, /metrics",
    )
}

async fn wrong_method() -> Response {
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path is not for that method: GET asks, POST begins a drain or a move",
    )
}

fn error(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}

#[cfg(test)]
mod tests;
