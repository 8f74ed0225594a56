//! How long anything is waited for, and how much is read.

use std::time::Duration;

/// For a connection with its TLS handshake and its upgrade.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// For the answer to a request over HTTP: a focus may wait for a bridge.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// For a server to read what is sent to it.
pub(crate) const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// For the closing handshake of a WebSocket.
pub(crate) const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

/// `config.js`, and the answer to a conference request. Stock files have 80 KiB, most of it comments.
pub(crate) const ANSWER_BYTES_MAX: usize = 1 << 20;
/// The answer to a request of BOSH: of a large room all at once.
pub(crate) const BODY_BYTES_MAX: usize = 8 << 20;
/// Connections of BOSH that are kept for the next request.
pub(crate) const LINES_MAX: usize = 2;
/// A frame: the presence of a large room comes in many small ones.
pub(crate) const FRAME_BYTES_MAX: usize = 1 << 20;
/// Of each socket: thousands of them share the memory.
pub(crate) const READ_BYTES: usize = 4 << 10;
pub(crate) const WRITE_BYTES: usize = 1 << 10;

/// At the end: for the last lines and probes to come back, a stream that is being resumed included.
pub(crate) const QUIET_TIME_MAX: Duration = Duration::from_secs(30);
/// After everybody has heard its own last line, for that of the others.
pub(crate) const LINGER_TIME: Duration = Duration::from_millis(500);
/// For everybody to be gone.
pub(crate) const LEAVE_TIME_MAX: Duration = Duration::from_secs(10);

/// Threads for media; beyond that they would only wait for each other.
pub(crate) const MEDIA_THREADS_MAX: usize = 16;
/// Until a media thread looks around by itself.
pub(crate) const MEDIA_SLEEP_MAX: Duration = Duration::from_millis(500);
/// Between two looks at what flows.
pub(crate) const MEDIA_SHOW_INTERVAL: Duration = Duration::from_millis(500);
/// Of each media socket, each way: what a bridge sends in a tenth of a second to whoever sees many.
pub(crate) const SOCKET_BYTES: usize = 1 << 20;
/// One receive call's share for each buffer, and one burst: what the kernel joins at most.
pub(crate) const DATAGRAMS_BYTES: usize = 65_535;
/// Receive calls on one socket before others have their turn.
pub(crate) const BATCHES_MAX: usize = 8;

/// Roll calls of one run; further ones are not heard.
pub(crate) const ROLLS_MAX: usize = 100;

/// Points of a plot over time.
pub(crate) const SAMPLES_MAX: usize = 1_200;

/// Different reasons that are counted one by one; the others are counted together.
pub(crate) const REASONS_MAX: usize = 50;

/// Browsers of one run: each is a process of its own that takes most of a core.
pub(crate) const BROWSERS_MAX: u32 = 50;
/// For a browser to start and say its version.
pub(crate) const BROWSER_START_TIME_MAX: Duration = Duration::from_secs(60);
/// For an answer of a browser. One that loads a page comes when the server has sent it.
pub(crate) const BROWSER_ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// For a browser to get into its room, once its page is there.
pub(crate) const BROWSER_JOIN_TIME_MAX: Duration = Duration::from_secs(60);
/// For a page to tell what it sees: between two documents it has nothing to say.
pub(crate) const BROWSER_MUTE_TIME_MAX: Duration = Duration::from_secs(30);
/// For a browser to end by itself, once it is told to.
pub(crate) const BROWSER_END_TIME_MAX: Duration = Duration::from_secs(5);
/// Between two looks at what a browser decoded.
pub(crate) const BROWSER_LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A message of a browser.
pub(crate) const BROWSER_MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Of what a browser or its page says, characters that are told.
pub(crate) const BROWSER_WORDS_MAX: usize = 200;
