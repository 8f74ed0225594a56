//! The registry: one subject a node, its last message what the node says of itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_nats::jetstream::stream::Stream;
use tokio::sync::watch as sync;

use super::faults::unavailable;
use super::watch::{News, follow};
use super::{Nats, Shared};
use crate::limits::{NODE_SILENCE_S, STEP_MAX_S};
use crate::{Answer, Node, Nodes, Registry};

/// What this process has heard.
#[derive(Debug)]
pub(super) struct Known {
    nodes: sync::Sender<Arc<Nodes>>,
    heard: Mutex<Heard>,
    /// what this process says of itself: its name, and when it began
    own: Mutex<Option<(String, u64)>>,
    complete: sync::Sender<bool>,
}

/// Who was heard, and when: by a clock of the registry's own. It goes on with the engine's, but never back, and not by
/// more than [`STEP_MAX_S`] between two words. A server of the engine with a wrong clock that becomes the leader, and goes
/// again, ages nobody.
#[derive(Debug, Default)]
struct Heard {
    clock: i64,
    /// when the engine stored what was said last
    stored: Option<i64>,
    nodes: BTreeMap<String, Said>,
}

/// What a node said last.
#[derive(Clone, Copy, Debug)]
struct Said {
    /// where the engine has it
    sequence: u64,
    /// when it stored it, in seconds
    stored: i64,
    /// by the clock of the registry
    heard: i64,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            nodes: sync::Sender::default(),
            heard: Mutex::default(),
            own: Mutex::default(),
            complete: sync::Sender::new(false),
        }
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
        let in_time = *self.complete.borrow();
        let gone = lock(&self.heard).note(&item.name, item.sequence, item.stored, in_time);
        let Some(gone) = gone else { return };
        self.tell_twins(node.as_ref());
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

    /// Two processes that call themselves the same take each other's meetings and clients.
    fn tell_twins(&self, said: Option<&Node>) {
        if let (Some((id, started)), Some(said)) = (&*lock(&self.own), said)
            && said.id == *id
            && said.started != *started
        {
            tracing::error!(
                node = id,
                other = ?said.admin,
                pid = said.pid,
                "another node has the name of this one; one of them has to end, or to get another name or cluster"
            );
        }
    }
}

impl Heard {
    /// Gives who has been silent while others spoke: they left without a word long ago. What is told of the past, before
    /// this process heard anything `in_time`, is as old as the engine says. `None`: it is old. A watch that begins anew may
    /// be told by a server that is behind the others, and what a node said in a former life would be taken for another
    /// life of it.
    fn note(&mut self, name: &str, sequence: u64, stored: i64, in_time: bool) -> Option<Vec<String>> {
        // a stream that was made anew has small numbers and late times, a clock that was set back the reverse
        if self.nodes.get(name).is_some_and(|last| sequence < last.sequence && stored <= last.stored) {
            return None;
        }
        let passed = self.stored.replace(stored).map_or(0, |before| stored.saturating_sub(before));
        self.clock += passed.clamp(0, if in_time { STEP_MAX_S } else { NODE_SILENCE_S + 1 });
        let (heard, clock) = (self.clock, self.clock);
        self.nodes.insert(name.to_owned(), Said { sequence, stored, heard });
        let silent = self.nodes.iter().filter(|(_, last)| last.heard + NODE_SILENCE_S < clock);
        let gone: Vec<_> = silent.map(|(id, _)| id.clone()).collect();
        self.nodes.retain(|id, _| !gone.contains(id));
        Some(gone)
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
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
        *lock(&self.shared.known_nodes.own) = Some((node.id.clone(), node.started));
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

    /// Who speaks, when it is stored, and who is given up by that.
    type Word<'a> = (&'a str, i64, &'a [&'a str]);

    fn check_silence(past: &[Word<'_>], in_time: &[Word<'_>]) {
        let mut heard = Heard::default();
        let words = past.iter().map(|word| (word, false)).chain(in_time.iter().map(|word| (word, true)));
        for (sequence, ((name, stored, gone), in_time)) in (1..).zip(words) {
            let expected = gone.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(heard.note(name, sequence, *stored, in_time), Some(expected), "{name} at {stored}");
        }
    }

    #[test]
    fn who_is_silent_while_others_speak_is_given_up() {
        let mut words: Vec<Word<'_>> = vec![("a", 0, &[]), ("b", 0, &[])];
        words.extend((1..=30).map(|n| ("b", 2 * n, &[][..])));
        words.push(("b", 62, &["a"]));
        check_silence(&[], &words);
    }

    #[test]
    fn an_engine_whose_clock_is_wrong_ages_nobody() {
        for wrong in [3_600, -3_600] {
            let words = [
                ("a", 0, &[][..]),
                ("b", 1, &[]),
                ("a", 2 + wrong, &[]),
                ("b", 3 + wrong, &[]),
                ("a", 4, &[]),
            ];
            check_silence(&[], &words);
        }
    }

    #[test]
    fn an_outage_ages_nobody() {
        check_silence(&[], &[("a", 0, &[]), ("b", 0, &[]), ("a", 600, &[]), ("b", 600, &[])]);
    }

    #[test]
    fn who_was_gone_before_is_not_heard_of_for_long() {
        check_silence(&[("a", 0, &[]), ("b", 3_600, &["a"])], &[("b", 3_602, &[])]);
    }
}
