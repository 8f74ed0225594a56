//! Payload types and header extensions of a media description (XEP-0167, XEP-0293, XEP-0294).

/// Audio or video: the two media that a bridge forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Audio,
    Video,
}

/// `<payload-type/>` with its parameters and feedback, in document order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadType {
    /// 0..=127
    pub id: u8,
    pub name: String,
    /// Hz
    pub clockrate: u32,
    /// 1 where the attribute is absent
    pub channels: u8,
    /// name (empty where the attribute is absent) and value
    pub parameters: Vec<(String, String)>,
    pub feedback: Vec<Feedback>,
}

/// `<rtcp-fb/>`, e.g. `nack` with the subtype `pli`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub kind: String,
    pub subtype: Option<String>,
}

/// `<rtp-hdrext/>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderExtension {
    /// 1..=14 in the one-byte form
    pub id: u8,
    pub uri: String,
}

/// What a `<description/>` or a colibri `<media/>` says of one media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    pub payload_types: Vec<PayloadType>,
    pub extensions: Vec<HeaderExtension>,
    pub extmap_allow_mixed: bool,
}
