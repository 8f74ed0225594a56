//! Places and nodes in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, watch};

use super::Memory;
use crate::limits::CHANGES_MAX;
use crate::{Answer, Change, Error, Node, Nodes, Place, Places, Registry, Revision};

#[derive(Debug)]
pub(super) struct Cluster {
    places: Mutex<Record>,
    changes: broadcast::Sender<Change>,
    nodes: watch::Sender<Arc<Nodes>>,
}

#[derive(Debug, Default)]
struct Record {
    places: BTreeMap<String, Place>,
    revision: Revision,
}

impl Default for Cluster {
    fn default() -> Self {
        let nodes = watch::Sender::default();
        Self { places: Mutex::default(), changes: broadcast::Sender::new(CHANGES_MAX), nodes }
    }
}

impl Cluster {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, meeting: String, shard: String, expected: Revision) -> Result<Revision, Error> {
        let mut record = self.record();
        let place = record.places.get(&meeting);
        if place.map_or(0, |place| place.revision) != expected {
            return Err(Error::Placed { place: place.cloned(), meeting });
        }
        record.revision += 1;
        let place = Place { shard, revision: record.revision };
        record.places.insert(meeting.clone(), place.clone());
        // nobody may be listening
        let _ = self.changes.send(Change { meeting, place: Some(place) });
        Ok(record.revision)
    }

    fn vacate(&self, meeting: String, expected: Revision) {
        let mut record = self.record();
        if record.places.get(&meeting).is_some_and(|place| place.revision == expected) {
            record.places.remove(&meeting);
            let _ = self.changes.send(Change { meeting, place: None });
        }
    }
}

impl Places for Memory {
    fn place(&self, meeting: &str, shard: &str, expected: Revision) -> Answer<'_, Revision> {
        let (meeting, shard) = (meeting.to_owned(), shard.to_owned());
        let cluster = Arc::clone(&self.cluster);
        self.answer(move |_| cluster.place(meeting, shard, expected))
    }

    fn placed(&self, meeting: &str) -> Answer<'_, Option<Place>> {
        let meeting = meeting.to_owned();
        let cluster = Arc::clone(&self.cluster);
        self.answer(move |_| Ok(cluster.record().places.get(&meeting).cloned()))
    }

    fn vacate(&self, meeting: &str, expected: Revision) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        let cluster = Arc::clone(&self.cluster);
        self.answer(move |_| {
            cluster.vacate(meeting, expected);
            Ok(())
        })
    }

    fn known(&self, meeting: &str) -> Option<Place> {
        self.cluster.record().places.get(meeting).cloned()
    }

    fn known_of(&self, shard: &str) -> Vec<(String, Place)> {
        let record = self.cluster.record();
        let of = record.places.iter().filter(|(_, place)| place.shard == shard);
        of.map(|(meeting, place)| (meeting.clone(), place.clone())).collect()
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.cluster.changes.subscribe()
    }
}

impl Registry for Memory {
    fn announce(&self, node: Node) -> Answer<'_, ()> {
        let cluster = Arc::clone(&self.cluster);
        self.answer(move |_| {
            cluster.nodes.send_modify(|nodes| drop(Arc::make_mut(nodes).insert(node.id.clone(), node)));
            Ok(())
        })
    }

    fn withdraw(&self, id: &str) -> Answer<'_, ()> {
        let (id, cluster) = (id.to_owned(), Arc::clone(&self.cluster));
        self.answer(move |_| {
            cluster.nodes.send_modify(|nodes| drop(Arc::make_mut(nodes).remove(&id)));
            Ok(())
        })
    }

    fn nodes(&self) -> watch::Receiver<Arc<Nodes>> {
        self.cluster.nodes.subscribe()
    }
}
