//! Every limit of the journal.

/// Bytes of one record. A client's stanza has at most 256 KiB; the rest of an entry is small.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Bytes of one snapshot.
pub const SNAPSHOT_BYTES_MAX: usize = 64 << 20;

/// Meetings that were put aside; the oldest makes place for the next.
pub const SET_ASIDE_MAX: usize = 16;

/// Requests that wait for the writer; whoever comes next waits to be queued.
pub(crate) const QUEUE_MAX: usize = 4096;

/// Requests that share one transaction.
pub(crate) const BATCH_REQUESTS_MAX: usize = 512;

/// Bytes of records after which a transaction takes no further request.
pub(crate) const BATCH_BYTES_MAX: usize = 8 << 20;

/// Bytes that redb may keep of its file in memory.
pub(crate) const CACHE_BYTES: usize = 64 << 20;

const _: () = assert!(RECORD_BYTES_MAX <= BATCH_BYTES_MAX);
