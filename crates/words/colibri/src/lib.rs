//! The contract between signalling and media: colibri2 IQs and bridge channel messages.
//!
//! The focus (in `meeting`) writes [`ConferenceModify`] and reads [`Answer`]; the bridge does the opposite. Both
//! sides use the same types, so the seam between the planes has one place to review.
//!
//! Comes in: the payload of an IQ as an element or as text, and the text of a channel message. Goes out: typed
//! requests, answers, refusals and messages; or a [`Malformed`] that names the element and what is wrong with it.
//! Unknown children, attributes and JSON fields are passed over, as the stock bridge and the clients grow new ones;
//! what decides (ids, SSRCs, credentials, ports) is read strictly. Everything is bounded by [`limits`].
//!
//! It refuses to know what a request means: which endpoint exists, which sources collide, what a refusal entails.
//! That is the bridge's and the focus's business. Relays and exports (`<relay/>`, `<connects/>`) are not read yet.

pub mod channel;
mod endpoint;
pub mod limits;
mod refusal;
mod request;
mod source;

pub use request::Answer;
pub use xmpp::jingle::{Malformed, Problem};

use xmpp::jingle::{ice::IceUdp, rtp::Description, rtp::Kind, source::SsrcGroup, source::VideoType};

/// The namespace of colibri2.
pub const NS: &str = "jitsi:colibri2";

/// `<conference-modify xmlns='jitsi:colibri2'/>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConferenceModify {
    pub meeting_id: String,
    /// bare JID of the room
    pub name: Option<String>,
    pub create: bool,
    pub expire: bool,
    /// counts the owners of the meeting: a bridge that has heard a later one refuses what an earlier one still wants.
    /// `None`: asked by a focus that does not know of it
    pub epoch: Option<u64>,
    pub endpoints: Vec<Endpoint>,
}

/// `<conference-modified xmlns='jitsi:colibri2'/>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConferenceModified {
    pub endpoints: Vec<Endpoint>,
    /// the bridge's feedback sources, `jvb-a0` and `jvb-v0`
    pub sources: Option<Vec<MediaSource>>,
}

/// `<endpoint/>`, in a request or in an answer
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    pub id: String,
    pub create: bool,
    pub expire: bool,
    pub stats_id: Option<String>,
    /// `source-names`, `ssrc-rewriting`, ...
    pub capabilities: Vec<String>,
    pub media: Vec<Media>,
    pub transport: Option<Transport>,
    /// `Some` replaces the endpoint's whole set, `None` leaves it
    pub sources: Option<Vec<MediaSource>>,
    pub force_mute: Option<ForceMute>,
    pub initial_last_n: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub kind: Kind,
    pub description: Description,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    pub ice_controlling: bool,
    pub use_unique_port: bool,
    pub ice_restart: bool,
    pub ice: Option<IceUdp>,
    pub sctp: Option<Sctp>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sctp {
    pub port: Option<u16>,
    pub role: Option<SctpRole>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SctpRole {
    Client,
    Server,
}

/// `<media-source/>`: a named source with its encodings
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSource {
    pub kind: Kind,
    /// source name
    pub id: String,
    pub video_type: Option<VideoType>,
    pub ssrcs: Vec<u32>,
    pub groups: Vec<SsrcGroup>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForceMute {
    pub audio: bool,
    pub video: bool,
}

/// Why a bridge refused a request: an IQ error with colibri2's reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub condition: Condition,
    pub reason: Option<Reason>,
    pub text: String,
    /// the endpoint that is unknown, with [`Reason::UnknownEndpoint`]
    pub endpoint: Option<String>,
}

/// The stanza error conditions of RFC 6120 8.3.3 that colibri2 uses
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    BadRequest,
    Conflict,
    FeatureNotImplemented,
    InternalServerError,
    ItemNotFound,
    ServiceUnavailable,
    ResourceConstraint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    ConferenceNotFound,
    ConferenceAlreadyExists,
    FeatureNotImplemented,
    GracefulShutdown,
    UnknownEndpoint,
    Unspecified,
}
