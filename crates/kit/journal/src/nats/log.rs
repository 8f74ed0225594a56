//! The journals: appends, snapshots and ends, each under the fence of its subject.

use std::future::IntoFuture as _;
use std::sync::PoisonError;
use std::time::Duration;

use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};

use super::envelope::{Body, Envelope};
use super::faults::{Refusal, published, unavailable};
use super::head::{Head, already_there};
use super::removal::{alone, is_alone, remove, remove_before};
use super::{Nats, Shared};
use crate::limits::{
    ENVELOPE_BYTES, HEADS_MAX, MESSAGE_BYTES_MAX, RECORD_BYTES_MAX, SNAPSHOT_BYTES_MAX, TOMBSTONE_TIME,
};
use crate::{Answer, Error, Journal, Position, Replay};

impl Journal for Nats {
    fn append(&self, meeting: &str, expected: Position, records: Vec<Vec<u8>>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        Box::pin(async move { self.shared.append(&meeting, expected, &records).await })
    }

    fn replay(&self, meeting: &str) -> Answer<'_, Replay> {
        let meeting = meeting.to_owned();
        Box::pin(async move { self.shared.replay(&meeting).await })
    }

    fn snapshot(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        Box::pin(async move { self.shared.snapshot(&meeting, position, &bytes).await })
    }

    fn restore(&self, meeting: &str, position: Position, bytes: Vec<u8>) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        Box::pin(async move { self.shared.restore(&meeting, position, &bytes).await })
    }

    fn purge(&self, meeting: &str, expected: Position) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        Box::pin(async move {
            let head = self.shared.head(&meeting).await?;
            if head.next == expected && head.anchor == 0 {
                return Ok(());
            }
            let head = self.shared.put(&meeting, expected, head, Body::End).await?;
            self.bury(&meeting, head.sequence);
            Ok(())
        })
    }

    fn set_aside(&self, meeting: &str) -> Answer<'_, ()> {
        let meeting = meeting.to_owned();
        Box::pin(async move {
            let Some(tombstone) = self.shared.set_aside(&meeting).await? else { return Ok(()) };
            self.bury(&meeting, tombstone);
            Ok(())
        })
    }

    fn aside(&self) -> Answer<'_, Vec<String>> {
        Box::pin(self.shared.aside())
    }

    fn meetings(&self) -> Answer<'_, Vec<String>> {
        Box::pin(self.shared.meetings())
    }
}

impl Nats {
    /// Removes a tombstone when nobody can remember what stood there.
    fn bury(&self, meeting: &str, tombstone: u64) {
        let (shared, meeting) = (std::sync::Arc::downgrade(&self.shared), meeting.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(TOMBSTONE_TIME).await;
            let Some(shared) = shared.upgrade() else { return };
            if let Err(error) = remove(shared.stream(&meeting).0, tombstone).await {
                tracing::debug!(meeting, %error, "the last record of a meeting that is over stays");
            }
        });
    }
}

impl Shared {
    pub(super) fn stream(&self, meeting: &str) -> (&Stream, String) {
        let count = u32::from(self.found.streams);
        let number = u16::try_from(crc32fast::hash(meeting.as_bytes()) % count).unwrap_or(0);
        let stream = self.journals.get(usize::from(number)).expect("there is a stream for each number");
        (stream, self.names.journal(number, meeting))
    }

    async fn append(&self, meeting: &str, expected: Position, records: &[Vec<u8>]) -> Result<(), Error> {
        if let Some(large) = records.iter().find(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(Error::TooLarge { meeting: meeting.to_owned(), bytes: large.len() });
        }
        let mut head = match self.known_head(meeting) {
            Some(head) if head.next == expected && !records.is_empty() => head,
            _ => self.head(meeting).await?,
        };
        let mut done = self.progress(meeting, &head, expected, records).await?;
        while let Some(rest) = records.get(done..).filter(|rest| !rest.is_empty()) {
            let batch = first_batch(rest);
            match self.publish(meeting, &head, &head.followed_by(Body::Records(batch.to_vec()))).await {
                Ok(after) => {
                    done += batch.len();
                    head = after;
                }
                Err(Refusal::Fenced) => {
                    head = self.head(meeting).await?;
                    done = self.progress(meeting, &head, expected, records).await?;
                }
                Err(Refusal::Uncertain(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// How many of `records` the journal has already: none, or what a former attempt has left, whose answer was lost.
    async fn progress(
        &self,
        meeting: &str,
        head: &Head,
        expected: Position,
        records: &[Vec<u8>],
    ) -> Result<usize, Error> {
        if head.next == expected {
            return Ok(0);
        }
        if head.sequence == 0 && self.is_another(self.stream(meeting).0).await? {
            return Err(Error::Lost { meeting: meeting.to_owned() });
        }
        let last = self.last(meeting).await?;
        let there = last.filter(|(at, _)| at.sequence == head.sequence);
        let there = there.and_then(|(_, last)| already_there(&last, expected, records));
        there.ok_or_else(|| head.elsewhere(meeting, expected))
    }

    async fn snapshot(&self, meeting: &str, position: Position, bytes: &[u8]) -> Result<(), Error> {
        let head = self.head(meeting).await?;
        self.write_state(meeting, position, head, bytes).await
    }

    async fn restore(&self, meeting: &str, position: Position, bytes: &[u8]) -> Result<(), Error> {
        let head = self.head(meeting).await?;
        if head.anchor != 0 {
            return Err(head.elsewhere(meeting, position));
        }
        self.write_state(meeting, position, Head { next: position, ..head }, bytes).await
    }

    async fn write_state(
        &self,
        meeting: &str,
        position: Position,
        mut head: Head,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            return Err(Error::TooLarge { meeting: meeting.to_owned(), bytes: bytes.len() });
        }
        let chunks: Vec<&[u8]> = if bytes.is_empty() {
            vec![bytes]
        } else {
            bytes.chunks(MESSAGE_BYTES_MAX - ENVELOPE_BYTES).collect()
        };
        let parts = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        let mut first = 0;
        for (part, chunk) in (0..).zip(chunks) {
            head.fence(meeting, position)?;
            let mut envelope = head.followed_by(Body::Snapshot { part, parts, bytes: chunk.to_vec() });
            if part > 0 && part + 1 == parts {
                // now it is whole: a replay begins with its first part
                (envelope.anchor, envelope.behind) = (first, parts);
            }
            head = self.publish_once(meeting, position, &head, &envelope).await?;
            first = if part == 0 { head.sequence } else { first };
        }
        let (stream, subject) = self.stream(meeting);
        if parts == 1 { Ok(()) } else { remove_before(stream, &subject, first).await }
    }

    /// Appends one message that no former attempt can have left.
    async fn put(&self, meeting: &str, expected: Position, head: Head, body: Body) -> Result<Head, Error> {
        head.fence(meeting, expected)?;
        self.publish_once(meeting, expected, &head, &head.followed_by(body)).await
    }

    async fn publish_once(
        &self,
        meeting: &str,
        expected: Position,
        head: &Head,
        envelope: &Envelope,
    ) -> Result<Head, Error> {
        match self.publish(meeting, head, envelope).await {
            Ok(after) => Ok(after),
            Err(Refusal::Uncertain(error)) => Err(error),
            Err(Refusal::Fenced) => Err(self.head(meeting).await?.elsewhere(meeting, expected)),
        }
    }

    /// Puts `envelope` after `head`, and remembers where the subject ends then.
    async fn publish(&self, meeting: &str, head: &Head, envelope: &Envelope) -> Result<Head, Refusal> {
        let (stream, subject) = self.stream(meeting);
        let bytes = envelope.to_bytes(meeting);
        let message = PublishMessage::build()
            .payload(bytes.clone().into())
            .expected_stream(&stream.cached_info().config.name)
            .expected_last_subject_sequence(head.sequence);
        let message = if is_alone(&envelope.body) { alone(message) } else { message };
        // until it is confirmed nobody knows where the subject ends
        self.forget_head(meeting);
        let sent = self.context.send_publish(subject, message).await.map_err(|error| published(&error))?;
        let ack = sent.into_future().await.map_err(|error| published(&error))?;
        let after = Head::after(ack.sequence, &bytes, envelope);
        self.remember_head(meeting, after.clone());
        Ok(after)
    }

    /// Where the subject ends, as the stream's leader has it.
    pub(super) async fn head(&self, meeting: &str) -> Result<Head, Error> {
        let head = self.last(meeting).await?.map_or_else(Head::default, |(head, _)| head);
        self.remember_head(meeting, head.clone());
        Ok(head)
    }

    /// The last message of a meeting, as the stream's leader has it.
    pub(super) async fn last(&self, meeting: &str) -> Result<Option<(Head, Envelope)>, Error> {
        let Some(message) = self.last_raw(meeting).await? else { return Ok(None) };
        let at = self.known_head(meeting).map_or(0, |head| head.next);
        let envelope = Envelope::from_bytes(meeting, at, &message.payload)?;
        Ok(Some((Head::after(message.sequence, &message.payload, &envelope), envelope)))
    }

    pub(super) async fn last_raw(&self, meeting: &str) -> Result<Option<StreamMessage>, Error> {
        let (stream, subject) = self.stream(meeting);
        match tokio::time::timeout(READ_TIME, stream.get_last_raw_message_by_subject(&subject)).await {
            Ok(Ok(message)) => Ok(Some(message)),
            Ok(Err(error)) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Ok(Err(error)) => Err(unavailable(error)),
            Err(_) => Err(Error::Unavailable("NATS does not answer".to_owned())),
        }
    }

    fn known_head(&self, meeting: &str) -> Option<Head> {
        self.heads().get(meeting).cloned()
    }

    fn remember_head(&self, meeting: &str, head: Head) {
        let mut heads = self.heads();
        if heads.len() >= HEADS_MAX {
            heads.clear();
        }
        heads.insert(meeting.to_owned(), head);
    }

    pub(super) fn forget_head(&self, meeting: &str) {
        self.heads().remove(meeting);
    }

    pub(super) fn heads(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<String, Head>> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For one message to be read.
pub(super) const READ_TIME: Duration = Duration::from_secs(2);

/// As many records as one message takes, at least one.
fn first_batch(records: &[Vec<u8>]) -> &[Vec<u8>] {
    let mut bytes = 0;
    let fits = |record: &&Vec<u8>| {
        bytes += record.len() + 8;
        bytes <= MESSAGE_BYTES_MAX - ENVELOPE_BYTES
    };
    let count = records.iter().take_while(fits).count().max(1);
    records.get(..count).unwrap_or(records)
}
