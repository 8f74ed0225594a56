//! The media threads: one for each core, each with its own machine and its own socket on the shared port.

mod addresses;
mod batch;
mod door;
mod handover;
mod outbox;
mod port;
mod routes;
mod tally;
mod worker;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::Context as _;
use rand::RngExt as _;
use service::clock::Clock;

pub(crate) use self::door::{Answer, Command, Door, Ended, Posting, Room};
pub(crate) use self::outbox::{Frame, Frames, outbox};
pub(crate) use self::tally::Count;

use self::addresses::Addresses;
use self::door::{Bell, Board};
use self::handover::Exchange;
use self::port::Port;
use self::worker::{Parts, Worker};
use crate::config::Config;
use crate::limits::{THREADS_MAX, TURN_MAX};

const PORT_TOKEN: mio::Token = mio::Token(0);
const BELL_TOKEN: mio::Token = mio::Token(1);

/// The running threads; ends them when dropped.
#[derive(Debug)]
pub(crate) struct Media {
    doors: Doors,
    threads: Vec<JoinHandle<()>>,
    address: SocketAddr,
}

/// The ways into all media threads.
#[derive(Clone, Debug)]
pub(crate) struct Doors(Arc<[Door]>);

impl Media {
    /// # Errors
    /// The port cannot be had, or no address can be offered.
    pub(crate) fn start(config: &Config) -> anyhow::Result<Self> {
        let count = threads(config.threads);
        let sockets = port::bind(config.media_bind, config.media_port, count)?;
        let address = sockets[0].local_addr().context("the media socket has no address")?;
        let addresses = Addresses::of_machine(address, &config.advertise).context("no media address")?;
        tracing::info!(threads = count, %address, candidates = addresses.candidates().len(), "media");

        let polls = (0..count).map(|_| Waiting::new()).collect::<anyhow::Result<Vec<_>>>()?;
        let bells: Vec<_> = polls.iter().map(|waiting| waiting.bell.clone()).collect();
        let start = Clock.now();
        let mut media = Self { doors: Doors(Arc::new([])), threads: Vec::new(), address };
        let mut doors = Vec::new();
        let exchanges = handover::exchanges(&bells);
        for (index, ((socket, waiting), exchange)) in
            sockets.into_iter().zip(polls).zip(exchanges).enumerate()
        {
            let sfu_config = sfu::Config {
                worker: u8::try_from(index).expect("fewer threads than 256"),
                candidates: addresses.candidates().to_vec(),
                websocket_base: config.websocket_base.clone(),
                seed: rand::rng().random(),
            };
            let (door, thread) = spawn(sfu_config, socket, waiting, exchange, addresses.clone(), start)?;
            doors.push(door);
            media.threads.push(thread);
        }
        media.doors = Doors(doors.into());
        Ok(media)
    }

    pub(crate) fn doors(&self) -> &Doors {
        &self.doors
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when all threads have ended.
    pub(crate) async fn stop(mut self) {
        self.tell_all_to_stop();
        let threads = std::mem::take(&mut self.threads);
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|t| drop(t.join()))).await;
        if joined.is_err() {
            tracing::warn!("the media threads were not waited for");
        }
    }
}

impl Media {
    fn tell_all_to_stop(&self) {
        for door in self.doors.iter() {
            door.ask(Command::Stop);
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.tell_all_to_stop();
    }
}

impl Doors {
    /// The thread that holds a conference, by its meeting-id.
    pub(crate) fn of_meeting(&self, meeting_id: &str) -> &Door {
        let mut hasher = DefaultHasher::new();
        meeting_id.hash(&mut hasher);
        let index = hasher.finish() % self.0.len() as u64;
        &self.0[usize::try_from(index).expect("below the number of threads")]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Door> {
        self.0.iter()
    }

    /// What all threads together have posted.
    pub(crate) fn posting(&self) -> Posting {
        self.iter().map(|door| door.board().posting()).fold(Posting::default(), |mut sum, one| {
            sum.tally.merge(&one.tally);
            sum.stats.conferences += one.stats.conferences;
            sum.stats.endpoints += one.stats.endpoints;
            sum.stats.packets_received += one.stats.packets_received;
            sum.stats.packets_sent += one.stats.packets_sent;
            sum.stats.bytes_received += one.stats.bytes_received;
            sum.stats.bytes_sent += one.stats.bytes_sent;
            sum
        })
    }

    /// What is wrong with the threads; `None`: nothing.
    pub(crate) fn ailment(&self, now: Instant) -> Option<&'static str> {
        self.iter().find_map(|door| match door.board().idle_for(now) {
            None => Some("a media thread has ended"),
            Some(idle) => (idle > TURN_MAX).then_some("a media thread is stuck"),
        })
    }
}

fn threads(wanted: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if wanted == 0 { cores } else { wanted }.clamp(1, THREADS_MAX)
}

/// What a thread waits with.
struct Waiting {
    poll: mio::Poll,
    bell: Arc<Bell>,
}

impl Waiting {
    fn new() -> anyhow::Result<Self> {
        let poll = mio::Poll::new().context("the kernel gives no poll")?;
        let waker = mio::Waker::new(poll.registry(), BELL_TOKEN).context("the kernel gives no wake-up")?;
        Ok(Self { poll, bell: Arc::new(Bell::new(waker)) })
    }
}

fn spawn(
    config: sfu::Config,
    socket: UdpSocket,
    waiting: Waiting,
    exchange: Exchange,
    addresses: Addresses,
    start: Instant,
) -> anyhow::Result<(Door, JoinHandle<()>)> {
    let mut port = Port::new(socket).context("the media socket cannot be set up")?;
    waiting
        .poll
        .registry()
        .register(port.source(), PORT_TOKEN, mio::Interest::READABLE)
        .context("the media socket cannot be polled")?;
    let board = Arc::new(Board::new(start));
    let (door, queues) = Door::new(waiting.bell.clone(), board.clone());
    let name = format!("media-{}", config.worker);
    let parts = Parts {
        config,
        port,
        addresses,
        exchange,
        queues,
        poll: waiting.poll,
        bell: waiting.bell,
        board: board.clone(),
    };
    let thread = thread::Builder::new()
        .name(name)
        .spawn(move || {
            let _last_word = LastWord(board);
            Worker::new(parts).run();
        })
        .context("a media thread cannot be started")?;
    Ok((door, thread))
}

/// Says that the thread has ended, even when it panicked.
struct LastWord(Arc<Board>);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.end();
        if thread::panicking() {
            tracing::error!(
                "a media thread panicked: its conferences are lost, the bridge calls itself unhealthy"
            );
        }
    }
}
