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

const _: () = assert!(PATIENCE_MS <= HEARTBEAT_MS && PATIENCE_IN_DOUBT_MS <= PATIENCE_MS);
