//! Requests that a shard or a bridge answers, and the upgrade to a WebSocket.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::{Answer, Visit, sentence};
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_TIME_MAX, CONNECT_TIME_MAX};
use crate::metrics::{Asked, Counted, Refusal};
use crate::pump::{Side, pump};
use crate::stream::Stream;

/// Why there is no answer from upstream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("it cannot be reached: {0}")]
    Dead(io::Error),
    #[error("it does not answer within {0:?}")]
    Slow(Duration),
    #[error("its answer makes no sense: {0}")]
    Broken(#[from] hyper::Error),
    #[error("it was declared down, or lost the meeting")]
    Cut,
    #[error("what the client asks for is no valid request")]
    Query,
}

/// The body of a request, or why it cannot be had.
pub(crate) async fn whole(body: Incoming, limit: usize, patience: Duration) -> Result<Bytes, Answer> {
    match timeout(patience, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let text = format!("the body may have {limit} bytes at most");
            Err(sentence(StatusCode::PAYLOAD_TOO_LARGE, &text))
        }
        Ok(Err(_)) => Err(sentence(StatusCode::BAD_REQUEST, "the body did not arrive whole")),
        Err(_) => Err(sentence(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

/// A WebSocket to `to`: its handshake passes as it is; when it stands, bytes are pumped both ways.
pub(crate) async fn upgrade(
    visit: &Visit,
    request: Request<Incoming>,
    to: SocketAddr,
    path: &str,
    asked: Asked,
) -> Answer {
    let mut head = Request::builder().uri(path);
    if let Some(headers) = head.headers_mut() {
        *headers = handshake(visit, request.headers().clone());
    }
    let Ok(handshake) = head.body(Empty::<Bytes>::new()) else {
        return failed(visit, &Failure::Query);
    };
    let answered = match connect(to).await {
        Ok(stream) => exchange(stream, handshake, ANSWER_TIME_MAX).await,
        Err(failure) => Err(failure),
    };
    match answered {
        Ok(response) => upgraded(visit, request, response, asked).await,
        Err(failure) => failed(visit, &failure),
    }
}

/// The headers of a WebSocket's handshake, for the one behind this.
pub(crate) fn handshake(visit: &Visit, headers: HeaderMap) -> HeaderMap {
    let mut headers = forwarded(visit, headers);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers
}

/// What comes of a handshake: a WebSocket that is pumped, or a refusal that is passed on.
async fn upgraded(
    visit: &Visit,
    mut request: Request<Incoming>,
    mut response: Response<Incoming>,
    asked: Asked,
) -> Answer {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return passed_on(visit, response).await;
    }
    let client = hyper::upgrade::on(&mut request);
    let upstream = hyper::upgrade::on(&mut response);
    tokio::spawn(run::<TcpStream>(visit.clone(), client, upstream, asked, pending()));
    switched(&response)
}

/// The 101 of the one behind this, for the client.
pub(crate) fn switched<B>(response: &Response<B>) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = response.headers().clone();
    answer
}

/// The life of a WebSocket after its handshake, until `cut`. It keeps its place behind the gate.
pub(crate) async fn run<U>(
    visit: Visit,
    client: OnUpgrade,
    upstream: OnUpgrade,
    asked: Asked,
    cut: impl Future<Output = ()>,
) where
    U: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok((client, upstream)) = tokio::try_join!(client, upstream) else { return };
    let _counted = Counted::new(&visit.shared.counts.websockets.get_or_create(&asked));
    let (Some(client), Some(upstream)) = (side::<Stream>(client), side::<U>(upstream)) else {
        tracing::error!("an upgraded connection is not one of ours");
        return;
    };
    tokio::select! {
        () = pump(client, upstream) => {}
        () = cut => {}
        () = visit.shared.shutdown.wait() => {}
    }
}

/// The socket itself: hyper's buffers around it are freed.
pub(crate) fn side<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    upgraded: Upgraded,
) -> Option<Side<S>> {
    let parts = upgraded.downcast::<TokioIo<S>>().ok()?;
    Some(Side { stream: parts.io.into_inner(), early: parts.read_buf })
}

pub(crate) async fn connect(to: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = match timeout(CONNECT_TIME_MAX, TcpStream::connect(to)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Failure::Dead(error)),
        Err(_) => return Err(Failure::Slow(CONNECT_TIME_MAX)),
    };
    stream.set_nodelay(true).map_err(Failure::Dead)?;
    Ok(stream)
}

/// A request and the head of its answer, over a connection that is for nothing else.
pub(crate) async fn exchange<S, B>(
    stream: S,
    request: Request<B>,
    patience: Duration,
) -> Result<Response<Incoming>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    match timeout(patience, sender.send_request(request)).await {
        Ok(response) => Ok(response?),
        Err(_) => Err(Failure::Slow(patience)),
    }
}

/// An answer of the upstream, as the client gets it.
pub(crate) async fn passed_on<B>(visit: &Visit, response: Response<B>) -> Answer
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let (parts, body) = response.into_parts();
    let collected = timeout(ANSWER_TIME_MAX, Limited::new(body, ANSWER_BYTES_MAX).collect()).await;
    let Ok(Ok(body)) = collected else {
        visit.shared.counts.refuse(Refusal::Upstream);
        return sentence(StatusCode::BAD_GATEWAY, "the server behind this one did not finish its answer");
    };
    let mut answer = Answer::new(Full::new(body.to_bytes()));
    *answer.status_mut() = parts.status;
    if let Some(kind) = parts.headers.get(CONTENT_TYPE) {
        answer.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    answer
}

pub(crate) fn failed(visit: &Visit, failure: &Failure) -> Answer {
    tracing::warn!(%failure, "no answer from a shard or bridge");
    visit.shared.counts.refuse(Refusal::Upstream);
    let status = match failure {
        Failure::Query => return sentence(StatusCode::BAD_REQUEST, "the query is not valid"),
        Failure::Dead(_) | Failure::Cut => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Slow(_) => StatusCode::GATEWAY_TIMEOUT,
        Failure::Broken(_) => StatusCode::BAD_GATEWAY,
    };
    later(sentence(status, "the server behind this one does not answer; try again in a moment"))
}

/// With the time after which it is worth asking again.
pub(crate) fn later(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    answer
}

/// The headers of a client's request without those of its own connection (RFC 9110 section 7.6.1), and where it
/// came from.
pub(crate) fn forwarded(visit: &Visit, mut forwarded: HeaderMap) -> HeaderMap {
    leave_connection(&mut forwarded);
    for name in ["proxy-authorization", "expect"] {
        forwarded.remove(name);
    }
    forwarded.remove(CONTENT_LENGTH);
    let by = HeaderName::from_static("x-forwarded-for");
    let before = forwarded.get(&by).and_then(|value| value.to_str().ok());
    let chain = before.map(|before| format!("{before}, ")).unwrap_or_default() + &visit.peer.ip().to_string();
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        forwarded.insert(by, chain);
    }
    let scheme = if visit.shared.is_tls { "https" } else { "http" };
    forwarded.entry(HeaderName::from_static("x-forwarded-proto")).or_insert(HeaderValue::from_static(scheme));
    forwarded
}

/// Takes out what is said to the next one only (RFC 9110 section 7.6.1).
pub(crate) fn leave_connection(headers: &mut HeaderMap) {
    for name in [CONNECTION, UPGRADE, TE, TRAILER, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
}
