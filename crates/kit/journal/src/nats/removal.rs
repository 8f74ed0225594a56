//! Taking messages away.
//!
//! Never by a purge. A server before 2.9.18 that is killed and started again does once more what its log says of a purge,
//! but without the subject: what the whole stream had until then is gone from it (nats-server #4212), every meeting of
//! the stream with it. So what a snapshot or an end makes needless is taken away by that message itself, which is an
//! order of its own to each server (`Nats-Rollup`); whatever else there is goes message by message.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{DeleteMessageErrorKind, LastRawMessageErrorKind, Stream};

use super::envelope::Body;
use super::faults::unavailable;
use crate::Error;

/// A message that leaves nothing of its subject before it.
pub(super) fn alone(message: PublishMessage) -> PublishMessage {
    message.header("Nats-Rollup", "sub")
}

/// Nothing before it is read again.
pub(super) fn is_alone(body: &Body) -> bool {
    matches!(body, Body::End | Body::Snapshot { part: 0, parts: 1, .. })
}

/// The message with this sequence, if it is there.
pub(super) async fn remove(stream: &Stream, sequence: u64) -> Result<(), Error> {
    match stream.delete_message(sequence).await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            DeleteMessageErrorKind::JetStream(said) if said.error_code() == ErrorCode::SEQUENCE_NOT_FOUND => {
                Ok(())
            }
            _ => Err(unavailable(error)),
        },
    }
}

/// Of a subject what stands before `sequence`.
pub(super) async fn remove_before(stream: &Stream, subject: &str, sequence: u64) -> Result<(), Error> {
    let mut from = 1;
    loop {
        let next = stream.raw_message_builder().next_by_subject(subject).sequence(from).send().await;
        let found = match next {
            Ok(message) => message.sequence,
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => return Ok(()),
            Err(error) => return Err(unavailable(error)),
        };
        if found >= sequence {
            return Ok(());
        }
        remove(stream, found).await?;
        from = found + 1;
    }
}
