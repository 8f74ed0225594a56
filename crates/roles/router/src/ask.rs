//! Asking the shard of a meeting: it may die meanwhile, or say that another has it (421), and nobody is refused while a
//! shard can still be found.
//!
//! That is allowed because what is asked may be asked twice: a conference request changes nothing the second time, and
//! a handshake that came to nothing left nothing behind.

use axum::http::header::UPGRADE;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use service::clock::Clock;
use tokio::time::sleep;

use crate::answer::{Answer, Visit, sentence};
use crate::kept::{Reply, Sent};
use crate::limits::{ANSWER_TIME_MAX, BODY_TIME_MAX, TRY_PAUSE};
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

    fn request(&self) -> Result<Request<Sent>, Failure> {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.path);
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&self.headers);
        }
        request.body(Sent::Left(Full::new(self.body.clone()))).map_err(|_| Failure::Query)
    }
}

/// A request goes to the shard of `meeting`, and its answer comes back, both whole.
pub(crate) async fn pass(visit: &Visit, request: Request<Incoming>, meeting: String, path: String) -> Answer {
    let (parts, body) = request.into_parts();
    let body = match proxy::whole(body, visit.shared.limits.body_size, BODY_TIME_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let headers = proxy::forwarded(visit, parts.headers);
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
async fn ask(visit: &Visit, question: &Question) -> Result<(Response<Reply>, Target), Answer> {
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
pub(crate) async fn once(question: &Question, target: &Target) -> Result<Response<Reply>, Failure> {
    let answered = async {
        if question.headers.contains_key(UPGRADE) {
            let stream = proxy::connect(target.address).await?;
            let answer = proxy::exchange(stream, question.request()?, ANSWER_TIME_MAX).await?;
            return Ok(answer.map(Reply::alone));
        }
        if let Some(answered) = target.kept.again(|| question.request(), ANSWER_TIME_MAX).await {
            return answered;
        }
        let stream = proxy::connect(target.address).await?;
        target.kept.first(stream, question.request()?, ANSWER_TIME_MAX).await
    };
    tokio::select! {
        answered = answered => answered,
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
