//! Following a stream that has one message a subject: everything that is there, then everything that comes.

use std::sync::Weak;

use async_nats::jetstream::consumer::{DeliverPolicy, pull::OrderedConfig};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt as _;

use super::Shared;
use super::faults::unavailable;
use super::subject::name_of;
use crate::Error;
use crate::limits::{WATCH_PAUSE, WATCH_SILENCE};

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
    let stream_name = stream.cached_info().config.name.clone();
    while shared.strong_count() > 0 {
        if let Err(error) = follow_once(&shared, &stream, &told).await {
            tracing::warn!(stream_name, %error, "a watch of the engine ended; it begins again");
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
    let there = info.state.last_sequence;
    let mut complete = info.state.messages == 0;
    if complete {
        tell(News::Complete);
    }
    let mut heard = if complete { there } else { 0 };
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            // a consumer would wait for what comes after what it has heard, in a stream that begins anew
            _ = renewed.changed() => return Ok(()),
            () = tokio::time::sleep(WATCH_SILENCE) => {
                if complete && newest(stream).await? <= heard {
                    continue;
                }
                return Err(Error::Unavailable("its consumer tells nothing".to_owned()));
            }
        };
        let Some(message) = message else { return Ok(()) };
        let message = message.map_err(unavailable)?;
        let info = message.info().map_err(unavailable)?;
        let (sequence, pending, stored) =
            (info.stream_sequence, info.pending, info.published.unix_timestamp());
        heard = heard.max(sequence);
        if let Some(name) = name_of(&message.subject) {
            tell(News::Item(Item { name, sequence, stored, payload: message.payload.to_vec() }));
        }
        if pending == 0 && !complete {
            complete = true;
            // what it is not told of has been taken away
            heard = heard.max(there);
            tell(News::Complete);
        }
    }
}

/// The last sequence that the stream gave out. A consumer may be gone without a word, with the server that had it, or
/// wait for an answer that was lost: client and server each leave it at that.
async fn newest(stream: &Stream) -> Result<u64, Error> {
    Ok(stream.get_info().await.map_err(unavailable)?.state.last_sequence)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{StreamExt as _, TryStreamExt as _};
    use tokio::time::{sleep, timeout};

    use crate::testing::NatsServer;
    use crate::{Nats, NatsConfig, Places as _};

    const WATCHERS: usize = 8;

    /// A consumer lives on one server of three, and nobody says so when that one dies.
    #[tokio::test]
    async fn watches_go_on_when_the_server_with_their_consumer_dies() {
        let mut servers = NatsServer::cluster(3).await;
        let nats =
            NatsConfig { urls: servers.iter().map(NatsServer::url).collect(), ..servers[0].config("test") };
        let nats = Nats::connect(&nats).await.unwrap();
        let mut watchers = Vec::new();
        for _ in 0..WATCHERS {
            watchers.push(Nats::connect(&servers[0].config("test")).await.unwrap());
        }
        let homes = homes(&watchers[0]).await;
        let victim = [1, 2].into_iter().max_by_key(|n| homes.iter().filter(|home| *home == n).count());
        let victim = victim.unwrap();
        assert!(homes.contains(&victim), "all consumers are on the server that is asked: {homes:?}");
        servers[victim].kill();

        let place = async { while nats.place("room", "shard-1", 0).await.is_err() {} };
        timeout(Duration::from_secs(60), place).await.unwrap();
        let heard = async {
            while watchers.iter().any(|watcher| watcher.known("room").is_none()) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), heard).await.expect("a watch is deaf");
    }

    /// The number of the server that has each consumer of the places.
    async fn homes(nats: &Nats) -> Vec<usize> {
        let consumers = nats.shared.places.consumers().map(|consumer| {
            consumer.map(|info| info.cluster.unwrap().leader.unwrap()[1..].parse::<usize>().unwrap())
        });
        consumers.try_collect().await.unwrap()
    }
}
