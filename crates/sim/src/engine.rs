//! The engine double: the journal's own, in memory, driven without a runtime.
//!
//! What goes wrong with requests and answers on their way is the network's business; here is what the engine *does*.
//! While it elects a leader it takes nothing.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use journal::{Error, Journal as _, Memory, Nodes, Places as _, Registry as _, Role};
use placement::steering::Announced;

use crate::fact::Fact;
use crate::node::{Answer, News, Node, Request};

#[derive(Debug, Default)]
pub(crate) struct Engine {
    memory: Memory,
    /// appends land wherever the journal stands
    without_fence: bool,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    pub(crate) news: Option<News>,
    pub(crate) fact: Option<Fact>,
}

impl Engine {
    pub(crate) fn new(without_fence: bool) -> Self {
        Self { without_fence, ..Self::default() }
    }

    pub(crate) fn execute(&mut self, by: Node, request: Request) -> Outcome {
        match request {
            Request::Append { meeting, expected, records } => self.append(by, meeting, expected, records),
            Request::Snapshot { meeting, position, bytes } => {
                let done = now(self.memory.snapshot(&meeting, position, bytes));
                let fact = done.is_ok().then_some(Fact::Snapshotted);
                Outcome { answer: Answer::Done(done), news: None, fact }
            }
            Request::Purge { meeting, expected } => {
                let done = now(self.memory.purge(&meeting, expected));
                let fact = done.is_ok().then_some(Fact::Purged { meeting, by });
                Outcome { answer: Answer::Done(done), news: None, fact }
            }
            Request::Replay { meeting } => only(Answer::Replay(now(self.memory.replay(&meeting)))),
            Request::Place { meeting, shard, expected } => {
                let placed = now(self.memory.place(&meeting, &shard, expected));
                let news = placed.is_ok().then(|| self.place_of(meeting));
                Outcome { answer: Answer::Revision(placed), news, fact: None }
            }
            Request::Placed { meeting } => only(Answer::Place(now(self.memory.placed(&meeting)))),
            Request::Vacate { meeting, expected } => {
                let before = self.memory.known(&meeting);
                let done = now(self.memory.vacate(&meeting, expected));
                let news = (before != self.memory.known(&meeting)).then(|| self.place_of(meeting));
                Outcome { answer: Answer::Done(done), news, fact: None }
            }
            Request::Announce { draining, load, started } => {
                let done = now(self.memory.announce(node(by, draining, load, started)));
                Outcome { answer: Answer::Done(done), news: Some(News::Nodes(self.nodes())), fact: None }
            }
        }
    }

    pub(crate) fn nodes(&self) -> Arc<Nodes> {
        self.memory.nodes().borrow().clone()
    }

    /// All places, as somebody hears who begins to listen.
    pub(crate) fn places(&self, rooms: &[String]) -> Vec<News> {
        rooms.iter().map(|room| self.place_of(room.clone())).collect()
    }

    /// The shard of a meeting.
    pub(crate) fn place(&self, meeting: &str) -> Option<String> {
        self.memory.known(meeting).map(|place| place.shard)
    }

    fn place_of(&self, meeting: String) -> News {
        News::Place { place: self.memory.known(&meeting), meeting }
    }

    fn append(&self, by: Node, meeting: String, expected: u64, records: Vec<Vec<u8>>) -> Outcome {
        let done = now(self.memory.append(&meeting, expected, records.clone()));
        let done = match done {
            Err(Error::WrongPosition { actual, .. }) if self.without_fence => {
                now(self.memory.append(&meeting, actual, records.clone()))
            }
            done => done,
        };
        let fact = done.is_ok().then_some(Fact::Accepted { meeting, position: expected, records, by });
        Outcome { answer: Answer::Done(done), news: None, fact }
    }
}

/// The shards among the nodes, as the machines want them.
pub(crate) fn announced(nodes: &Nodes) -> impl Iterator<Item = Announced> {
    nodes.values().filter(|node| node.role == Role::Shard).map(|node| Announced {
        id: node.id.clone(),
        region: node.region.clone(),
        draining: node.draining,
        load: node.load,
        started: node.started,
    })
}

/// The answer to a request that the engine could not take.
pub(crate) fn unavailable(request: &Request) -> Answer {
    let error = Error::Unavailable("no answer in time".to_owned());
    match request {
        Request::Replay { .. } => Answer::Replay(Err(error)),
        Request::Place { .. } => Answer::Revision(Err(error)),
        Request::Placed { .. } => Answer::Place(Err(error)),
        Request::Append { .. }
        | Request::Snapshot { .. }
        | Request::Purge { .. }
        | Request::Vacate { .. }
        | Request::Announce { .. } => Answer::Done(Err(error)),
    }
}

fn only(answer: Answer) -> Outcome {
    Outcome { answer, news: None, fact: None }
}

fn node(by: Node, draining: bool, load: f64, started: u64) -> journal::Node {
    journal::Node {
        id: by.to_string(),
        role: if matches!(by, Node::Router(_)) { Role::Router } else { Role::Shard },
        pid: 1,
        region: None,
        draining,
        http: None,
        xmpp: None,
        media: None,
        admin: None,
        load,
        meetings: 0,
        participants: 0,
        started,
    }
}

/// The double answers at once: one poll is enough.
fn now<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::Unavailable("the double was held".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(engine: &mut Engine, expected: u64) -> bool {
        let request = Request::Append {
            meeting: "m".to_owned(),
            expected,
            records: vec![expected.to_be_bytes().to_vec()],
        };
        let outcome = engine.execute(Node::Shard(0), request);
        assert_eq!(outcome.fact.is_some(), matches!(outcome.answer, Answer::Done(Ok(()))));
        outcome.fact.is_some()
    }

    #[test]
    fn the_position_is_a_fence() {
        let mut engine = Engine::default();
        assert!(append(&mut engine, 0) && !append(&mut engine, 0) && append(&mut engine, 1));
    }

    #[test]
    fn without_the_fence_a_zombie_writes() {
        let mut engine = Engine { without_fence: true, ..Engine::default() };
        assert!(append(&mut engine, 0) && append(&mut engine, 0));
    }

    #[test]
    fn a_place_that_changes_is_news() {
        let mut engine = Engine::default();
        let place = |expected| Request::Place { meeting: "m".to_owned(), shard: "s".to_owned(), expected };
        assert!(engine.execute(Node::Router(0), place(0)).news.is_some());
        assert!(engine.execute(Node::Router(0), place(0)).news.is_none());
        let vacate = Request::Vacate { meeting: "m".to_owned(), expected: 1 };
        assert!(engine.execute(Node::Shard(0), vacate.clone()).news.is_some());
        assert!(engine.execute(Node::Shard(0), vacate).news.is_none());
    }
}
