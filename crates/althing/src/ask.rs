//! Questions to admin ports: the operator's, the router's to the shards, the supervisor's to its children.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use service::admin;
use tokio::net::TcpStream;

/// A list of all meetings of a large cluster fits well.
const ANSWER_BYTES_MAX: usize = 64 << 20;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// shards that are missing in a list of meetings
    pub(crate) unanswered: Vec<String>,
    pub(crate) body: String,
}

impl Answer {
    /// The body, or the sentence of the server's error.
    pub(crate) fn body(self) -> anyhow::Result<String> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        bail!("{}", self.sentence())
    }

    /// What the server says of an error.
    pub(crate) fn sentence(&self) -> String {
        let body = serde_json::from_str::<serde_json::Value>(&self.body).ok();
        let sentence = body.as_ref().and_then(|body| body.get("error")?.as_str());
        sentence.map_or_else(|| format!("the server answered {}", self.status), str::to_owned)
    }
}

/// # Errors
/// Nobody listens at `admin`, or it does not answer within `time`.
pub(crate) async fn ask(
    admin: SocketAddr,
    method: Method,
    path: &str,
    time: Duration,
) -> anyhow::Result<Answer> {
    let answer = tokio::time::timeout(time, exchange(admin, method, path)).await;
    answer.with_context(|| format!("the server at {admin} does not answer"))?
}

async fn exchange(admin: SocketAddr, method: Method, path: &str) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(admin)
        .await
        .with_context(|| format!("no server at {admin}; is it up, and is this its --admin address?"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", admin.to_string());
    let (head, body) = sender.send_request(request.body(Empty::<Bytes>::new())?).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|e| anyhow::anyhow!("the answer broke off: {e}"))?.to_bytes();
    let unanswered = head.headers.get(admin::UNANSWERED).and_then(|names| names.to_str().ok()).unwrap_or("");
    Ok(Answer {
        status: head.status,
        unanswered: unanswered.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        body: String::from_utf8(body.to_vec()).context("the answer is no text")?,
    })
}

/// As one segment of a path, or one value of a query.
pub(crate) fn encode(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    segment.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_one_segment_of_a_path() {
        assert_eq!(encode("[guild]a/b ü"), "%5Bguild%5Da%2Fb%20%C3%BC");
    }

    #[test]
    fn an_error_is_the_sentence_of_the_server() {
        let answer = |status, body: &str| Answer { status, unanswered: Vec::new(), body: body.to_owned() };
        assert_eq!(answer(StatusCode::OK, "[]").body().unwrap(), "[]");
        assert_eq!(answer(StatusCode::ACCEPTED, "{}").body().unwrap(), "{}");
        let check = |body: &str, sentence: &str| {
            let error = answer(StatusCode::CONFLICT, body).body().unwrap_err();
            assert_eq!(error.to_string(), sentence);
        };
        check("{\"error\":\"no\"}", "no");
        check("<html>", "the server answered 409 Conflict");
    }
}
