//! One request over HTTP, on a connection of its own, as a page load begins.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use participant::Closing;
use tokio::time::timeout;

use crate::dial::{Dialer, Stream};
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_TIME_MAX};

/// The status and the body. A body that is not empty is JSON.
pub(crate) async fn ask(
    dialer: &Dialer,
    url: &Uri,
    method: Method,
    body: String,
) -> Result<(u16, String), Closing> {
    let stream = dialer.dial(url).await?;
    timeout(ANSWER_TIME_MAX, exchange(stream, url, method, body)).await.unwrap_or(Err(Closing::TimedOut))
}

async fn exchange(
    stream: Box<dyn Stream>,
    url: &Uri,
    method: Method,
    body: String,
) -> Result<(u16, String), Closing> {
    let broken = |_: hyper::Error| Closing::Broken;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let host = url.authority().map(ToString::to_string).unwrap_or_default();
    let request = Request::builder().method(method).uri(path).header("host", host);
    let request = request.header("content-type", "application/json");
    let request = request.header("connection", "close").body(Full::new(Bytes::from(body)));
    let request = request.map_err(|error| Closing::Unreachable(error.to_string()))?;
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|_| Closing::Broken)?;
        Ok((head.status.as_u16(), String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    };
    tokio::pin!(answer);
    // the connection is driven beside its request; its end is not the answer's
    let driven = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = &mut answer => answer,
        () = driven => Err(Closing::Broken),
    }
}
