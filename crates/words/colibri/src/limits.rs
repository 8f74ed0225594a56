//! How much of a request, an answer or a channel message is read. What is over a limit is refused. As text, both
//! are stanzas and keep to the limits of [`xmpp::limits`].

/// Endpoints of one request or answer (forced mutes and expiries come in batches).
pub const ENDPOINTS_MAX: usize = 500;
/// Capabilities of one endpoint.
pub const CAPABILITIES_MAX: usize = 32;
/// Media of one endpoint: audio and video, with room to spare.
pub const MEDIA_MAX: usize = 8;
/// Named sources of one endpoint.
pub const MEDIA_SOURCES_MAX: usize = 64;
/// SSRCs of one named source.
pub const SSRCS_MAX: usize = 64;

/// Bytes of a message on the bridge channel.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Source names in one list of a message.
pub const NAMES_MAX: usize = 1000;
/// Bytes of a source name or of an endpoint id.
pub const NAME_BYTES_MAX: usize = 256;
