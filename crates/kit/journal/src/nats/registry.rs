//! The registry: one subject a node, its last message what the node says of itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_nats::jetstream::stream::Stream;
use tokio::sync::watch as sync;

use super::faults::unavailable;
use super::watch::{News, follow};
use super::{Nats, Shared};
use crate::limits::NODE_SILENCE_S;
use crate::{Answer, Node, Nodes, Registry};

/// What this process has heard.
#[derive(Debug)]
pub(super) struct Known {
    nodes: sync::Sender<Arc<Nodes>>,
    /// what each node said last
    last: Mutex<BTreeMap<String, Said>>,
    complete: sync::Sender<bool>,
}

/// Where the engine has it.
#[derive(Clone, Copy, Debug)]
struct Said {
    sequence: u64,
    /// when it stored it, in seconds
    stored: i64,
}

impl Default for Known {
    fn default() -> Self {
        Self { nodes: sync::Sender::default(), last: Mutex::default(), complete: sync::Sender::new(false) }
    }
}

impl Known {
    /// Waits until everything that there is was heard once.
    pub(super) async fn heard(&self) {
        // the sender lives in self
        let _ = self.complete.subscribe().wait_for(|complete| *complete).await;
    }

    fn hear(&self, news: News) {
        let item = match news {
            News::Begin => return,
            News::Complete => {
                self.complete.send_replace(true);
                return;
            }
            News::Item(item) => item,
        };
        let node = serde_json::from_slice::<Node>(&item.payload).ok().filter(|node| node.id == item.name);
        let said = Said { sequence: item.sequence, stored: item.stored };
        let Some(gone) = self.note(&item.name, said) else { return };
        self.nodes.send_if_modified(|nodes| {
            let changed = nodes.get(&item.name) != node.as_ref() || !gone.is_empty();
            if changed {
                let nodes = Arc::make_mut(nodes);
                nodes.retain(|id, _| !gone.contains(id) && *id != item.name);
                nodes.extend(node.map(|node| (item.name, node)));
            }
            changed
        });
    }

    /// Who has been silent while others spoke: they left without a word long ago. Only the engine's clock counts. `None`:
    /// it is old. A watch that begins anew may be told by a server that is behind the others, and what a node said in a
    /// former life would be taken for another life of it.
    fn note(&self, name: &str, said: Said) -> Option<Vec<String>> {
        let mut all = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // a stream that was made anew has small numbers and late times, a clock that was set back the reverse
        if all.get(name).is_some_and(|last| said.sequence < last.sequence && said.stored <= last.stored) {
            return None;
        }
        all.insert(name.to_owned(), said);
        let is_silent = |last: &Said| last.stored + NODE_SILENCE_S < said.stored;
        let gone: Vec<_> = all.iter().filter(|(_, last)| is_silent(last)).map(|(id, _)| id.clone()).collect();
        all.retain(|id, _| !gone.contains(id));
        Some(gone)
    }
}

pub(super) async fn watch(shared: Weak<Shared>, stream: Stream) {
    follow(shared, stream, |shared, news| shared.known_nodes.hear(news)).await;
}

impl Nats {
    async fn say(&self, id: &str, payload: Vec<u8>) -> Result<(), crate::Error> {
        let subject = self.shared.names.subject("nodes", id);
        let sent = self.shared.context.publish(subject, payload.into()).await.map_err(unavailable)?;
        sent.await.map(|_| ()).map_err(unavailable)
    }
}

impl Registry for Nats {
    fn announce(&self, node: Node) -> Answer<'_, ()> {
        Box::pin(async move {
            let payload = serde_json::to_vec(&node).map_err(unavailable)?;
            self.say(&node.id, payload).await
        })
    }

    fn withdraw(&self, id: &str) -> Answer<'_, ()> {
        let id = id.to_owned();
        Box::pin(async move { self.say(&id, Vec::new()).await })
    }

    fn nodes(&self) -> sync::Receiver<Arc<Nodes>> {
        self.shared.known_nodes.nodes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::watch::Item;
    use crate::{Role, testing};

    fn check(known: &Known, sequence: u64, stored: i64, started: u64, expected: u64) {
        let node = Node { started, ..testing::node("a", Role::Shard) };
        let payload = serde_json::to_vec(&node).unwrap();
        known.hear(News::Item(Item { name: "a".to_owned(), sequence, stored, payload }));
        let heard = known.nodes.borrow().get("a").map(|node| node.started);
        assert_eq!(heard, Some(expected), "{sequence} of {stored}");
    }

    #[test]
    fn a_server_that_is_behind_changes_nothing() {
        let known = Known::default();
        check(&known, 7, 100, 2, 2);
        check(&known, 3, 90, 1, 2);
        check(&known, 6, 100, 1, 2);
        check(&known, 7, 100, 3, 3);
    }

    #[test]
    fn a_new_stream_and_another_clock_are_believed() {
        let known = Known::default();
        check(&known, 7, 100, 2, 2);
        check(&known, 1, 101, 3, 3);
        check(&known, 2, 50, 4, 4);
    }
}
