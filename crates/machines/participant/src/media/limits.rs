//! What one participant's media may hold, and the rhythms that are not the codecs'.

use std::time::Duration;

/// Remote sources that are followed at a time; more are not expected and so not received.
pub(super) const SOURCES_MAX: usize = 500;
/// Bytes of a source's name or an owner's.
pub(super) const NAME_BYTES_MAX: usize = 256;
/// Candidates of the bridge that are tried.
pub(super) const CANDIDATES_MAX: usize = 16;

/// Bytes of an RTP payload: what libwebrtc leaves of an Ethernet frame after all headers and extensions.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1_150;
/// Datagrams that wait for the shell; more are as good as lost on the way.
pub(super) const TRANSMITS_MAX: usize = 4_096;
/// Delays that wait for the shell; beyond that they are not told.
pub(super) const DELAYS_MAX: usize = 65_536;

/// Numbers of one layer that may be missing at a time, and how far back one is looked for.
pub(super) const MISSING_MAX: usize = 4_096;
/// Layers of one source that are followed: encodings, times spatial, times temporal layers.
pub(super) const LAYERS_MAX: usize = 64;
/// Heights of one source that are told apart.
pub(super) const HEIGHTS_MAX: usize = 16;

/// A frame or a packet of sound that is due so long is not made up for: the process was asleep.
pub(super) const LATE_MAX: Duration = Duration::from_millis(500);

/// A source that never sent anything is missing once it was announced for so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Packets of a stream are not further apart than this while it flows; a longer gap interrupts it.
pub(super) const INTERRUPTION_MIN: Duration = Duration::from_millis(500);
pub(super) const INTERRUPTIONS_MAX: usize = 64;

/// Kept for retransmission, as libwebrtc does (600 packets of each stream), and how long.
pub(super) const RTX_PACKETS: usize = 600;
pub(super) const RTX_AGE: Duration = Duration::from_secs(2);
/// Of a bridge channel's message.
pub(super) const MESSAGE_BYTES_MAX: u32 = 262_144;
/// Between two reports of reception (RFC 3550 6.2), as browsers have it for video.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Errors of the engine in one go after which it rests for a moment.
pub(super) const ERRORS_MAX: usize = 4;
pub(super) const AFTER_ERROR: Duration = Duration::from_millis(100);
