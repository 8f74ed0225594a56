//! A request on its way to a shard: as it arrives, or kept whole, so that it can go again when a connection breaks.

use axum::http::{HeaderMap, Method, Request, Uri};
use bytes::Bytes;
use http_body_util::{Either, Full, Limited};
use hyper::body::{Body as _, Incoming};

use crate::answer::{Answer, Visit, wants_websocket};
use crate::kept::Sent;
use crate::limits::{STOCK_ANSWER_TIME_MAX, STOCK_BODY_BYTES_MAX, STOCK_KEPT_BODY_BYTES_MAX};
use crate::proxy::{self, Failure};

#[derive(Debug)]
pub(super) enum Outgoing {
    /// a WebSocket
    Upgrade(Request<Incoming>),
    /// what may be sent twice
    Whole(Whole),
    /// what may not, or is too long to be kept
    Once(Request<Incoming>),
}

#[derive(Debug)]
pub(super) struct Whole {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Outgoing {
    /// Waits for a body that is to be kept.
    pub(super) async fn of(visit: &Visit, request: Request<Incoming>) -> Result<Self, Answer> {
        if wants_websocket(&request) {
            return Ok(Self::Upgrade(request));
        }
        let is_short =
            request.body().size_hint().exact().is_some_and(|bytes| bytes <= STOCK_KEPT_BODY_BYTES_MAX);
        if !is_short || !does_no_harm_twice(request.method(), request.uri().path()) {
            return Ok(Self::Once(request));
        }
        let (parts, body) = request.into_parts();
        let body = if body.is_end_stream() {
            Bytes::new()
        } else {
            proxy::whole(body, STOCK_BODY_BYTES_MAX, STOCK_ANSWER_TIME_MAX).await?
        };
        let headers = proxy::forwarded(visit, parts.headers);
        Ok(Self::Whole(Whole { method: parts.method, uri: parts.uri, headers, body }))
    }
}

impl Whole {
    pub(super) fn request(&self) -> Result<Request<Sent>, Failure> {
        let body = Either::Left(Full::new(self.body.clone()));
        outgoing(self.method.clone(), &self.uri, self.headers.clone(), body)
    }
}

/// What says so itself (RFC 9110 section 9.2.2), BOSH, where each request has a number and a client repeats what was not
/// answered (XEP-0124 section 14.3), and a conference request, which changes nothing the second time.
fn does_no_harm_twice(method: &Method, path: &str) -> bool {
    method.is_idempotent() || path.ends_with("/http-bind") || path.ends_with("/conference-request/v1")
}

pub(super) fn handshake(visit: &Visit, request: &Request<Incoming>) -> Result<Request<Sent>, Failure> {
    let headers = proxy::handshake(visit, request.headers().clone());
    outgoing(request.method().clone(), request.uri(), headers, Either::Left(Full::default()))
}

/// Its body streams.
pub(super) fn plain(visit: &Visit, request: Request<Incoming>) -> Result<Request<Sent>, Failure> {
    let (parts, body) = request.into_parts();
    let headers = proxy::forwarded(visit, parts.headers);
    let body = if body.is_end_stream() {
        Either::Left(Full::default())
    } else {
        Either::Right(Limited::new(body, STOCK_BODY_BYTES_MAX))
    };
    outgoing(parts.method, &parts.uri, headers, body)
}

fn outgoing(method: Method, uri: &Uri, headers: HeaderMap, body: Sent) -> Result<Request<Sent>, Failure> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let built = Request::builder().method(method).uri(path).body(body);
    let mut request = built.map_err(|_| Failure::Query)?;
    *request.headers_mut() = headers;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_no_harm_is_sent_twice() {
        let check = |method, path, expected| {
            assert_eq!(does_no_harm_twice(&method, path), expected, "{method} {path}");
        };
        check(Method::GET, "/standup", true);
        check(Method::HEAD, "/config.js", true);
        check(Method::POST, "/guild/http-bind", true);
        check(Method::POST, "/conference-request/v1", true);
        check(Method::POST, "/room-password", false);
        check(Method::POST, "/http-bind/x", false);
        check(Method::PATCH, "/standup", false);
        check(Method::CONNECT, "/", false);
    }
}
