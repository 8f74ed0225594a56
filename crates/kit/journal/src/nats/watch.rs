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
    let mut ear = Ear::new(info.state.last_sequence, info.state.messages);
    if ear.complete {
        tell(News::Complete);
    }
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            // a consumer would wait for what comes after what it has heard, in a stream that begins anew
            _ = renewed.changed() => return Ok(()),
            () = tokio::time::sleep(WATCH_SILENCE) => {
                if ear.complete && ear.has(newest(stream).await?) {
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
        if let Some(name) = name_of(&message.subject) {
            tell(News::Item(Item { name, sequence, stored, payload: message.payload.to_vec() }));
        }
        if ear.hear(sequence, pending) {
            tell(News::Complete);
        }
    }
}

/// What a watch has heard.
#[derive(Debug)]
struct Ear {
    /// the last sequence that the stream had when the watch began, and how many messages
    there: u64,
    messages: u64,
    /// the last one that it was told of, and how many
    heard: u64,
    told: u64,
    /// everything that was there has been told
    complete: bool,
}

impl Ear {
    fn new(there: u64, messages: u64) -> Self {
        Self { there, messages, heard: 0, told: 0, complete: messages == 0 }
    }

    /// A message with `pending` others behind it; `true`: with it the watch is complete. The engine's count of them alone
    /// does not tell: what is replaced while the watch begins may be in it for ever, as NATS 2.9 counts. But messages come
    /// in their order.
    fn hear(&mut self, sequence: u64, pending: u64) -> bool {
        self.told += u64::from(sequence > self.heard);
        self.heard = self.heard.max(sequence);
        let passed = sequence >= self.there && self.told >= self.messages;
        if self.complete || (pending > 0 && !passed) {
            return false;
        }
        self.complete = true;
        true
    }

    /// Nothing was missed where this is the stream's last sequence. What was there and is not told has been taken away.
    fn has(&self, newest: u64) -> bool {
        self.complete && newest <= self.heard.max(self.there)
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

    use super::Ear;

    const WATCHERS: usize = 8;

    /// Where, of these messages, a watch is complete that began with `messages` up to `there`.
    fn check(there: u64, messages: u64, told: &[(u64, u64)], complete: Option<usize>) {
        let mut ear = Ear::new(there, messages);
        let at: Vec<usize> = (0..told.len()).filter(|at| ear.hear(told[*at].0, told[*at].1)).collect();
        assert_eq!(at, Vec::from_iter(complete), "{told:?}");
    }

    #[test]
    fn a_watch_is_complete_once_everything_was_told() {
        check(7, 3, &[(3, 2), (6, 1), (7, 0), (8, 0)], Some(2));
        check(7, 3, &[(3, 2), (6, 1)], None);
        // the seventh was taken away
        check(7, 3, &[(3, 1), (6, 0), (8, 0)], Some(1));
        check(0, 0, &[(1, 0)], None);
    }

    /// As NATS 2.9.10 counted where eight subjects were written to all the time.
    #[test]
    fn a_count_that_never_comes_to_its_end_is_not_waited_for() {
        let first = (8..=15).rev().map(|pending| (53_740, pending));
        let told: Vec<(u64, u64)> = first.chain((53_741..53_800).map(|sequence| (sequence, 8))).collect();
        check(53_715, 8, &told, Some(14));
    }

    #[test]
    fn what_was_taken_away_is_not_missed() {
        let mut ear = Ear::new(7, 2);
        assert!(!ear.has(7), "not complete");
        ear.hear(6, 0);
        assert!(ear.has(7) && !ear.has(8));
    }

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
