//! Every limit of the shard's shell. Those of a meeting are in the machine.

use std::time::Duration;

use meeting::{BRIDGE_GRACE_MS, LATE_MS_MIN, UNACKED_BYTES_MAX, UNACKED_STANZAS_MAX};

/// Sockets on the HTTP listener, whatever they are doing.
pub const HTTP_CONNECTIONS_MAX: usize = 16_384;

/// WebSockets that have not got a resource or their former stream yet; the oldest makes place for the next.
pub const NEGOTIATIONS_MAX: usize = 2_048;

/// From the upgrade to the bind or resume request.
pub const NEGOTIATION_TIME: Duration = Duration::from_secs(15);

/// For the head of an HTTP request to arrive.
pub const HEAD_TIME: Duration = Duration::from_secs(10);

/// Bytes of a conference request.
pub const REQUEST_BODY_BYTES_MAX: usize = 64 * 1024;

/// For a meeting to answer a conference request.
pub const REQUEST_TIME: Duration = Duration::from_secs(20);

/// What is read of a client's WebSocket at a time, and gathered before it is written: memory that each has from its start.
pub const STREAM_READ_BYTES: usize = 4 * 1024;
pub const STREAM_WRITE_BYTES: usize = 16 * 1024;

/// Frames and bytes that wait for a client's socket; a client that does not read loses its connection beyond that. A
/// resume sends everything unacknowledged at once, so there must be room for the most that a meeting keeps for one
/// client, for what it says beside it (requests for acknowledgements, the resumption itself), and for more meanwhile.
pub const OUTBOX_FRAMES_MAX: usize = 8_192;
pub const OUTBOX_BYTES_MAX: usize = 12 << 20;

/// What one client may send, a second and at once. The join of an ordinary client, with its session-accept, presences
/// and sources, fits into the burst several times; whoever sends more is read later.
pub const INGRESS_BYTES_PER_SECOND: u64 = 64 * 1024;
pub const INGRESS_BYTES_BURST: u64 = 512 * 1024;
pub const INGRESS_STANZAS_PER_SECOND: u64 = 50;
pub const INGRESS_STANZAS_BURST: u64 = 300;

/// Bytes of an acknowledgement; a longer one counts as a stanza.
pub const ACK_BYTES_MAX: usize = 256;

/// For one frame to leave for a client.
pub const WRITE_TIME: Duration = Duration::from_secs(30);

/// For a closing handshake.
pub const CLOSE_TIME: Duration = Duration::from_secs(2);

/// A WebSocket is pinged so often. Nothing was heard from one for so long: it is dropped.
pub const PING_AFTER: Duration = Duration::from_secs(20);
pub const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How often a meeting is replayed because its former owner has written meanwhile.
pub const TAKEOVER_TRIES: u32 = 20;

/// For the engine to tell where a meeting is, when a connection for it comes.
pub const CLAIM_TIME: Duration = Duration::from_secs(20);

/// So often a shard says in the registry how it is.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);

/// For the engine to take the farewell of a shard that ends.
pub const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Meetings of one shard.
pub const MEETINGS_MAX: usize = 10_000;

/// Of them, those without an occupant; beyond that no conference request begins another. Each keeps its place for some
/// seconds, for whoever is about to join.
pub const EMPTY_MEETINGS_MAX: usize = 2_000;

/// Who is refused a meeting is asked to come again after this.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// For a meeting to tell of itself, and to be replayed at the start; whoever waits for it goes on without.
pub const MEETING_ANSWER_TIME: Duration = Duration::from_secs(2);

/// Messages that wait for a meeting; its connections stop reading beyond that.
pub const INBOX_MAX: usize = 1_024;

/// Inputs that one append to the journal carries.
pub const BATCH_MAX: usize = 64;

/// A meeting in which nothing happened for so long is written down as a whole.
pub const SNAPSHOT_IDLE: Duration = Duration::from_secs(30);

/// Before something is tried again that the engine or the system did not take.
pub const RETRY_FIRST: Duration = Duration::from_millis(meeting::ledger::RETRY_MS_FIRST);
pub const RETRY_LONGEST: Duration = Duration::from_millis(meeting::ledger::RETRY_MS_LONGEST);

/// For a bridge to answer a request; what stock Jicofo allows.
pub const BRIDGE_ANSWER_TIME: Duration = Duration::from_secs(15);

/// Requests of one meeting that bridges have not answered.
pub const BRIDGE_REQUESTS_MAX: usize = 1_024;

/// Streams of accounts (bridges) over TCP.
pub const STREAMS_MAX: usize = 1_024;

/// From the connect to the bind request, over TCP.
pub const LOGIN_TIME: Duration = Duration::from_secs(15);

/// Nothing was heard from a bridge: it is pinged. Nothing after that either: its stream is dropped. With
/// [`BRIDGE_GRACE_MS`], one that stands still is given up in less than 2 seconds.
pub const STREAM_PING_AFTER: Duration = Duration::from_millis(400);
pub const STREAM_PONG_TIME: Duration = Duration::from_millis(500);

/// A timer that fires so much too late: this process stood still, and what it did not hear meanwhile proves nothing
/// about a bridge.
pub const LATE_MIN: Duration = Duration::from_millis(LATE_MS_MIN);

/// Stanzas that wait for a bridge's socket.
pub const STREAM_OUTBOX_MAX: usize = 4_096;

/// Bytes of a nick in the brewery.
pub const NICK_BYTES_MAX: usize = 255;

const _: () = assert!(PING_AFTER.as_secs() < SILENCE_MAX.as_secs());
const _: () = assert!(
    STREAM_PING_AFTER.as_millis()
        + STREAM_PONG_TIME.as_millis()
        + Duration::from_millis(BRIDGE_GRACE_MS).as_millis()
        < 2_000
);
const _: () = assert!(EMPTY_MEETINGS_MAX < MEETINGS_MAX);
const _: () = assert!(NEGOTIATIONS_MAX < HTTP_CONNECTIONS_MAX);
const _: () = assert!(OUTBOX_FRAMES_MAX >= UNACKED_STANZAS_MAX + UNACKED_STANZAS_MAX / 2);
const _: () = assert!(OUTBOX_BYTES_MAX >= UNACKED_BYTES_MAX + UNACKED_BYTES_MAX / 2);
