//! What the models keep to: the timers of real clients, and those of the shells whose place a model takes.

use crate::node::{MS, Micros, SECOND};

/// `strophe.ping.ts`: interval, timeout, failures in a row that count as a dead connection.
pub(crate) const PING_INTERVAL: Micros = 10 * SECOND;
pub(crate) const PING_TIMEOUT: Micros = 5 * SECOND;
pub(crate) const PING_FAILURES_MAX: u32 = 2;

/// `ResumeTask.ts`, `XmppConnection.ts`: attempts to take up a stream before the page is loaded again.
pub(crate) const ATTEMPTS_MAX: u32 = 3;

/// `strophe.stream-management.ts`: counted stanzas after which the client asks for an acknowledgement.
pub(crate) const ACK_REQUEST_STANZAS: u32 = 5;

/// A browser gives a TCP connect up; it tries the other addresses of a name before.
pub(crate) const CLIENT_CONNECT_TIME: Micros = 8 * SECOND;

/// Until a page that was loaded again has its connection opened.
pub(crate) const RELOAD_TIME: Micros = 2 * SECOND;

/// The router: to open a connection to a shard, and for a shard to be ready for a meeting.
pub(crate) const DIAL_TIME: Micros = 3 * SECOND;
pub(crate) const WAITING_TIME: Micros = 25 * SECOND;
pub(crate) const TRY_PAUSE: Micros = 50 * MS;
pub(crate) const ADOPTION_TRIES: u32 = 5;
pub(crate) const ADOPTION_PAUSE: Micros = 500 * MS;

/// Both: for the engine to answer; beyond it counts as away.
pub(crate) const ENGINE_TIME: Micros = SECOND;

/// The shard.
pub(crate) const ANNOUNCE_INTERVAL: Micros = 2 * SECOND;
pub(crate) const CLAIM_TIME: Micros = 20 * SECOND;
pub(crate) const RETRY_FIRST: Micros = meeting::ledger::RETRY_MS_FIRST * MS;
pub(crate) const TAKEOVER_TRIES: u32 = 20;
pub(crate) const BATCH_MAX: usize = 64;
/// For somebody who has asked for a meeting to come, too.
pub(crate) const SNAPSHOT_IDLE: Micros = 30 * SECOND;
/// as the product's, but low, so that runs of minutes have some
pub(crate) const SNAPSHOT_ENTRIES: u64 = 60;
pub(crate) const BRIDGE_ANSWER_TIME: Micros = 15 * SECOND;

/// The bridge: until it dials a shard again, and until a stream that is silent is given up.
pub(crate) const LOGIN_PAUSE: Micros = 500 * MS;

/// Client and shard: a socket on which nothing was heard for so long is dropped.
pub(crate) const SILENCE_MAX: Micros = 60 * SECOND;

/// Events that a failure shows, unless more are asked for.
pub(crate) const EVENTS_SHOWN: usize = 80;
