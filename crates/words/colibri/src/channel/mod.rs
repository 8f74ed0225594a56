//! Bridge channel messages: one JSON object per text message, told apart by `colibriClass`.

mod parse;
mod write;

use std::collections::BTreeMap;

/// What a client sends to its bridge. Unknown classes are ignored, unknown fields too.
#[derive(Clone, Debug, PartialEq)]
pub enum FromClient {
    ClientHello,
    ReceiverVideoConstraints(ReceiverVideoConstraints),
    LastNChanged {
        last_n: i32,
    },
    SourceVideoType {
        source: String,
        video_type: String,
    },
    ReceiverAudioSubscription {
        all: bool,
        include: Vec<String>,
        exclude: Vec<String>,
    },
    /// passed on as it came; `to` is empty for everybody
    EndpointMessage {
        to: String,
        body: serde_json::Map<String, serde_json::Value>,
    },
    EndpointStats {
        body: serde_json::Map<String, serde_json::Value>,
    },
    Unknown {
        class: String,
    },
}

/// A partial update: what is `None` keeps its old value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceiverVideoConstraints {
    /// -1 is unlimited
    pub last_n: Option<i32>,
    pub selected: Option<Vec<String>>,
    pub on_stage: Option<Vec<String>>,
    pub default: Option<VideoConstraint>,
    /// replaces the whole map, by source name
    pub constraints: Option<BTreeMap<String, VideoConstraint>>,
    pub assumed_bandwidth_bps: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VideoConstraint {
    /// pixels; 0 is nothing, -1 unlimited
    pub max_height: i32,
    /// -1 is unlimited
    pub max_frame_rate: f64,
}

/// What the bridge sends to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum ToClient {
    ServerHello,
    SenderSourceConstraints { source: String, max_height: i32 },
    ForwardedSources { sources: Vec<String> },
    DominantSpeaker { endpoint: String, previous: Vec<String> },
    EndpointConnectivity { endpoint: String, active: bool },
    ConnectionStats { estimated_downlink_bandwidth_bps: u64 },
    EndpointMessage { from: String, body: serde_json::Map<String, serde_json::Value> },
    EndpointStats { from: String, body: serde_json::Map<String, serde_json::Value> },
}

/// Why a message of a client is dropped; the channel stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the message is longer than {max} bytes", max = crate::limits::MESSAGE_BYTES_MAX)]
    TooLong,
    #[error("the message is no JSON object")]
    NotAnObject,
    #[error("the message has no colibriClass")]
    NoClass,
    #[error("field `{0}` is missing, of another type or over its limit")]
    Field(&'static str),
}
