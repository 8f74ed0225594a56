//! What one meeting may hold. What is over a limit is refused or shed, and counted as a fact.

/// Client sessions, hibernating ones included.
pub(crate) const SESSIONS_MAX: usize = 2_000;
/// Stanzas that one client has not acknowledged.
pub const UNACKED_STANZAS_MAX: usize = 5_000;
/// Bytes of them. A client that resumes is sent all of them at once.
pub const UNACKED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of them, of all clients together; where there are more than 256, this much for each. Beyond that, whoever has
/// the most of them is let go.
pub(crate) const UNACKED_BYTES_ALL_MAX: usize = 32 * 1024 * 1024;
pub(crate) const UNACKED_BYTES_EACH: usize = 128 * 1024;
/// Presences of newcomers who are let in and not in the room yet, one to each client: about 700 bytes each.
pub(crate) const PRESENCES_EXPECTED_MAX: usize = 16_384;
/// Stanzas that a client may have received from an owner that died before they were durable.
pub(crate) const AHEAD_MAX: u32 = 10_000;
/// Stanzas sent to a client before it is asked for an acknowledgement.
pub(crate) const ACK_REQUEST_STANZAS: u32 = 10;
/// How long a conference request without a join keeps the meeting.
pub(crate) const CONFERENCE_REQUEST_MS: u64 = 15_000;
/// Bytes of a conference request's body.
pub(crate) const CONFERENCE_REQUEST_BYTES_MAX: usize = 32 * 1024;

/// Bytes of a nick: an endpoint id, not a display name.
pub(crate) const NICK_BYTES_MAX: usize = 64;
/// Bytes of a display name; what is over is cut off.
pub(crate) const DISPLAY_NAME_BYTES_MAX: usize = 512;
/// Bytes of a presence as it is passed on. Each of them goes to every occupant.
pub(crate) const PRESENCE_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a message as it is passed on.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a subject.
pub(crate) const SUBJECT_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a room password, and of a reason or a status text.
pub(crate) const TEXT_BYTES_MAX: usize = 1024;
/// Group chat messages that a newcomer gets.
pub(crate) const HISTORY_MESSAGES: usize = 20;
/// Affiliations other than none.
pub(crate) const AFFILIATIONS_MAX: usize = 4_000;
/// Items of one muc#admin request.
pub(crate) const ADMIN_ITEMS_MAX: usize = 1_000;

/// Requests between occupants that wait for an answer.
pub(crate) const ROUTED_IQS_MAX: usize = 2_000;
/// Of them, those of one sender.
pub(crate) const ROUTED_IQS_PER_SENDER_MAX: usize = 20;
/// How long such an answer is waited for.
pub(crate) const ROUTED_IQ_MS: u64 = 60_000;
/// Bytes of a stanza's id.
pub(crate) const ID_BYTES_MAX: usize = 1024;

const _: () = assert!(ROUTED_IQS_PER_SENDER_MAX < ROUTED_IQS_MAX);
const _: () = assert!(PRESENCE_BYTES_MAX < UNACKED_BYTES_MAX && MESSAGE_BYTES_MAX < UNACKED_BYTES_MAX);
const _: () = assert!(xmpp::limits::STANZA_BYTES_MAX < UNACKED_BYTES_MAX);
const _: () = assert!(UNACKED_BYTES_MAX < UNACKED_BYTES_ALL_MAX);
