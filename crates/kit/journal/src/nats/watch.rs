//! Following a stream that has one message a subject: everything that is there, then everything that comes.

use std::sync::Weak;

use async_nats::jetstream::consumer::{DeliverPolicy, pull::OrderedConfig};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt as _;

use super::Shared;
use super::faults::unavailable;
use super::subject::name_of;
use crate::Error;
use crate::limits::WATCH_PAUSE;

/// What a watcher is told.
pub(super) enum News {
    /// From here on everything that is there is told again.
    Begin,
    Item(Item),
    /// All that was there has been told.
    Complete,
}

pub(super) struct Item {
    /// what the subject names
    pub(super) name: String,
    pub(super) sequence: u64,
    /// seconds since the Unix epoch when the engine stored it
    pub(super) stored: i64,
    /// empty: it was taken away
    pub(super) payload: Vec<u8>,
}

/// Tells `told` whatever happens in `stream`, until the last handle to the engine is gone. While the engine is away it
/// tells nothing; afterwards it begins anew.
pub(super) async fn follow(shared: Weak<Shared>, stream: Stream, told: impl Fn(&Shared, News)) {
    while shared.strong_count() > 0 {
        if let Err(error) = follow_once(&shared, &stream, &told).await {
            tracing::warn!(%error, "a watch of the engine ended; it begins again");
        }
        tokio::time::sleep(WATCH_PAUSE).await;
    }
}

async fn follow_once(
    shared: &Weak<Shared>,
    stream: &Stream,
    told: &impl Fn(&Shared, News),
) -> Result<(), Error> {
    let tell = |news| shared.upgrade().map(|shared| told(&shared, news));
    let Some(mut renewed) = shared.upgrade().map(|shared| shared.renewal.times()) else { return Ok(()) };
    let info = stream.get_info().await.map_err(unavailable)?;
    // without one the engine refuses to send the last of each subject
    let filter_subject = info.config.subjects.first().cloned().unwrap_or_default();
    let deliver_policy = DeliverPolicy::LastPerSubject;
    let config = OrderedConfig { filter_subject, deliver_policy, ..OrderedConfig::default() };
    let consumer = stream.create_consumer(config).await.map_err(unavailable)?;
    let mut messages = consumer.messages().await.map_err(unavailable)?;
    tell(News::Begin);
    let mut complete = info.state.messages == 0;
    if complete {
        tell(News::Complete);
    }
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            // a consumer would wait for what comes after what it has heard, in a stream that begins anew
            _ = renewed.changed() => return Ok(()),
        };
        let Some(message) = message else { return Ok(()) };
        let message = message.map_err(unavailable)?;
        let info = message.info().map_err(unavailable)?;
        let (sequence, pending, stored) =
            (info.stream_sequence, info.pending, info.published.unix_timestamp());
        if let Some(name) = name_of(&message.subject) {
            tell(News::Item(Item { name, sequence, stored, payload: message.payload.to_vec() }));
        }
        if pending == 0 && !complete {
            complete = true;
            tell(News::Complete);
        }
    }
}
