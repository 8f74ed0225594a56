//! What the decisions are bounded by, in milliseconds.

/// From one heartbeat of a shard to the next.
pub const HEARTBEAT_MS: u64 = 500;

/// For a shard to answer a heartbeat.
pub const PATIENCE_MS: u64 = 500;

/// For a shard to answer after it has missed one: dead for 1.3 s at most before that is known.
pub const PATIENCE_IN_DOUBT_MS: u64 = 300;

/// Heartbeats in a row that make a shard count as down.
pub const MISSES_MAX: u32 = 2;

/// Answers in a row after which a shard that was down is up again.
pub const ANSWERS_MIN: u32 = 2;

/// After a shard's death, until its meetings without clients at this router are placed: their own router is first.
pub const OTHERS_AFTER_MS: u64 = 1_000;

/// Spread of those, so that two routers seldom try the same meeting at once.
pub const JITTER_MS: u64 = 500;

/// Before the engine is asked again.
pub const RETRY_MS: u64 = 250;

/// A shard that has places and is not in the registry for so long is gone.
pub const UNLISTED_MS: u64 = 2_000;

/// A shard announces what it got within this time.
pub const ANNOUNCED_WITHIN_MS: u64 = 4_000;

/// What one more meeting adds to a load until the shard says so itself.
pub const LOAD_PER_MEETING: f64 = 0.01;

/// Requests to the engine under way, beyond which meetings without clients at this router wait.
pub const REQUESTS_MAX: usize = 64;

/// A room without a request for so long is forgotten by a router in front of stock shards.
pub const IDLE_MS: u64 = 5 * 60_000;

/// A room in use is written to the engine so often: the other routers learn that it is.
pub const REFRESH_MS: u64 = 60_000;

/// Rooms in the table of a router in front of stock shards; further ones go where their hash says, and are not kept.
pub const ROOMS_MAX: usize = 200_000;

/// Rooms with requests that wait for a stock shard, beyond which nobody is woken before his time is over.
pub const ROOMS_WAITING_MAX: usize = 10_000;

/// A room on a shard that another router knows and this one does not waits so long for it to be listed.
pub const STRANGE_MS: u64 = 5_000;

/// From a check that failed to the next one, while it is not clear whether the stock shard is down.
pub const RECHECK_MS: u64 = 200;

/// With an engine: no stock shard takes a new room while it has so many percent of the mean.
pub const ROOMS_PERCENT_OF_MEAN_MAX: usize = 150;

const _: () = assert!(REFRESH_MS < IDLE_MS);
const _: () = assert!(PATIENCE_MS <= HEARTBEAT_MS && PATIENCE_IN_DOUBT_MS <= PATIENCE_MS);
