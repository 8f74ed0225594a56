//! What one stanza may be, on a WebSocket and on a TCP stream alike.

/// Bytes of one top-level element; what Prosody allows a client, so upstream clients stay below it.
pub const STANZA_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one BOSH body, and stanzas in it: what a large room says to whoever enters it.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
pub const BODY_STANZAS_MAX: usize = 20_000;
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

/// What a splice keeps of a client's stanzas that its server has not acknowledged; the oldest is forgotten beyond that.
pub const SPLICE_KEPT_STANZAS_MAX: usize = 2_000;
pub const SPLICE_KEPT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Of so many stanzas that a client has not acknowledged a splice keeps a fingerprint; a server keeps 5,000 at most.
pub const SPLICE_TOLD_STANZAS_MAX: usize = 5_000;
/// Stanzas that the client was sent, acknowledged or not: of these one is known again that a server has lost. 8 bytes
/// each.
pub const SPLICE_SHOWN_STANZAS_MAX: usize = 128;
/// Bytes of a client's login that can be repeated.
pub const SPLICE_HELLO_BYTES_MAX: usize = 16 * 1024;
/// Stanzas, or bytes, without a request for acknowledgement after which a splice asks by itself. Jitsi clients ask
/// after 5.
pub const SPLICE_ASK_STANZAS: usize = 10;
pub const SPLICE_ASK_BYTES: usize = 64 * 1024;

const _: () =
    assert!(SPLICE_ASK_STANZAS < SPLICE_KEPT_STANZAS_MAX && SPLICE_ASK_BYTES < SPLICE_KEPT_BYTES_MAX);
const _: () = assert!(STANZA_BYTES_MAX < SPLICE_KEPT_BYTES_MAX);
const _: () = assert!(TOKEN_BYTES_MAX < STANZA_BYTES_MAX);
