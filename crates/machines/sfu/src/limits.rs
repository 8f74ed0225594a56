//! Every bound of this crate, with its unit. What goes over is shed and counted, it never grows a table.

use std::time::Duration;

/// conferences of one media thread
pub(crate) const CONFERENCES_MAX: usize = 10_000;
/// endpoints of one conference
pub(crate) const ENDPOINTS_PER_CONFERENCE_MAX: usize = 500;
/// named sources of one endpoint, audio and video together
pub(crate) const SOURCES_PER_ENDPOINT_MAX: usize = 20;
/// simulcast encodings of one source
pub(crate) const ENCODINGS_PER_SOURCE_MAX: usize = 4;
/// bytes of an endpoint id, a source name or a meeting id
pub(crate) const NAME_BYTES_MAX: usize = 256;
/// payload types taken over from one colibri2 request
pub(crate) const PAYLOAD_TYPES_MAX: usize = 64;
/// remote addresses remembered per endpoint; the oldest goes
pub(crate) const ADDRESSES_PER_ENDPOINT_MAX: usize = 16;
/// remote candidates accepted from signalling per endpoint
pub(crate) const REMOTE_CANDIDATES_MAX: usize = 32;
/// bytes of a datagram; larger ones are refused before anything looks at them
pub(crate) const DATAGRAM_BYTES_MAX: usize = 1500;

/// video sources forwarded to one receiver, whatever it asks for
pub(crate) const LAST_N_MAX: usize = 25;
/// source names that one constraints message may carry in each of its lists
pub(crate) const CONSTRAINTS_MAX: usize = 500;
/// outgoing streams kept for sources that went away, per receiver (their sequence must go on if they return)
pub(crate) const RETIRED_STREAMS_MAX: usize = 8;
/// video streams kept declared per receiver though nothing of them was wanted for [`IDLE_STREAM_AGE`]; what goes
/// comes back without repair, so this is more than all but the largest meetings need
pub(crate) const IDLE_STREAMS_MAX: usize = 64;
/// see [`IDLE_STREAMS_MAX`]
pub(crate) const IDLE_STREAM_AGE: Duration = Duration::from_secs(30);
/// SSRCs whose last sequence number is remembered per receiver after their stream was removed, and SSRCs used for
/// retransmissions
pub(crate) const REMEMBERED_SSRCS_MAX: usize = 1024;
/// extended sequence numbers of a stream (RFC 3711 3.3.1); what the engine counts beyond came from before the first
pub(crate) const SEQUENCE_NUMBERS: u64 = 1 << 48;
/// audio packets missing in a row that are passed on as a hole; more is a pause, and closed up
pub(crate) const AUDIO_LOSS_MAX: u64 = 500;
/// holes closed per outgoing stream that are still remembered
pub(crate) const SEQUENCE_RUNS_MAX: usize = 64;
/// packets kept per outgoing video stream to answer a NACK
pub(crate) const RTX_CACHE_PACKETS: usize = 512;
/// age of the oldest packet kept to answer a NACK
pub(crate) const RTX_CACHE_AGE: Duration = Duration::from_secs(2);
/// share of retransmitted bytes above which a stream stops to retransmit
pub(crate) const RTX_RATIO_MAX: f32 = 0.5;

/// bytes of one bridge channel message, in either direction
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// bytes of a bridge channel message that count as one message
pub(crate) const MESSAGE_TOKEN_BYTES: usize = 1024;
/// bridge channel messages that an endpoint may send at once
pub(crate) const MESSAGE_BURST: u32 = 200;
/// bridge channel messages per second that an endpoint may send for long
pub(crate) const MESSAGES_PER_SECOND: u32 = 50;
/// video types announced before their source was signalled, per endpoint
pub(crate) const VIDEO_TYPES_MAX: usize = SOURCES_PER_ENDPOINT_MAX;
/// endpoints up to which everybody gets everybody's statistics
pub(crate) const STATS_TO_ALL_ENDPOINTS_MAX: usize = 20;

/// between two key frame requests to the sender of a source
pub(crate) const KEYFRAME_INTERVAL: Duration = Duration::from_millis(200);
/// key frame requests of one receiver for one source that count within [`KEYFRAME_WINDOW`]
pub(crate) const KEYFRAMES_PER_WINDOW: usize = 3;
/// see [`KEYFRAMES_PER_WINDOW`]
pub(crate) const KEYFRAME_WINDOW: Duration = Duration::from_secs(10);
/// a stream that waits for a key frame asks again after this
pub(crate) const KEYFRAME_RETRY: Duration = Duration::from_secs(1);

/// between two wake-ups of one leg
pub(crate) const WAKE_INTERVAL_MIN: Duration = Duration::from_millis(1);
/// between two allocations of a conference, for each of its endpoints: their cost grows with the square
pub(crate) const ALLOCATION_PAUSE: Duration = Duration::from_millis(2);
/// the housekeeping of conferences
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// an encoding without packets for this long is not chosen
pub(crate) const ENCODING_IDLE: Duration = Duration::from_millis(1500);
/// a source that nobody wanted for this long is told so
pub(crate) const UNWANTED_PATIENCE: Duration = Duration::from_secs(5);
/// an endpoint without packets for this long is announced as inactive
pub(crate) const INACTIVE_AFTER: Duration = Duration::from_secs(8);
/// the same for an endpoint that never sent anything
pub(crate) const INACTIVE_AFTER_CREATION: Duration = Duration::from_secs(15);
/// an endpoint without packets for this long expires
pub(crate) const EXPIRE_AFTER: Duration = Duration::from_secs(60);
/// an endpoint that never connected expires this long after its creation
pub(crate) const EXPIRE_UNCONNECTED_AFTER: Duration = Duration::from_secs(120);
/// a conference without endpoints ends this long after its creation
pub(crate) const EMPTY_CONFERENCE_AFTER: Duration = Duration::from_secs(20);
/// recent speakers named in a dominant speaker message
pub(crate) const RECENT_SPEAKERS_MAX: usize = 10;
/// turns of the flush loop per wake-up; the rest waits for the next one
pub(crate) const FLUSH_TURNS_MAX: usize = 8;

const _: () = assert!(MESSAGE_BYTES_MAX / MESSAGE_TOKEN_BYTES <= MESSAGE_BURST as usize);
const _: () = assert!(INACTIVE_AFTER.as_secs() < EXPIRE_AFTER.as_secs());
const _: () = assert!(EXPIRE_AFTER.as_secs() < EXPIRE_UNCONNECTED_AFTER.as_secs());
// a receiver takes a jump of half the sequence numbers for one backwards (RFC 3711 3.3.1)
const _: () = assert!(AUDIO_LOSS_MAX < 32_768 / 4);
// a retransmission adds two bytes, and str0m writes into a buffer of 2000
const _: () = assert!(DATAGRAM_BYTES_MAX + 400 < 2000);
