//! The operator's hand: questions to the admin API of a running server, and their answers as tables; and the two things
//! that it can be told to do, watched until they are done.

mod handover;
mod tables;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use hyper::Method;
use serde::de::DeserializeOwned;

use crate::ask::{Answer, ask, encode};
use crate::flags::{Ctl, Question};
use crate::print;

const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

pub(crate) fn run(flags: &Ctl) -> anyhow::Result<()> {
    let server = Server { admin: flags.configuration()?.admin };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match &flags.question {
            Question::Drain { node, dry_run: true } => handover::drain_would(&server, node).await,
            Question::Drain { node, .. } => handover::drain(&server, node).await,
            Question::Undrain { node } => handover::undrain(&server, node).await,
            Question::Move { room, to, dry_run: true } => {
                handover::move_would(&server, room, to.as_deref()).await
            }
            Question::Move { room, to, .. } => handover::move_meeting(&server, room, to.as_deref()).await,
            Question::Nodes => {
                let answer = server.get("/api/v1/nodes").await?;
                show(flags, &answer, |nodes: &Vec<_>| tables::nodes(nodes))
            }
            Question::Meetings { aside: true } => {
                let answer = server.get("/api/v1/aside").await?;
                show(flags, &answer, |rooms: &Vec<_>| tables::aside(rooms))
            }
            Question::Meetings { .. } => {
                let answer = server.get("/api/v1/meetings").await?;
                show(flags, &answer, |meetings: &Vec<_>| tables::meetings(meetings))
            }
            Question::Meeting { room } => {
                let answer = server.get(&format!("/api/v1/meetings/{}", encode(room))).await?;
                show(flags, &answer, tables::meeting)
            }
        }
    })
}

fn show<T: DeserializeOwned>(
    flags: &Ctl,
    answer: &Answer,
    table: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    if flags.json {
        print::text(&format!("{}\n", answer.body.trim_end()))?;
    } else {
        print::text(&table(&parse(&answer.body)?))?;
    }
    if !answer.unanswered.is_empty() {
        print::aside(&format!("not counted: {} does not answer", answer.unanswered.join(", ")));
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(body: &str) -> anyhow::Result<T> {
    serde_json::from_str(body).context("the server is of another version: its answer is not understood")
}

/// The admin port that is asked.
struct Server {
    admin: SocketAddr,
}

impl Server {
    /// Only good answers.
    async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let answer = ask(self.admin, Method::GET, path, ANSWER_TIME_MAX).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(anyhow::anyhow!("{}", answer.sentence())) }
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        parse(&self.get(path).await?.body)
    }

    async fn post(&self, path: &str) -> anyhow::Result<String> {
        ask(self.admin, Method::POST, path, ANSWER_TIME_MAX).await?.body()
    }
}
