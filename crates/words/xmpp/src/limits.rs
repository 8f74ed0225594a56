//! What one stanza may be, on a WebSocket and on a TCP stream alike.

/// Bytes of one top-level element; what Prosody allows a client, so upstream clients stay below it.
pub const STANZA_BYTES_MAX: usize = 256 * 1024;
/// Elements within elements, the top-level one included. Jingle needs 6.
pub const DEPTH_MAX: usize = 64;
/// Attributes of one element.
pub const ATTRIBUTES_MAX: usize = 64;
/// Elements of one stanza.
pub const ELEMENTS_MAX: usize = 8 * 1024;
/// Bytes of the namespaces of one stanza, counted wherever one differs from its parent's: there it is written.
pub const NAMESPACES_BYTES_MAX: usize = 2 * STANZA_BYTES_MAX;
/// Bytes of a name or of one attribute's value.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a room's name, and of a tenant's. Both go into one localpart, which takes 1023 (RFC 7622 section 3.3).
pub const ROOM_BYTES_MAX: usize = 255;
pub const TENANT_BYTES_MAX: usize = 63;

const _: () = assert!(TOKEN_BYTES_MAX < STANZA_BYTES_MAX);
