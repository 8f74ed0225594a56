//! Namespaces of the Jingle family, as they stand on the wire.

/// XEP-0166
pub const JINGLE: &str = "urn:xmpp:jingle:1";
/// XEP-0166, the application errors
pub const JINGLE_ERRORS: &str = "urn:xmpp:jingle:errors:1";
/// XEP-0167
pub const RTP: &str = "urn:xmpp:jingle:apps:rtp:1";
/// XEP-0293
pub const RTCP_FB: &str = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0";
/// XEP-0294
pub const RTP_HDREXT: &str = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0";
/// XEP-0339
pub const SSMA: &str = "urn:xmpp:jingle:apps:rtp:ssma:0";
/// XEP-0338
pub const GROUPING: &str = "urn:xmpp:jingle:apps:grouping:0";
/// XEP-0176
pub const ICE_UDP: &str = "urn:xmpp:jingle:transports:ice-udp:1";
/// XEP-0320
pub const DTLS: &str = "urn:xmpp:jingle:apps:dtls:0";
/// XEP-0343
pub const DTLS_SCTP: &str = "urn:xmpp:jingle:transports:dtls-sctp:1";
/// Jitsi's WebSocket of the bridge channel
pub const COLIBRI_WS: &str = "http://jitsi.org/protocol/colibri";
/// Jitsi's additions to a session: JSON sources, owners of sources
pub const JITMEET: &str = "http://jitsi.org/jitmeet";
