//! What a bridge's shell will not exceed. Overflow sheds and counts; nothing here grows with the traffic.

use std::time::Duration;

/// Media threads; the worker's index is one character of an ICE ufrag.
pub(crate) const THREADS_MAX: usize = 32;
/// Host candidates offered to an endpoint.
pub(crate) const CANDIDATES_MAX: usize = 16;
/// Longest path of names in a URL of the bridge channel, bytes each.
pub(crate) const PATH_SEGMENT_BYTES_MAX: usize = 128;

/// Bytes of a datagram that is handed to another media thread; longer ones are no media of a WebRTC endpoint.
pub(crate) const PARCEL_BYTES_MAX: usize = 2048;
/// Datagrams waiting for a media thread that come from the other threads' sockets.
pub(crate) const PARCELS_MAX: usize = 2048;
/// Parcels that a thread takes before it looks at its other duties.
pub(crate) const PARCELS_PER_TURN: usize = 512;
/// Remote addresses that a socket remembers the owner of, in each of two generations.
pub(crate) const ROUTES_MAX: usize = 16_384;
/// Receive calls in one turn of a media thread, each of `quinn_udp::BATCH_SIZE` buffers.
pub(crate) const RECEIVES_PER_TURN: usize = 4;
/// Bytes of one receive buffer: the kernel coalesces up to a whole IP datagram.
pub(crate) const RECEIVE_BUFFER_BYTES: usize = 65_535;
/// Datagrams collected from the machine before they are sorted by destination and sent.
pub(crate) const TRANSMITS_PER_FLUSH: usize = 512;
/// Bytes of one segmented send; below what an IP datagram can carry.
pub(crate) const SEGMENTED_BYTES_MAX: usize = 64_000;
/// Bytes asked of the kernel for each socket's receive and send buffer.
pub(crate) const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// Requests and bridge channel messages waiting for a media thread.
pub(crate) const COMMANDS_MAX: usize = 1024;
/// Commands that a thread takes before it looks at its other duties.
pub(crate) const COMMANDS_PER_TURN: usize = 128;
/// Longest sleep of a media thread.
pub(crate) const SLEEP_MAX: Duration = Duration::from_millis(500);
/// How often a media thread publishes its counters.
pub(crate) const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);
/// A media thread that has not finished a turn for this long is unhealthy.
pub(crate) const TURN_MAX: Duration = Duration::from_secs(3);

/// Bridge channel WebSockets, of all conferences.
pub(crate) const WEBSOCKETS_MAX: usize = 20_000;
/// Bytes of one bridge channel message from a client.
pub(crate) const WEBSOCKET_MESSAGE_BYTES_MAX: usize = 128 << 10;
/// Messages waiting for one client; a client that is slower loses its socket and opens another.
pub(crate) const WEBSOCKET_QUEUE_MAX: usize = 256;
/// Bytes of messages waiting for one client.
pub(crate) const WEBSOCKET_QUEUE_BYTES_MAX: usize = 1 << 20;
/// How often a bridge channel WebSocket is pinged.
pub(crate) const WEBSOCKET_PING_INTERVAL: Duration = Duration::from_secs(15);
/// A bridge channel WebSocket from which nothing came for this long, not even a pong, is closed.
pub(crate) const WEBSOCKET_IDLE_MAX: Duration = Duration::from_secs(45);
/// How long a client may take to read its close frame.
pub(crate) const WEBSOCKET_CLOSE_MAX: Duration = Duration::from_secs(5);

/// Shards that the bridge logs in to at a time.
pub(crate) const SHARDS_MAX: usize = 64;
/// colibri2 requests of one control stream that media threads work on.
pub(crate) const REQUESTS_OUTSTANDING_MAX: usize = 512;
/// colibri2 requests of one control stream that wait for that: a shard that takes meetings over asks about all of them
/// at once. Beyond it the stream is not read.
pub(crate) const REQUESTS_WAITING_MAX: usize = 16_384;
/// How often presence goes to the brewery when nothing has changed (what a stock bridge does).
pub(crate) const PRESENCE_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is asked whether the bridge is well; a change is told at once.
pub(crate) const HEALTH_INTERVAL: Duration = Duration::from_millis(500);
/// How long a login, or an entry into the brewery, may take.
pub(crate) const LOGIN_MAX: Duration = Duration::from_secs(10);
/// How long the stream's last words may take.
pub(crate) const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// Silence of the server after which it is pinged.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(8);
/// Silence after that ping which ends the stream.
pub(crate) const PONG_MAX: Duration = Duration::from_secs(5);
/// Wait before the first attempt to connect again.
pub(crate) const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest wait between attempts: meetings of a shard that starts again have no control of their media so long.
pub(crate) const RETRY_MAX: Duration = Duration::from_millis(400);
/// How long a connection may take to come about: a machine that is down does not even refuse.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(1);
/// Wait after a refused password: only the operator can help.
pub(crate) const RETRY_PASSWORD: Duration = Duration::from_secs(30);

/// How long HTTP requests that have begun may take when the bridge ends.
pub(crate) const HTTP_END_MAX: Duration = Duration::from_secs(1);

/// How often the bridge tells the registry of itself, and how long that, or leaving it, may take.
pub(crate) const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
pub(crate) const ANNOUNCE_MAX: Duration = Duration::from_secs(2);
pub(crate) const WITHDRAW_MAX: Duration = Duration::from_secs(1);

/// How often the load is measured.
pub(crate) const LOAD_INTERVAL: Duration = Duration::from_secs(5);

const _: () = {
    assert!(PARCELS_PER_TURN <= PARCELS_MAX);
    assert!(COMMANDS_PER_TURN <= COMMANDS_MAX);
    assert!(WEBSOCKET_PING_INTERVAL.as_secs() * 2 < WEBSOCKET_IDLE_MAX.as_secs());
    assert!(PUBLISH_INTERVAL.as_millis() < SLEEP_MAX.as_millis());
    assert!(SLEEP_MAX.as_millis() < TURN_MAX.as_millis());
};
