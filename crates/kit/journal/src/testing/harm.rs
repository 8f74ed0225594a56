//! What a bad disk, an operator's mistake or a stranger does to the journal of one meeting.

use std::path::Path;

use async_nats::jetstream::stream::Stream;

use crate::{Journal as _, Nats, Redb};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// a record that does not fit its checksum any more
    Bent,
    /// a record in the middle is gone
    Missing,
    /// somebody else's bytes behind the records
    Foreign,
}

impl Harm {
    pub const ALL: [Self; 3] = [Self::Bent, Self::Missing, Self::Foreign];

    /// Hurts a meeting with two records or more in the data directory of a shard that does not run.
    ///
    /// # Panics
    /// The file cannot be used.
    pub async fn do_to_file(self, directory: &Path, meeting: &str) {
        let journal = Redb::open(directory).expect("the journal opens");
        let next = journal.replay(meeting).await.expect("it is whole").next;
        if self == Self::Foreign {
            journal.append(meeting, next, vec![b"hello".to_vec()]).await.expect("it is appended");
            return;
        }
        drop(journal);
        crate::disk::hurt(directory, meeting, next - 2, self == Self::Missing);
    }

    /// Hurts a meeting with two messages or more.
    ///
    /// # Panics
    /// The engine does not do it.
    pub async fn do_to_engine(self, nats: &Nats, meeting: &str) {
        let (stream, subject) = nats.stream_of(meeting);
        let bytes: &[u8] = match self {
            Self::Missing => {
                let messages = sequences(stream, &subject).await;
                let middle = messages.len() - 2;
                assert!(stream.delete_message(messages[middle]).await.expect("it is deleted"));
                return;
            }
            Self::Bent => b"ALJ\x01bent",
            Self::Foreign => b"hello",
        };
        let sent = nats.context().publish(subject, bytes.into()).await.expect("it is sent");
        sent.await.expect("it is stored");
    }
}

/// Of all messages of a subject.
async fn sequences(stream: &Stream, subject: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut next = 1;
    let get = async |next| stream.raw_message_builder().next_by_subject(subject).sequence(next).send().await;
    while let Ok(message) = get(next).await {
        found.push(message.sequence);
        next = message.sequence + 1;
    }
    found
}
