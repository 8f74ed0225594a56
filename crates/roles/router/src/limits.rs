//! What the router refuses to grow beyond. Those that an operator sets stand in `service::config::Limits`.

use std::time::Duration;

/// A room's name and a tenant's, decoded. Both go into one localpart, which takes 1023 (RFC 7622 section 3.3).
pub(crate) const ROOM_BYTES_MAX: usize = 255;

pub(crate) const TENANT_BYTES_MAX: usize = 63;

const _: () = assert!(ROOM_BYTES_MAX + TENANT_BYTES_MAX + "[]".len() <= 1023);

/// An answer of a shard that is passed on whole.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// To open a connection to a shard or a bridge.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

/// For a shard or a bridge to answer: a conference request may wait for a bridge.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// For the body of a request to arrive.
pub(crate) const BODY_TIME_MAX: Duration = Duration::from_secs(15);

/// A connection that is kept for further requests and sends none.
pub(crate) const KEPT_TIME_MAX: Duration = Duration::from_secs(30);

/// A connection to a shard that waits for the next request. Node closes its after 5 s and web servers after a minute or
/// more: who closes first loses no request.
pub(crate) const IDLE_TIME_MAX: Duration = Duration::from_secs(4);

/// Such connections to one shard.
pub(crate) const IDLE_CONNECTIONS_MAX: usize = 32;

/// Between two looks at them.
pub(crate) const IDLE_LOOK_EVERY: Duration = Duration::from_secs(1);

/// A WebSocket on which neither side sends a byte. Clients ping every 10 s, bridges every 15 s.
pub(crate) const SILENCE_TIME_MAX: Duration = Duration::from_secs(150);

/// For the rest of the bytes to pass when one side has ended.
pub(crate) const LINGER_TIME_MAX: Duration = Duration::from_secs(2);

/// Buffer of each direction of a WebSocket.
pub(crate) const PUMP_BYTES: usize = 4 * 1024;

/// Bytes that the kernel could not deliver for so long mean that the client is gone.
pub(crate) const UNACKED_TIME_MAX: Duration = Duration::from_secs(60);

/// For a shard to be ready for a meeting: an engine elects its leader in 4 to 19 s, and a refusal costs a client one
/// of its three attempts.
pub(crate) const WAITING_TIME_MAX: Duration = Duration::from_secs(25);

/// Between two tries to find a shard for the same request.
pub(crate) const TRY_PAUSE: Duration = Duration::from_millis(50);

/// An answer to a heartbeat.
pub(crate) const HEARTBEAT_BYTES_MAX: usize = 4 * 1024;

/// For the engine to answer; beyond it counts as away, and is asked again.
pub(crate) const ENGINE_TIME_MAX: Duration = Duration::from_secs(2);

/// For a shard to take a running meeting over.
pub(crate) const ADOPTION_TIME_MAX: Duration = Duration::from_secs(5);

pub(crate) const ADOPTION_TRIES: u32 = 5;

pub(crate) const ADOPTION_PAUSE: Duration = Duration::from_millis(500);

/// Between two announcements of this router.
pub(crate) const ANNOUNCED_EVERY: Duration = Duration::from_secs(2);

/// Between two looks at who is still there while draining.
pub(crate) const DRAIN_LOOK: Duration = Duration::from_millis(100);

/// Between two tries to resume a stream, at most.
pub(crate) const TRY_PAUSE_MAX: Duration = Duration::from_millis(500);

/// A shard that breaks sooner after a resume is one that the resume did not succeed at.
pub(crate) const STEADY_TIME: Duration = Duration::from_secs(1);

/// Streams that are resumed at one shard at a time.
pub(crate) const RESUMES_AT_ONCE: usize = 64;

/// A message of a client. A stanza that is a little too long passes: the shard closes with a code that says so.
pub(crate) const FRAME_OF_CLIENT_BYTES_MAX: usize = 4 * xmpp::limits::STANZA_BYTES_MAX;

/// A message of a shard: an offer for a large meeting.
pub(crate) const FRAME_OF_SHARD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is read of a WebSocket at a time.
pub(crate) const WIRE_READ_BYTES: usize = 4 * 1024;

/// What waits to be written to a WebSocket, before nothing more is read for it.
pub(crate) const WIRE_WRITE_BYTES: usize = 16 * 1024;

/// A WebSocket is looked at so often: who was silent is pinged.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(20);

/// Looks at which one is silent, until it is dropped.
pub(crate) const LOOKS_OF_SILENCE_MAX: u32 = 3;

/// Looks at which nothing more was taken, until it is dropped.
pub(crate) const LOOKS_STUCK_MAX: u32 = 2;

/// Heartbeats in a row that a shard may miss while its streams bring frames: one that is busy is not dead.
pub(crate) const MISSES_EXCUSED_MAX: u32 = 10;

/// For a stock shard to be found for a request.
pub(crate) const STOCK_WAITING_TIME_MAX: Duration = Duration::from_secs(10);

/// For a stock shard to begin its answer: a BOSH request is held for a minute.
pub(crate) const STOCK_ANSWER_TIME_MAX: Duration = Duration::from_secs(180);

/// Between two pieces of an answer of a stock shard.
pub(crate) const STOCK_SILENCE_TIME_MAX: Duration = Duration::from_secs(180);

/// The body of a request to a stock shard: Prosody takes stanzas of half a megabyte, and one may hold several.
pub(crate) const STOCK_BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The body of a request to a stock shard that is kept, so that it can be sent again: what a client says over BOSH is less.
pub(crate) const STOCK_KEPT_BODY_BYTES_MAX: u64 = 64 * 1024;

/// Bridges of stock shards that the way to is remembered of.
pub(crate) const BRIDGES_KNOWN_MAX: usize = 10_000;

/// Stock shards that are asked for one bridge.
pub(crate) const WAYS_TO_A_BRIDGE_MAX: usize = 8;

/// Shards that a name server is believed.
pub(crate) const DISCOVERED_MAX: usize = 256;

/// Before a name server that has never told a shard is asked again.
pub(crate) const DISCOVERY_PAUSE: Duration = Duration::from_secs(1);

/// For a name server to answer.
pub(crate) const DNS_ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// Questions to each name server before the answer is that there is none.
pub(crate) const DNS_TRIES: usize = 2;
