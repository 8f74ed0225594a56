//! Places: one subject a meeting, its last message the place, an empty one where it has none any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch as sync};

use super::faults::{Refusal, published, unavailable};
use super::log::READ_TIME;
use super::removal::remove;
use super::watch::{News, follow};
use super::{Nats, Shared};
use crate::limits::{CHANGES_MAX, TOMBSTONE_TIME};
use crate::{Answer, Change, Error, Place, Places, Revision};

/// What stands in a message.
#[derive(Serialize, Deserialize)]
struct Written {
    meeting: String,
    shard: String,
}

/// What this process has heard.
#[derive(Debug)]
pub(super) struct Known {
    places: Mutex<BTreeMap<String, Place>>,
    /// of those, the ones not told again since the watch began anew
    unconfirmed: Mutex<BTreeSet<String>>,
    changes: broadcast::Sender<Change>,
    complete: sync::Sender<bool>,
}

impl Default for Known {
    fn default() -> Self {
        let changes = broadcast::Sender::new(CHANGES_MAX);
        Self {
            places: Mutex::default(),
            unconfirmed: Mutex::default(),
            changes,
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

    fn places(&self) -> MutexGuard<'_, BTreeMap<String, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unconfirmed(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Older news than what is known is no news. `None` takes a place away that is of `revision` or older.
    fn learn(&self, meeting: &str, revision: Revision, shard: Option<String>) {
        let mut places = self.places();
        let known = places.get(meeting).map_or(0, |place| place.revision);
        if known > revision || (known == revision && shard.is_some()) {
            return;
        }
        let place = shard.map(|shard| Place { shard, revision });
        let changed = match &place {
            Some(place) => places.insert(meeting.to_owned(), place.clone()).as_ref() != Some(place),
            None => places.remove(meeting).is_some(),
        };
        if changed {
            // nobody may be listening; under the lock, so that changes are told in their order
            let _ = self.changes.send(Change { meeting: meeting.to_owned(), place });
        }
    }

    /// Nothing of it stands any more, and revisions begin anew.
    pub(super) fn forget(&self) {
        let all: Vec<String> = self.places().keys().cloned().collect();
        for meeting in all {
            self.learn(&meeting, u64::MAX, None);
        }
    }

    /// Gives places that are known and were not told again.
    fn hear(&self, news: News) -> BTreeSet<String> {
        match news {
            News::Begin => *self.unconfirmed() = self.places().keys().cloned().collect(),
            News::Item(item) => {
                self.unconfirmed().remove(&item.name);
                let written = serde_json::from_slice::<Written>(&item.payload).ok();
                self.learn(&item.name, item.sequence, written.map(|written| written.shard));
            }
            News::Complete => {
                self.complete.send_replace(true);
                return std::mem::take(&mut *self.unconfirmed());
            }
        }
        BTreeSet::new()
    }
}

pub(super) async fn watch(shared: Weak<Shared>, stream: Stream) {
    follow(Weak::clone(&shared), stream, |known, news| {
        let unconfirmed = known.known_places.hear(news);
        if !unconfirmed.is_empty() {
            tokio::spawn(confirm(Weak::clone(&shared), unconfirmed));
        }
    })
    .await;
}

/// A watch is told what one server of the engine has, and that may be behind the others: after an outage the newest
/// places were seen to be missing. So whether they are gone is asked of the leader.
async fn confirm(shared: Weak<Shared>, unconfirmed: BTreeSet<String>) {
    for meeting in unconfirmed {
        let Some(shared) = shared.upgrade() else { return };
        let Some(known) = shared.known_places.places().get(&meeting).cloned() else { continue };
        match shared.place_now(&meeting).await {
            Ok((0, None)) => shared.known_places.learn(&meeting, known.revision, None),
            // what there is was learned
            Ok(_) => {}
            // an old place is found to be one by whoever goes there, and asked about at the next watch
            Err(error) => tracing::debug!(meeting, %error, "whether a place is gone is not known yet"),
        }
    }
}

impl Shared {
    /// The last message of a meeting: its sequence, and the place if it is one.
    async fn place_now(&self, meeting: &str) -> Result<(Revision, Option<Place>), Error> {
        let subject = self.names.subject("places", meeting);
        let read =
            tokio::time::timeout(READ_TIME, self.places.get_last_raw_message_by_subject(&subject)).await;
        let message = match read.map_err(|_| Error::Unavailable("NATS does not answer".to_owned()))? {
            Ok(message) => message,
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => return Ok((0, None)),
            Err(error) => return Err(unavailable(error)),
        };
        let revision = message.sequence;
        let written = serde_json::from_slice::<Written>(&message.payload).ok();
        let place = written.map(|written| Place { shard: written.shard, revision });
        self.known_places.learn(meeting, revision, place.as_ref().map(|place| place.shard.clone()));
        Ok((revision, place))
    }

    async fn write_place(
        &self,
        meeting: &str,
        last: Revision,
        payload: Vec<u8>,
    ) -> Result<Revision, Refusal> {
        let subject = self.names.subject("places", meeting);
        let message = PublishMessage::build().payload(payload.into()).expected_last_subject_sequence(last);
        let sent = self.context.send_publish(subject, message).await.map_err(|error| published(&error))?;
        Ok(sent.await.map_err(|error| published(&error))?.sequence)
    }

    async fn place(&self, meeting: &str, shard: &str, expected: Revision) -> Result<Revision, Error> {
        let last = if expected == 0 {
            let (last, place) = self.place_now(meeting).await?;
            if place.is_some() {
                return Err(Error::Placed { meeting: meeting.to_owned(), place });
            }
            last
        } else {
            expected
        };
        let written = Written { meeting: meeting.to_owned(), shard: shard.to_owned() };
        let payload = serde_json::to_vec(&written).map_err(unavailable)?;
        match self.write_place(meeting, last, payload).await {
            Ok(revision) => {
                self.known_places.learn(meeting, revision, Some(shard.to_owned()));
                Ok(revision)
            }
            Err(Refusal::Fenced) => {
                let (_, place) = self.place_now(meeting).await?;
                Err(Error::Placed { meeting: meeting.to_owned(), place })
            }
            Err(Refusal::Uncertain(error)) => Err(error),
        }
    }

    async fn vacate(&self, meeting: &str, expected: Revision) -> Result<Option<u64>, Error> {
        match self.write_place(meeting, expected, Vec::new()).await {
            Ok(sequence) => {
                self.known_places.learn(meeting, sequence, None);
                Ok(Some(sequence))
            }
            Err(Refusal::Fenced) => Ok(None),
            Err(Refusal::Uncertain(error)) => Err(error),
        }
    }
}

impl Places for Nats {
    fn place(&self, meeting: &str, shard: &str, expected: Revision) -> Answer<'_, Revision> {
        let (meeting, shard) = (meeting.to_owned(), shard.to_owned());
        Box::pin(async move { self.shared.place(&meeting, &shard, expected).await })
    }

    fn placed(&self, meeting: &str) -> Answer<'_, Option<Place>> {
        let meeting = meeting.to_owned();
        Box::pin(async move { self.shared.place_now(&meeting).await.map(|(_, place)| place) })
    }

    fn vacate(&self, meeting: &str, expected: Revision) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        Box::pin(async move {
            let Some(sequence) = self.shared.vacate(&meeting, expected).await? else { return Ok(()) };
            let shared = std::sync::Arc::downgrade(&self.shared);
            tokio::spawn(async move {
                tokio::time::sleep(TOMBSTONE_TIME).await;
                let Some(shared) = shared.upgrade() else { return };
                if let Err(error) = remove(&shared.places, sequence).await {
                    tracing::debug!(meeting, %error, "an empty place stays in the engine");
                }
            });
            Ok(())
        })
    }

    fn known(&self, meeting: &str) -> Option<Place> {
        self.shared.known_places.places().get(meeting).cloned()
    }

    fn known_of(&self, shard: &str) -> Vec<(String, Place)> {
        let places = self.shared.known_places.places();
        let of = places.iter().filter(|(_, place)| place.shard == shard);
        of.map(|(meeting, place)| (meeting.clone(), place.clone())).collect()
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.known_places.changes.subscribe()
    }
}
