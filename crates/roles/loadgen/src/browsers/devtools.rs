//! The DevTools protocol, as far as one page is opened with it and asked: JSON, a zero octet after each message, over a
//! pair of pipes (`--remote-debugging-pipe`).
//!
//! Half a dozen methods are called, one at a time, and three events are looked at. Nothing is read in between: what
//! happened meanwhile is found with the next answer.

use std::time::Duration;

use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::fault::Fault;
use crate::limits::{BROWSER_ANSWER_TIME_MAX, BROWSER_MESSAGE_BYTES_MAX};

/// To one browser.
pub(super) struct Devtools {
    reader: Box<dyn AsyncRead + Unpin>,
    writer: Box<dyn AsyncWrite + Unpin>,
    /// what was read and is no whole message yet
    read: BytesMut,
    /// number of the last call
    last: u64,
    /// of the page that is asked
    session: Option<String>,
    /// documents that the page loaded
    documents: u32,
}

impl Devtools {
    pub(super) fn new(
        reader: impl AsyncRead + Unpin + 'static,
        writer: impl AsyncWrite + Unpin + 'static,
    ) -> Self {
        let (reader, writer) = (Box::new(reader), Box::new(writer));
        Self { reader, writer, read: BytesMut::new(), last: 0, session: None, documents: 0 }
    }

    /// From now on calls are the page's, and its documents are counted.
    pub(super) fn enter(&mut self, session: String) {
        (self.session, self.documents) = (Some(session), 0);
    }

    /// From now on calls are the browser's.
    pub(super) fn leave(&mut self) {
        self.session = None;
    }

    /// That the page loaded so far.
    pub(super) fn documents(&self) -> u32 {
        self.documents
    }

    /// The result; to be dropped only with the whole connection.
    pub(super) async fn call(&mut self, method: &'static str, params: Value) -> Result<Value, Fault> {
        self.call_within(BROWSER_ANSWER_TIME_MAX, method, params).await
    }

    pub(super) async fn call_within(
        &mut self,
        time: Duration,
        method: &'static str,
        params: Value,
    ) -> Result<Value, Fault> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let exchange = async {
            self.say(&message).await?;
            self.answer(method).await
        };
        timeout(time, exchange).await.unwrap_or(Err(Fault::Silent(method)))
    }

    async fn say(&mut self, message: &Value) -> Result<(), Fault> {
        let text = format!("{message}\0");
        self.writer.write_all(text.as_bytes()).await.map_err(|_| gone())?;
        self.writer.flush().await.map_err(|_| gone())
    }

    async fn answer(&mut self, method: &'static str) -> Result<Value, Fault> {
        loop {
            let mut message = self.hear().await?;
            if message["id"] == self.last {
                return match message["error"]["message"].as_str() {
                    Some(why) => Err(Fault::Refused(method, why.to_owned())),
                    None => Ok(message["result"].take()),
                };
            }
            self.note(&message)?;
        }
    }

    /// An event, or an answer that comes too late.
    fn note(&mut self, event: &Value) -> Result<(), Fault> {
        let params = &event["params"];
        let is_ours = self.session.is_some() && event["sessionId"].as_str() == self.session.as_deref();
        match event["method"].as_str() {
            Some("Page.frameNavigated") if is_ours && params["frame"]["parentId"].is_null() => {
                self.documents += 1
            }
            Some("Inspector.targetCrashed") if is_ours => return Err(Fault::Crashed),
            Some("Target.detachedFromTarget")
                if self.session.is_some() && params["sessionId"].as_str() == self.session.as_deref() =>
            {
                return Err(Fault::Closed);
            }
            _ => {}
        }
        Ok(())
    }

    async fn hear(&mut self) -> Result<Value, Fault> {
        loop {
            if let Some(end) = self.read.iter().position(|octet| *octet == 0) {
                let message = self.read.split_to(end + 1);
                return serde_json::from_slice(&message[..end]).map_err(|_| Fault::Garbled);
            }
            if self.read.len() > BROWSER_MESSAGE_BYTES_MAX {
                return Err(Fault::Garbled);
            }
            let read = self.reader.read_buf(&mut self.read).await.map_err(|_| gone())?;
            if read == 0 {
                return Err(gone());
            }
        }
    }
}

/// Whoever has the process knows more.
fn gone() -> Fault {
    Fault::Ended("its end of the pipe is closed".to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex, split};

    use super::*;

    /// The other end: for each call what comes back, any number of messages; then it hangs up.
    async fn scripted(stream: DuplexStream, answers: Vec<Vec<String>>) -> Vec<Value> {
        let (mut reader, mut writer) = split(stream);
        let (mut read, mut calls) = (BytesMut::new(), Vec::new());
        for answer in answers {
            let end = loop {
                if let Some(end) = read.iter().position(|octet| *octet == 0) {
                    break end;
                }
                assert!(reader.read_buf(&mut read).await.unwrap() > 0, "it hangs up first");
            };
            calls.push(serde_json::from_slice(&read.split_to(end + 1)[..end]).unwrap());
            for message in answer {
                writer.write_all(message.as_bytes()).await.unwrap();
            }
        }
        calls
    }

    async fn check(answers: Vec<Vec<String>>, act: impl AsyncFnOnce(&mut Devtools)) -> Vec<Value> {
        let (here, there) = duplex(64);
        let (reader, writer) = split(here);
        let mut devtools = Devtools::new(reader, writer);
        tokio::join!(act(&mut devtools), scripted(there, answers)).1
    }

    fn message(value: &Value) -> String {
        format!("{value}\0")
    }

    #[tokio::test]
    async fn an_answer_is_found_among_events_and_in_pieces() {
        let navigated = |session: &str, parent: Option<&str>| {
            let frame = json!({ "id": "f", "parentId": parent });
            message(
                &json!({ "method": "Page.frameNavigated", "sessionId": session, "params": { "frame": frame } }),
            )
        };
        let long = "x".repeat(500);
        let answers = vec![
            vec![message(&json!({ "id": 1, "result": { "sessionId": "S" } }))],
            vec![
                navigated("S", None),
                // a frame within the page, another page, an answer that nobody waits for any more
                navigated("S", Some("f")),
                navigated("T", None),
                message(&json!({ "id": 1, "result": {} })),
                message(&json!({ "id": 2, "result": { "value": long } })),
            ],
        ];
        let calls = check(answers, async |devtools| {
            let attached = devtools.call("Target.attachToTarget", json!({ "flatten": true })).await.unwrap();
            devtools.enter(attached["sessionId"].as_str().unwrap().to_owned());
            let result = devtools.call("Runtime.evaluate", json!({})).await.unwrap();
            assert_eq!((result["value"].as_str(), devtools.documents()), (Some(long.as_str()), 1));
        })
        .await;
        assert_eq!((&calls[0]["sessionId"], &calls[1]["sessionId"]), (&Value::Null, &json!("S")));
        assert_eq!(calls[1]["id"], 2);
    }

    #[tokio::test]
    async fn errors_and_ends_are_told() {
        let error = message(&json!({ "id": 1, "error": { "code": -32000, "message": "no such page" } }));
        let crashed =
            message(&json!({ "method": "Inspector.targetCrashed", "sessionId": "S", "params": {} }));
        let faults = |answers, faults: Vec<Fault>| {
            check(answers, async move |devtools| {
                devtools.enter("S".to_owned());
                for fault in faults {
                    assert_eq!(devtools.call("Page.enable", json!({})).await, Err(fault));
                }
            })
        };
        let refused = Fault::Refused("Page.enable", "no such page".to_owned());
        faults(vec![vec![error], vec![crashed]], vec![refused, Fault::Crashed, gone()]).await;
        faults(vec![vec!["{\0".to_owned()]], vec![Fault::Garbled]).await;
        let deep = format!("{}\0", "[".repeat(10_000));
        faults(vec![vec![deep]], vec![Fault::Garbled]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let (here, there) = duplex(64);
        let (reader, writer) = split(here);
        let mut devtools = Devtools::new(reader, writer);
        assert_eq!(devtools.call("Page.navigate", json!({})).await, Err(Fault::Silent("Page.navigate")));
        drop(there);
    }
}
