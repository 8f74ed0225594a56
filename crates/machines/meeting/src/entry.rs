//! What goes into a meeting: the only things that can change it.
//!
//! An entry is appended to the meeting's journal before it is applied; the owner puts time and randomness into
//! it, so that every replay comes to the same state and the same effects.

use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// Milliseconds since the Unix epoch, as the owner's clock told them. May stand still, never counts on running.
pub type Millis = u64;

/// A client connection, named by the shard that holds it; unique within one ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnId(pub u64);

/// An HTTP conference request that waits for its answer; unique within one ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// A bridge, by its nick in the brewery.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BridgeId(pub String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Millis,
    /// The only source of randomness: ids, tokens and picks are drawn from it.
    pub seed: [u8; 32],
    pub input: Input,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// This shard owns the meeting from here on: every connection of the former owner is gone, and what was
    /// asked of a bridge and not answered may or may not have happened. The first entry of every journal.
    Owner { shard: String, settings: Settings },
    /// A client that finished SASL asks for a resource (RFC 6120 section 7); `iq_id` is the id of its IQ.
    Bind { conn: ConnId, iq_id: String },
    /// A client that finished SASL asks for its former stream (XEP-0198 section 5). It has `h` stanzas, and may have been
    /// sent up to `told`: whoever asks in its name knows what it acknowledged, and what it was sent.
    Resume { conn: ConnId, previd: String, h: u32, told: u32 },
    /// One top-level element from a bound or resumed connection: a stanza, or `<enable/>`, `<r/>`, `<a/>`.
    Received { conn: ConnId, text: String },
    /// The connection ended without a goodbye: the session hibernates.
    Dropped { conn: ConnId },
    /// The client closed its stream: the session ends.
    Closed { conn: ConnId },
    /// `POST /conference-request/v1` with its JSON body.
    ConferenceRequest { request: RequestId, body: String },
    /// A deadline of [`crate::Meeting::deadline`] has passed.
    Tick,
    /// The answer to [`crate::Effect::PickBridge`]; `None`: there is none.
    BridgePicked { bridge: Option<BridgeId> },
    /// A bridge answered request `id` with `<conference-modified/>`, or refused it with `<error/>`: the text of
    /// that element. `None`: no answer came in time, or the bridge left before it answered.
    BridgeAnswered { bridge: BridgeId, id: u64, answer: Option<String> },
    /// A bridge of this meeting can be reached (again), or one that it [awaits](crate::Meeting::awaits).
    BridgeUp { bridge: BridgeId },
    /// A bridge of this meeting is gone for good.
    BridgeLost { bridge: BridgeId },
}
