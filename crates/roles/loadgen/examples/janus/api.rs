//! Janus' API over a WebSocket: a session, its handles, and messages to the plugin of video rooms.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PROTOCOL: &str = "janus-protocol";
const PLUGIN: &str = "janus.plugin.videoroom";
/// For any answer, and for a connection of media.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Janus ends a session that says nothing for a minute.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// One client's session with a socket of its own.
pub(crate) struct Session {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: u64,
    transactions: u64,
    /// handles whose media connection stands
    up: BTreeSet<u64>,
}

/// Of the plugin.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) data: Value,
    /// SDP
    pub(crate) jsep: Option<String>,
}

impl Session {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
        let opened = timeout(ANSWER_TIME_MAX, connect_async(request)).await;
        let (socket, _) =
            opened.context("Janus does not answer")?.with_context(|| format!("no Janus at {url}"))?;
        let mut session = Self { socket, id: 0, transactions: 0, up: BTreeSet::new() };
        let answer = session.ask(json!({ "janus": "create" })).await?;
        session.id = answer["data"]["id"].as_u64().context("a session without a number")?;
        Ok(session)
    }

    /// A new handle of the plugin: one media connection, or none.
    pub(crate) async fn attach(&mut self) -> anyhow::Result<u64> {
        let answer = self.ask(json!({ "janus": "attach", "plugin": PLUGIN })).await?;
        answer["data"]["id"].as_u64().context("a handle without a number")
    }

    /// Asks the plugin; `sdp` has a type, `offer` or `answer`.
    pub(crate) async fn message(
        &mut self,
        handle: u64,
        body: Value,
        sdp: Option<(&str, String)>,
    ) -> anyhow::Result<Answer> {
        let mut request = json!({ "janus": "message", "handle_id": handle, "body": body });
        if let Some((kind, sdp)) = sdp {
            request["jsep"] = json!({ "type": kind, "sdp": sdp, "trickle": true });
        }
        let answer = self.ask(request).await?;
        let data = answer["plugindata"]["data"].clone();
        if !data["error"].is_null() {
            bail!("Janus refuses {body}: {}", data["error"]);
        }
        Ok(Answer { data, jsep: answer["jsep"]["sdp"].as_str().map(str::to_owned) })
    }

    /// There will be no candidates: Janus learns ours from the first check.
    pub(crate) async fn trickle_completed(&mut self, handle: u64) -> anyhow::Result<()> {
        let candidate = json!({ "completed": true });
        self.ask(json!({ "janus": "trickle", "handle_id": handle, "candidate": candidate })).await?;
        Ok(())
    }

    /// Until the media connection of a handle stands.
    pub(crate) async fn connected(&mut self, handle: u64) -> anyhow::Result<()> {
        let up = async {
            while !self.up.contains(&handle) {
                self.hear().await?;
            }
            anyhow::Ok(())
        };
        timeout(ANSWER_TIME_MAX, up).await.context("no media connection to Janus comes up")?
    }

    /// Listens and says that it is still there. It ends with why it had to.
    pub(crate) async fn attend(mut self) -> anyhow::Error {
        let mut ticks = tokio::time::interval(KEEPALIVE_INTERVAL);
        loop {
            let done = tokio::select! {
                _ = ticks.tick() => self.say(json!({ "janus": "keepalive" })).await.map(|_| ()),
                heard = self.hear() => heard.map(|_| ()),
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    async fn ask(&mut self, request: Value) -> anyhow::Result<Value> {
        let what =
            request["body"]["request"].as_str().or(request["janus"].as_str()).unwrap_or("?").to_owned();
        // the plugin's own answer comes after Janus' acknowledgement, but nothing follows that of a trickle
        let is_enough = |answer: &Value| answer["janus"] != "ack" || what == "trickle";
        let transaction = self.say(request).await?;
        let answer = async {
            loop {
                let heard = self.hear().await?;
                if heard["transaction"] == *transaction && is_enough(&heard) {
                    return anyhow::Ok(heard);
                }
            }
        };
        timeout(ANSWER_TIME_MAX, answer).await.with_context(|| format!("Janus does not answer to {what}"))?
    }

    /// Gives the transaction.
    async fn say(&mut self, mut request: Value) -> anyhow::Result<String> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        request["transaction"] = json!(transaction);
        if self.id != 0 {
            request["session_id"] = json!(self.id);
        }
        self.socket.send(Message::text(request.to_string())).await?;
        Ok(transaction)
    }

    async fn hear(&mut self) -> anyhow::Result<Value> {
        loop {
            let message = self.socket.next().await.context("Janus closes the connection")??;
            let Message::Text(text) = message else { continue };
            let heard: Value = serde_json::from_str(&text).context("Janus sends no JSON")?;
            match heard["janus"].as_str() {
                Some("webrtcup") => self.up.extend(heard["sender"].as_u64()),
                Some("hangup") => bail!("Janus ends a media connection: {}", heard["reason"]),
                Some("timeout") => bail!("Janus ends the session: it heard nothing for too long"),
                Some("error") => bail!("Janus refuses: {}", heard["error"]["reason"]),
                _ => {}
            }
            return Ok(heard);
        }
    }
}
