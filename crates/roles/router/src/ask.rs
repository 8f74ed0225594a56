//! Asking the shard of a meeting: it may die meanwhile, or say that another has it (421), and nobody is refused while a
//! shard can still be found.
//!
//! That is allowed because what is asked may be asked twice: a conference request changes nothing the second time, and
//! a handshake that came to nothing left nothing behind.

use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use service::clock::Clock;
use tokio::time::sleep;

use crate::answer::{Answer, Visit, sentence};
use crate::limits::TRY_PAUSE;
use crate::metrics::{Asked, Refusal};
use crate::proxy::{self, Failure};
use crate::splice;
use crate::steer::Target;

/// A question that can be asked again.
#[derive(Debug)]
pub(crate) struct Question {
    meeting: String,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Question {
    /// The key of the meeting that it is about.
    pub(crate) fn meeting(&self) -> &str {
        &self.meeting
    }
}

/// A request goes to the shard of `meeting`, and its answer comes back, both whole.
pub(crate) async fn pass(visit: &Visit, request: Request<Incoming>, meeting: String, path: String) -> Answer {
    let (parts, body) = request.into_parts();
    let body = match proxy::whole(visit, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let headers = proxy::forwarded(visit, &parts.headers);
    match ask(visit, &Question { meeting, method: parts.method, path, headers, body }).await {
        Ok((response, _)) => proxy::passed_on(visit, response).await,
        Err(answer) => answer,
    }
}

/// A WebSocket to the shard of `meeting`, and to the next ones when that breaks.
pub(crate) async fn upgrade(
    visit: &Visit,
    request: Request<Incoming>,
    meeting: String,
    path: String,
    asked: Asked,
) -> Answer {
    let headers = splice::handshake(visit, request.headers());
    let question = Question { meeting, method: Method::GET, path, headers, body: Bytes::new() };
    match ask(visit, &question).await {
        Ok((response, target)) => splice::upgraded(visit, request, response, question, target, asked).await,
        Err(answer) => answer,
    }
}

/// Asks one shard after the other until one answers, as long as it makes sense.
async fn ask(visit: &Visit, question: &Question) -> Result<(Response<Incoming>, Target), Answer> {
    let steer = &visit.shared.steer;
    let (start, patience) = (Clock.now(), steer.patience());
    loop {
        let left = patience.saturating_sub(Clock.now().saturating_duration_since(start));
        let Ok(target) = steer.shard(&question.meeting, left.max(TRY_PAUSE)).await else {
            return Err(nobody(visit));
        };
        let failure = match once(question, &target).await {
            Ok(response) if response.status() == StatusCode::MISDIRECTED_REQUEST && !left.is_zero() => {
                steer.misdirected(&question.meeting);
                None
            }
            Ok(response) => return Ok((response, target)),
            // It lives, and is at it: another would only do the same.
            Err(failure @ (Failure::Slow(_) | Failure::Query)) => return Err(proxy::failed(visit, &failure)),
            Err(failure) => {
                steer.doubt(&target);
                Some(failure)
            }
        };
        if left.is_zero() {
            return Err(failure.map_or_else(|| nobody(visit), |failure| proxy::failed(visit, &failure)));
        }
        sleep(TRY_PAUSE).await;
    }
}

/// The question, until the shard is declared down.
pub(crate) async fn once(question: &Question, target: &Target) -> Result<Response<Incoming>, Failure> {
    let mut request = Request::builder().method(question.method.clone()).uri(&question.path);
    if let Some(headers) = request.headers_mut() {
        headers.clone_from(&question.headers);
    }
    let request = request.body(Full::new(question.body.clone())).map_err(|_| Failure::Query)?;
    tokio::select! {
        response = proxy::send(target.address, request) => response,
        () = target.cut.cancelled() => Err(Failure::Cut),
    }
}

fn nobody(visit: &Visit) -> Answer {
    visit.shared.counts.refuse(Refusal::Upstream);
    proxy::later(sentence(
        StatusCode::SERVICE_UNAVAILABLE,
        "no shard is ready to take the meeting; try again in a moment",
    ))
}
