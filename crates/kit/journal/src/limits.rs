//! Every limit of the journal.

use std::time::Duration;

/// Bytes of one record. A client's stanza has at most 256 KiB; the rest of an entry is small.
pub const RECORD_BYTES_MAX: usize = 480 * 1024;

/// Bytes of one snapshot.
pub const SNAPSHOT_BYTES_MAX: usize = 64 << 20;

/// Meetings that were put aside; the oldest makes place for the next.
pub const SET_ASIDE_MAX: usize = 64;

/// Changes of places that a listener may lag behind; then it looks at all of them again.
pub(crate) const CHANGES_MAX: usize = 4096;

/// Requests that wait for the writer; whoever comes next waits to be queued.
pub(crate) const QUEUE_MAX: usize = 4096;

/// Requests that share one transaction.
pub(crate) const BATCH_REQUESTS_MAX: usize = 512;

/// Bytes of records after which a transaction takes no further request.
pub(crate) const BATCH_BYTES_MAX: usize = 8 << 20;

/// Bytes that redb may keep of its file in memory.
pub(crate) const CACHE_BYTES: usize = 64 << 20;

/// Damaged files that are kept beside the journal's.
pub(crate) const FILES_ASIDE_MAX: u32 = 16;

/// Streams that the meetings of a cluster are spread over.
pub(crate) const STREAMS_MAX: u16 = 256;

/// Bytes of one message in a cluster's engine, which takes 1 MiB unless configured otherwise; a record or a snapshot
/// that is longer goes into several.
pub(crate) const MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// Of them, what is left for everything but records.
pub(crate) const ENVELOPE_BYTES: usize = 1024;

/// Meetings of which a process remembers where their journals end.
pub(crate) const HEADS_MAX: usize = 65_536;

/// Messages that a replay reads one by one; more of them are asked for at once.
pub(crate) const WALK_MAX: u32 = 24;

/// Bytes of all that was put aside in an engine.
pub(crate) const ASIDE_BYTES_MAX: i64 = 256 << 20;

/// For the engine to confirm a message.
pub(crate) const ACK_TIME: Duration = Duration::from_secs(1);

/// For an engine that is not ready, at the start, unless a configuration says otherwise: one that starts at the same time
/// reads its files and elects its leaders first.
pub(crate) const START_TIME: Duration = Duration::from_secs(60);
/// How often whoever waits for it says so.
pub(crate) const WAIT_WORD_INTERVAL: Duration = Duration::from_secs(5);
pub(crate) const CONNECT_PAUSE: Duration = Duration::from_millis(100);
pub(crate) const RECONNECT_PAUSE_MAX: Duration = Duration::from_millis(500);

/// For the engine to answer a request; creating a stream on three servers takes half a second.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(5);

/// The engine looks for doubled messages by their ids for so long; ours have none.
pub(crate) const DUPLICATES_TIME: Duration = Duration::from_millis(100);

/// After so long without a word a watch asks whether it has missed something.
pub(crate) const WATCH_SILENCE: Duration = Duration::from_secs(3);

/// Before a watch that ended begins again.
pub(crate) const WATCH_PAUSE: Duration = Duration::from_millis(200);

/// The last message of what is over stays for so long: whoever slept meanwhile still meets the fence.
pub(crate) const TOMBSTONE_TIME: Duration = Duration::from_secs(120);

/// Seconds of silence after which a node is forgotten, while others speak.
pub(crate) const NODE_SILENCE_S: i64 = 60;

/// Of that, the most that passes between two words, in seconds: longer was nobody to be heard, or a clock was set.
pub(crate) const STEP_MAX_S: i64 = 5;

/// A replay is begun again so often, where the meeting was written to and tidied up while it was read.
pub(crate) const REPLAYS_MAX: usize = 20;

const _: () = assert!(RECORD_BYTES_MAX + ENVELOPE_BYTES <= MESSAGE_BYTES_MAX);
const _: () = assert!(RECORD_BYTES_MAX <= BATCH_BYTES_MAX);

/// A journal that was not written to meanwhile is damaged when so many readings say so: the first may be in one go, the
/// others are message by message, with a pause between them.
pub(crate) const DAMAGED_READS: usize = 4;
pub(crate) const DAMAGED_PAUSE: Duration = Duration::from_millis(500);
