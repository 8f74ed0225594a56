//! Requests over HTTP: one alone, as a page load begins, or one after the other on the same connection.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::Fuse;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use participant::Closing;
use tokio::time::timeout;

use crate::dial::Dialer;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_TIME_MAX, BODY_BYTES_MAX};

/// A connection that stays (RFC 9112 section 9.3). It is driven while a request is on its way.
pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    connection: Fuse<Pin<Box<dyn Future<Output = ()>>>>,
}

/// The status and the body. A body that is not empty is JSON; `token` is the bearer's (RFC 6750 section 2.1).
pub(crate) async fn ask(
    dialer: &Dialer,
    url: &Uri,
    method: Method,
    token: Option<&str>,
    body: String,
) -> Result<(u16, String), Closing> {
    let mut line = Line::open(dialer, url).await?;
    let request = request(url, method, "application/json").header("connection", "close");
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    let request = request.body(Full::new(Bytes::from(body))).map_err(no_request)?;
    let answered = line.exchange(request, ANSWER_BYTES_MAX);
    timeout(ANSWER_TIME_MAX, answered).await.unwrap_or(Err(Closing::TimedOut))
}

/// Posts XML, on `line` if it is still there; gives a line for the next one. It waits as long as the server does.
pub(crate) async fn post(
    dialer: &Dialer,
    url: &Uri,
    line: Option<Line>,
    body: Bytes,
) -> Result<(u16, String, Line), Closing> {
    let make = || {
        let request = request(url, Method::POST, "text/xml; charset=utf-8");
        request.body(Full::new(body.clone())).map_err(no_request)
    };
    if let Some(mut line) = line {
        // where the server let go of it meanwhile, a browser asks again on another one
        if let Ok((status, answer)) = line.exchange(make()?, BODY_BYTES_MAX).await {
            return Ok((status, answer, line));
        }
    }
    let mut line = Line::open(dialer, url).await?;
    let (status, answer) = line.exchange(make()?, BODY_BYTES_MAX).await?;
    Ok((status, answer, line))
}

impl Line {
    async fn open(dialer: &Dialer, url: &Uri) -> Result<Self, Closing> {
        let stream = dialer.dial(url).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Closing::Broken)?;
        let connection: Pin<Box<dyn Future<Output = ()>>> = Box::pin(connection.map(drop));
        Ok(Self { sender, connection: connection.fuse() })
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<(u16, String), Closing> {
        let Self { sender, connection } = self;
        let answer = async {
            let broken = |_: hyper::Error| Closing::Broken;
            sender.ready().await.map_err(broken)?;
            let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
            let body = Limited::new(body, bytes_max).collect().await.map_err(|_| Closing::Broken)?;
            Ok((head.status.as_u16(), String::from_utf8_lossy(&body.to_bytes()).into_owned()))
        };
        // the connection is driven beside its request; its end is not the answer's
        let driven = async {
            connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = answer => answer,
            () = driven => Err(Closing::Broken),
        }
    }
}

fn request(url: &Uri, method: Method, content: &'static str) -> hyper::http::request::Builder {
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let host = url.authority().map(ToString::to_string).unwrap_or_default();
    Request::builder().method(method).uri(path).header("host", host).header("content-type", content)
}

fn no_request(error: hyper::http::Error) -> Closing {
    Closing::Unreachable(error.to_string())
}
