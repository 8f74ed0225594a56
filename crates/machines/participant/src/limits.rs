//! The timers of the client, and what one participant may hold.

use std::time::Duration;

/// lib-jitsi-meet, `strophe.ping.ts`: how often it looks whether anything was heard, how long it waits for the answer to
/// a ping, and how many may fail in a row before it throws the socket away.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(10);
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(5);
pub(crate) const PING_FAILURES_MAX: u32 = 2;

/// `ResumeTask.ts`, `Constants.ts`: attempt n waits between n times this and [`RESUME_BASE`] to the power of n, seconds.
pub(crate) const RESUME_DELAY_MIN: Duration = Duration::from_millis(1_500);
pub(crate) const RESUME_BASE: f64 = 3.0;
pub(crate) const RESUME_ATTEMPTS_MAX: u32 = 3;

/// `strophe.stream-management.ts`: after so many stanzas it asks for an acknowledgement, this much later.
pub(crate) const ACK_REQUEST_STANZAS: u32 = 5;
pub(crate) const ACK_REQUEST_DELAY: Duration = Duration::from_millis(1);

/// Strophe, `bosh.js`, `connection.js`: what it asks for when it makes a session, requests on their way at a time, and how
/// often it looks whether there is something to send.
pub(crate) const BOSH_WAIT: Duration = Duration::from_secs(60);
pub(crate) const BOSH_HOLD: u32 = 1;
/// A server that would hold a request for less is taken to mean this: a timer of it would never stop.
pub(crate) const BOSH_WAIT_MIN: Duration = Duration::from_secs(10);
pub(crate) const BOSH_POSTS_MAX: usize = 2;
pub(crate) const BOSH_LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// A request is repeated so often (as `XmppConnection.ts` sets it), the second time and later after the number of the
/// repetition to this power, in seconds; so many failures in a row are let be.
pub(crate) const BOSH_RETRIES_MAX: u32 = 3;
pub(crate) const BOSH_BACKOFF_EXPONENT: u32 = 3;
pub(crate) const BOSH_ERRORS_MAX: u32 = 4;
/// Stanzas of no request yet, beyond which the session is given up.
pub(crate) const BOSH_UNSENT_MAX: usize = 10_000;

/// `moderator.js`: a conference that is not ready is asked for again after 1, 2, 4 ... seconds.
pub(crate) const REQUEST_RETRY_FIRST: Duration = Duration::from_secs(1);
pub(crate) const REQUEST_RETRY_LONGEST: Duration = Duration::from_secs(120);

/// `IceFailedHandling.ts`: attempt n waits between once this and 2 to the power of n times this; how many there are; for
/// the answer to a ping; and how long the connection may still come back once the server has answered.
pub(crate) const RESTART_WAIT: Duration = Duration::from_secs(1);
pub(crate) const RESTARTS_MAX: u32 = 3;
pub(crate) const REACH_TIMEOUT: Duration = Duration::from_secs(65);
pub(crate) const RESTART_GRACE: Duration = Duration::from_secs(2);

/// `BridgeChannel.ts`: a WebSocket that is gone is opened again after 1, 2, 4 ... seconds.
pub(crate) const CHANNEL_RETRY_FIRST: Duration = Duration::from_secs(1);
pub(crate) const CHANNEL_RETRY_LONGEST: Duration = Duration::from_secs(60);

/// For the answer to a session-accept; without one the client reloads.
pub(crate) const JINGLE_TIMEOUT: Duration = Duration::from_secs(10);

/// jitsi-meet, the overlay of a reload: the page counts down from this many seconds, and up to so many more.
pub(crate) const RELOAD_COUNTDOWN_MIN: Duration = Duration::from_secs(10);
pub(crate) const RELOAD_COUNTDOWN_SPREAD: Duration = Duration::from_secs(20);

/// Unacknowledged stanzas beyond which nothing is said that need not be; and beyond which the stream is given up.
pub(crate) const UNACKED_QUIET: usize = 1_000;
pub(crate) const UNACKED_MAX: usize = 10_000;
const _: () = assert!(UNACKED_QUIET < UNACKED_MAX);

/// Requests whose answer is awaited; those without a timeout are forgotten, oldest first.
pub(crate) const PENDING_MAX: usize = 64;
/// Occupants of the room that are remembered.
pub(crate) const OCCUPANTS_MAX: usize = 20_000;
/// Jingle sessions that the focus has begun and not ended.
pub(crate) const SESSIONS_MAX: usize = 16;
/// Contents of an offer that are answered, and children of one description that are taken over.
pub(crate) const CONTENTS_MAX: usize = 8;
pub(crate) const DESCRIPTION_CHILDREN_MAX: usize = 128;

/// Lines that one participant says; authors whose lines it follows; lines of one of them that may be missing at a time.
pub(crate) const LINES_MAX: usize = 100_000;
pub(crate) const AUTHORS_MAX: usize = 20_000;
pub(crate) const MISSING_MAX: usize = 10_000;

/// A probe without an answer for so long, on a stream that stands, is lost; the next one is sent.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Gaps between answers that are kept one by one: those that last as many intervals, and at least so long.
pub(crate) const GAP_INTERVALS: u32 = 4;
pub(crate) const GAP_MIN: Duration = Duration::from_millis(250);
pub(crate) const GAPS_MAX: usize = 64;
/// Resumptions that are kept one by one.
pub(crate) const RESUMPTIONS_MAX: usize = 256;

/// Of a plan: participants all together, and joins or departures a second.
pub(crate) const PARTICIPANTS_MAX: u32 = 1_000_000;
pub(crate) const RATE_MAX: f64 = 100_000.0;
/// Who leaves comes back after this, and up to as much more.
pub(crate) const ABSENCE: Duration = Duration::from_secs(1);
