//! Reading a meeting back, message by message, each checked against the one before.

use async_nats::jetstream::consumer::{DeliverPolicy, pull::OrderedConfig};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::Shared;
use super::envelope::{Body, Envelope, Hash, hash};
use super::faults::{published, unavailable};
use super::head::Head;
use super::log::READ_TIME;
use super::removal::{alone, remove_before};
use super::subject::name_of;
use crate::limits::{ACK_TIME, DAMAGED_PAUSE, DAMAGED_READS, REPLAYS_MAX, SET_ASIDE_MAX, WALK_MAX};
use crate::{Error, Replay};

impl Shared {
    /// What cannot be read is damaged only if nobody has written meanwhile: with a snapshot, or with the end, its owner
    /// removes what stands before, and that may be what we read. A new owner gets in between only so often. And it is
    /// read again first, one by one and after a while: whoever loses a meeting over this has no other.
    pub(super) async fn replay(&self, meeting: &str) -> Result<Replay, Error> {
        let mut damaged_at = Vec::new();
        for _ in 0..REPLAYS_MAX {
            self.forget_head(meeting);
            let Some((head, last)) = self.last(meeting).await? else { return Ok(Replay::default()) };
            let sequence = head.sequence;
            let read = self.read(meeting, head, last, damaged_at.is_empty()).await;
            if !matches!(read, Err(Error::Damaged { .. })) {
                return read;
            }
            damaged_at.push(sequence);
            if damaged_at.ends_with(&[sequence; DAMAGED_READS]) {
                return read;
            }
            if damaged_at.ends_with(&[sequence; 2]) {
                tracing::warn!(meeting, "the journal of a meeting does not fit together; it is read again");
                tokio::time::sleep(DAMAGED_PAUSE).await;
            }
        }
        Err(Error::Unavailable(format!("meeting {meeting} changes faster than it can be read")))
    }

    /// Everything up to `head`, whose message is `last`; `at_once` if it may be read in one go.
    ///
    /// A consumer reads at one of the servers, and one that has just come back, or that was behind, was seen to leave
    /// messages out that it had (2.9.10). Single messages are read at the stream's leader.
    async fn read(&self, meeting: &str, head: Head, last: Envelope, at_once: bool) -> Result<Replay, Error> {
        if head.anchor == 0 {
            return Ok(Replay::default());
        }
        if head.anchor == head.sequence {
            let mut reading = Reading::new(meeting);
            reading.take(hash(&[]), last)?;
            return reading.end();
        }
        let (stream, subject) = self.stream(meeting);
        let messages = if head.behind <= WALK_MAX || !at_once {
            walk(stream, &subject, head.anchor, head.sequence).await?
        } else {
            match consume(stream, &subject, head.anchor, head.sequence).await {
                Ok(messages) => messages,
                // a consumer needs the leader of all servers, messages only that of their stream: it may be there first
                Err(error) => {
                    tracing::debug!(meeting, %error, "no consumer for a replay; it reads message by message");
                    walk(stream, &subject, head.anchor, head.sequence).await?
                }
            }
        };
        let mut reading = Reading::new(meeting);
        for message in &messages {
            let envelope = Envelope::from_bytes(meeting, reading.replay.next, message)?;
            reading.take(hash(message), envelope)?;
        }
        if reading.last != Some(head.hash) {
            return Err(reading.damaged());
        }
        reading.end()
    }

    /// Copies everything of a meeting into the stream for such, and ends it. Gives the sequence of its end.
    pub(super) async fn set_aside(&self, meeting: &str) -> Result<Option<u64>, Error> {
        let Some(last) = self.last_raw(meeting).await? else { return Ok(None) };
        if let Ok(Envelope { body: Body::End, .. }) = Envelope::from_bytes(meeting, 0, &last.payload) {
            return Ok(None);
        }
        let (stream, subject) = self.stream(meeting);
        let first = stream
            .raw_message_builder()
            .next_by_subject(&subject)
            .sequence(1)
            .send()
            .await
            .map_err(unavailable)?;
        let messages = walk(stream, &subject, first.sequence, last.sequence).await?;
        let name = format!("{:020} {meeting}", last.sequence);
        for message in messages {
            let subject = self.names.subject("aside", &name);
            let sent = self.context.publish(subject, message.into()).await.map_err(unavailable)?;
            sent.await.map_err(unavailable)?;
        }
        let end =
            Envelope { previous: hash(&last.payload), position: 0, anchor: 0, behind: 0, body: Body::End };
        let message = PublishMessage::build().payload(end.to_bytes(meeting).into());
        let message = alone(message.expected_last_subject_sequence(last.sequence));
        self.forget_head(meeting);
        let sent = self.context.send_publish(subject, message).await.map_err(unavailable)?;
        let ack = sent.await.map_err(|error| match published(&error) {
            super::faults::Refusal::Fenced => {
                Error::WrongPosition { meeting: meeting.to_owned(), expected: 0, actual: 0 }
            }
            super::faults::Refusal::Uncertain(error) => error,
        })?;
        self.forget_oldest_aside().await?;
        Ok(Some(ack.sequence))
    }

    async fn forget_oldest_aside(&self) -> Result<(), Error> {
        let there = self.aside_subjects().await?;
        for (subject, _) in there.iter().take(there.len().saturating_sub(SET_ASIDE_MAX)) {
            remove_before(&self.aside, subject, u64::MAX).await?;
        }
        Ok(())
    }

    pub(super) async fn aside(&self) -> Result<Vec<String>, Error> {
        Ok(self.aside_subjects().await?.into_iter().map(|(_, meeting)| meeting).collect())
    }

    /// Subjects and meetings, oldest first.
    async fn aside_subjects(&self) -> Result<Vec<(String, String)>, Error> {
        let mut subjects = self.aside.info_with_subjects(">").await.map_err(unavailable)?;
        let mut there = Vec::new();
        while let Some((subject, _)) = subjects.try_next().await.map_err(unavailable)? {
            let first = self
                .aside
                .raw_message_builder()
                .next_by_subject(&subject)
                .sequence(1)
                .send()
                .await
                .map_err(unavailable)?;
            let Some(name) = name_of(&subject) else { continue };
            if let Some((_, meeting)) = name.split_once(' ') {
                there.push((first.sequence, subject, meeting.to_owned()));
            }
        }
        there.sort();
        Ok(there.into_iter().map(|(_, subject, meeting)| (subject, meeting)).collect())
    }

    pub(super) async fn meetings(&self) -> Result<Vec<String>, Error> {
        let mut meetings = Vec::new();
        for stream in &self.journals {
            let mut subjects = stream.info_with_subjects(">").await.map_err(unavailable)?;
            while let Some((subject, _)) = subjects.try_next().await.map_err(unavailable)? {
                meetings.extend(name_of(&subject));
            }
        }
        let mut alive = Vec::with_capacity(meetings.len());
        for meeting in meetings {
            // one that cannot be read is there all the same
            let head = self.last(&meeting).await;
            if !matches!(&head, Ok(None)) && !matches!(&head, Ok(Some((head, _))) if head.anchor == 0) {
                alive.push(meeting);
            }
        }
        alive.sort();
        Ok(alive)
    }
}

/// One request a message: the quicker way for few.
async fn walk(stream: &Stream, subject: &str, from: u64, to: u64) -> Result<Vec<Vec<u8>>, Error> {
    let mut messages = Vec::new();
    let mut next = from;
    while next <= to {
        let read = tokio::time::timeout(
            READ_TIME,
            stream.raw_message_builder().next_by_subject(subject).sequence(next).send(),
        )
        .await;
        let message =
            read.map_err(|_| Error::Unavailable("NATS does not answer".to_owned()))?.map_err(unavailable)?;
        next = message.sequence + 1;
        messages.push(message.payload.to_vec());
    }
    Ok(messages)
}

/// All of them in one go.
async fn consume(stream: &Stream, subject: &str, from: u64, to: u64) -> Result<Vec<Vec<u8>>, Error> {
    let config = OrderedConfig {
        filter_subject: subject.to_owned(),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
        ..OrderedConfig::default()
    };
    let late = |_| Error::Unavailable("NATS does not answer".to_owned());
    let created = tokio::time::timeout(ACK_TIME, stream.create_consumer(config)).await;
    let consumer = created.map_err(late)?.map_err(unavailable)?;
    let mut arriving = consumer.messages().await.map_err(unavailable)?;
    let mut messages = Vec::new();
    loop {
        let next = tokio::time::timeout(READ_TIME, arriving.next()).await;
        let next = next.map_err(late)?;
        let message = next.ok_or_else(|| Error::Unavailable("NATS stopped sending".to_owned()))?;
        let message = message.map_err(unavailable)?;
        let at = message.info().map_err(unavailable)?.stream_sequence;
        if at <= to {
            messages.push(message.payload.to_vec());
        }
        if at >= to {
            return Ok(messages);
        }
    }
}

/// A replay as it grows.
struct Reading<'a> {
    meeting: &'a str,
    replay: Replay,
    last: Option<Hash>,
    /// parts of a snapshot that is not whole yet
    parts: Vec<Vec<u8>>,
}

impl<'a> Reading<'a> {
    fn new(meeting: &'a str) -> Self {
        Self { meeting, replay: Replay::default(), last: None, parts: Vec::new() }
    }

    fn take(&mut self, hash: Hash, envelope: Envelope) -> Result<(), Error> {
        let follows = match self.last {
            Some(last) => envelope.previous == last && envelope.position == self.replay.next,
            None => match &envelope.body {
                Body::Records(_) => envelope.position == 0,
                Body::Snapshot { part, .. } => *part == 0,
                Body::End => true,
            },
        };
        if !follows {
            return Err(self.damaged());
        }
        let next = envelope.next();
        match envelope.body {
            Body::Records(records) => {
                self.parts.clear();
                self.replay.records.extend(records);
            }
            Body::Snapshot { part, parts, bytes } => self.take_part(part, parts, bytes, next)?,
            Body::End => self.replay = Replay::default(),
        }
        self.replay.next = next;
        self.last = Some(hash);
        Ok(())
    }

    fn take_part(&mut self, part: u32, parts: u32, bytes: Vec<u8>, position: u64) -> Result<(), Error> {
        if part == 0 {
            self.parts.clear();
        }
        if usize::try_from(part) != Ok(self.parts.len()) {
            return Err(self.damaged());
        }
        self.parts.push(bytes);
        if part + 1 == parts {
            let whole = std::mem::take(&mut self.parts).concat();
            self.replay = Replay { snapshot: Some((position, whole)), records: Vec::new(), next: position };
        }
        Ok(())
    }

    fn end(self) -> Result<Replay, Error> {
        let begins = self.replay.snapshot.as_ref().map_or(0, |(position, _)| *position);
        if self.replay.next != begins + self.replay.records.len() as u64 {
            return Err(self.damaged());
        }
        Ok(self.replay)
    }

    fn damaged(&self) -> Error {
        Error::Damaged { meeting: self.meeting.to_owned(), position: self.replay.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(previous: Hash, position: u64, body: Body) -> Envelope {
        Envelope { previous, position, anchor: 0, behind: 0, body }
    }

    fn read(bodies: &[(u64, Body)]) -> Result<Replay, Error> {
        let mut reading = Reading::new("room");
        let mut previous = [0; 16];
        for (number, (position, body)) in (1..).zip(bodies) {
            let own = [number; 16];
            reading.take(own, envelope(previous, *position, body.clone()))?;
            previous = own;
        }
        reading.end()
    }

    fn records(texts: &[&str]) -> Body {
        Body::Records(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
    }

    fn part(part: u32, parts: u32) -> Body {
        Body::Snapshot { part, parts, bytes: vec![u8::try_from(part).unwrap()] }
    }

    #[test]
    fn records_and_snapshots_come_back() {
        let replay =
            read(&[(0, records(&["a", "b"])), (2, part(0, 2)), (2, part(1, 2)), (2, records(&["c"]))]);
        let expected = Replay { snapshot: Some((2, vec![0, 1])), records: vec![b"c".to_vec()], next: 3 };
        assert_eq!(replay, Ok(expected));
    }

    #[test]
    fn a_snapshot_that_was_not_finished_does_not_count() {
        let replay = read(&[(0, records(&["a"])), (1, part(0, 2)), (1, records(&["b"]))]).unwrap();
        assert_eq!((replay.snapshot, replay.records.len(), replay.next), (None, 2, 2));
    }

    #[test]
    fn a_gap_is_noticed() {
        for bodies in [
            vec![(1, records(&["b"]))],
            vec![(0, records(&["a"])), (2, records(&["c"]))],
            vec![(0, records(&["a"])), (1, part(1, 2))],
            vec![(3, part(1, 2))],
        ] {
            assert!(matches!(read(&bodies), Err(Error::Damaged { .. })), "{bodies:?}");
        }
    }

    #[test]
    fn a_message_that_names_another_before_it_is_noticed() {
        let mut reading = Reading::new("room");
        reading.take([1; 16], envelope([0; 16], 0, records(&["a"]))).unwrap();
        reading.take([2; 16], envelope([9; 16], 1, records(&["b"]))).unwrap_err();
    }
}
