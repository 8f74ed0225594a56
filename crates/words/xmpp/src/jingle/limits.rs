//! How much of a description is read. What is over a limit is refused, never cut.

/// Payload types of one media.
pub const PAYLOAD_TYPES_MAX: usize = 64;
/// Parameters of one payload type.
pub const PARAMETERS_MAX: usize = 32;
/// Feedback messages of one payload type.
pub const FEEDBACKS_MAX: usize = 16;
/// Header extensions of one media.
pub const EXTENSIONS_MAX: usize = 32;
/// Candidates of one transport that are kept; those behind are passed over, as an unusable one is.
pub const CANDIDATES_MAX: usize = 64;
/// Fingerprints of one transport.
pub const FINGERPRINTS_MAX: usize = 8;
/// WebSocket addresses of one transport.
pub const WEB_SOCKETS_MAX: usize = 8;
/// Sources in one media description.
pub const SOURCES_MAX: usize = 200;
/// Groups in one media description.
pub const GROUPS_MAX: usize = 200;
/// Members of one group.
pub const GROUP_MEMBERS_MAX: usize = 32;
/// Bytes of an attribute's value, or of a fingerprint.
pub const VALUE_BYTES_MAX: usize = 1024;
