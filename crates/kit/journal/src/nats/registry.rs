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
    /// when the engine stored what each node said last, in seconds
    stored: Mutex<BTreeMap<String, i64>>,
    complete: sync::Sender<bool>,
}

impl Default for Known {
    fn default() -> Self {
        Self { nodes: sync::Sender::default(), stored: Mutex::default(), complete: sync::Sender::new(false) }
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
        let gone = self.note(&item.name, item.stored, node.is_some());
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

    /// Who has been silent while others spoke: they left without a word long ago. Only the engine's clock counts.
    fn note(&self, name: &str, stored: i64, is_there: bool) -> Vec<String> {
        let mut all = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if is_there {
            all.insert(name.to_owned(), stored);
        } else {
            all.remove(name);
        }
        let gone: Vec<_> =
            all.iter().filter(|(_, at)| **at + NODE_SILENCE_S < stored).map(|(id, _)| id.clone()).collect();
        all.retain(|id, _| !gone.contains(id));
        gone
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
