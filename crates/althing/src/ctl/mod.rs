//! The operator's hand: questions to the admin API of a running server, and their answers as tables.

mod tables;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::flags::{Ctl, Question};
use crate::print;

/// A list of all meetings of a large cluster fits well.
const ANSWER_BYTES_MAX: usize = 64 << 20;

const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

pub(crate) fn run(flags: &Ctl) -> anyhow::Result<()> {
    let admin = flags.configuration()?.admin;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let path = match &flags.question {
        Question::Nodes => "/api/v1/nodes".to_owned(),
        Question::Meetings => "/api/v1/meetings".to_owned(),
        Question::Meeting { room } => format!("/api/v1/meetings/{}", encode(room)),
    };
    let answer = runtime.block_on(async {
        let answer = tokio::time::timeout(ANSWER_TIME_MAX, ask(admin, &path)).await;
        answer.with_context(|| format!("the server at {admin} does not answer"))?
    })?;
    if flags.json {
        return print::text(&format!("{}\n", answer.trim_end()));
    }
    let meant = "the server is of another version: its answer is not understood";
    print::text(&match &flags.question {
        Question::Nodes => tables::nodes(&serde_json::from_str::<Vec<_>>(&answer).context(meant)?),
        Question::Meetings => tables::meetings(&serde_json::from_str::<Vec<_>>(&answer).context(meant)?),
        Question::Meeting { .. } => tables::meeting(&serde_json::from_str(&answer).context(meant)?),
    })
}

async fn ask(admin: SocketAddr, path: &str) -> anyhow::Result<String> {
    let stream = TcpStream::connect(admin)
        .await
        .with_context(|| format!("no server at {admin}; is it up, and is this its --admin address?"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", admin.to_string()).body(Empty::<Bytes>::new())?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|e| anyhow::anyhow!("the answer broke off: {e}"))?.to_bytes();
    let text = String::from_utf8(body.to_vec()).context("the answer is no text")?;
    if head.status != StatusCode::OK {
        bail!("{}", sentence(&text).unwrap_or_else(|| format!("the server answered {}", head.status)));
    }
    Ok(text)
}

/// Errors of the admin API carry one.
fn sentence(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    body.get("error")?.as_str().map(str::to_owned)
}

fn encode(segment: &str) -> String {
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
}
