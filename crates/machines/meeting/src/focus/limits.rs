//! How much a client may make the focus keep, how long it waits, how often it tries.

use crate::entry::Millis;

/// A client answers disco#info within this, or is taken to know audio, video and data channels.
pub(super) const DISCO_MS: Millis = 15_000;
/// Somebody alone keeps their session this long.
pub(super) const LONELY_MS: Millis = 20_000;
/// Fewer participants than this need no bridge.
pub(super) const PARTICIPANTS_MIN: usize = 2;

/// While there is no bridge another one is looked for this often.
pub(super) const PICK_RETRY_MS: Millis = 1_000;
/// A bridge that failed is not picked again for this long.
pub(super) const AVOID_MS: Millis = 10_000;
/// A bridge that was lost is not picked again for this long: it may still be shown, and one that came back is good.
pub(super) const AVOID_LOST_MS: Millis = 3_000;
/// Bridges avoided at a time, and bridges given up; the oldest is forgotten first.
pub(super) const AVOIDED_MAX: usize = 16;
/// A bridge that did not answer is asked again after this.
pub(super) const PROBE_RETRY_MS: Millis = 2_000;
/// So many probes without an answer, and the bridge is lost.
pub(super) const PROBES_MAX: u8 = 3;
/// A new owner that hears neither of a bridge nor of its loss waits for its answer as long as this: the bridge may
/// have to log in to it first.
pub(super) const OWNER_GRACE_MS: Millis = 30_000;
/// Delay before the next bridge is picked, for each failure in a row after the first.
pub(super) const FAILURE_DELAY_MS: Millis = 2_000;
/// Failures in a row that still add to the delay.
pub(super) const FAILURES_MAX: u32 = 5;
/// Allocations for one participant without a session accepted in between.
pub(super) const ATTEMPTS_MAX: u32 = 5;
/// Endpoints remembered that left while their bridge could not be told; the bridge times others out itself.
pub(super) const DEPARTED_MAX: usize = 500;

/// New sessions of one participant, those that its client asks for and those that the focus gives it unasked each
/// counted by themselves: least distance, and most in a window.
pub(super) const RESTART_DISTANCE_MS: Millis = 5_000;
pub(super) const RESTARTS_MAX: usize = 5;
pub(super) const RESTART_WINDOW_MS: Millis = 60_000;

/// SSRCs of one participant, all media together.
pub(super) const SSRCS_MAX: usize = 20;
/// SSRC groups of one participant.
pub(super) const GROUPS_MAX: usize = 20;
/// Contents of one Jingle element.
pub(super) const CONTENTS_MAX: usize = 8;
/// Bytes of a source name.
pub(super) const NAME_BYTES_MAX: usize = 128;
/// Bytes of an msid.
pub(super) const MSID_BYTES_MAX: usize = 256;
/// Features read from a client's disco#info.
pub(super) const FEATURES_MAX: usize = 256;

/// What a retry window holds must fit the restarts it judges.
const _: () = assert!(RESTART_DISTANCE_MS * (RESTARTS_MAX as Millis) <= RESTART_WINDOW_MS);
/// The longest nick leaves room for what makes its sources different.
const _: () = assert!(crate::limits::NICK_BYTES_MAX + 16 <= NAME_BYTES_MAX);
