//! What comes out of a meeting. The owner obeys in order, once the entry is committed.

use crate::entry::{BridgeId, ConnId, RequestId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// One top-level element for this connection.
    Send { conn: ConnId, text: String },
    /// Let go of this connection; nothing more is sent to it.
    Close { conn: ConnId, how: Close },
    /// The answer to a conference request: JSON with this HTTP status.
    Answer { request: RequestId, status: u16, body: String },
    /// Choose a bridge and tell with [`crate::Input::BridgePicked`].
    PickBridge { avoid: Vec<BridgeId> },
    /// A `<conference-modify/>` for this bridge; its answer comes back under the same `id`.
    AskBridge { bridge: BridgeId, id: u64, text: String },
    /// Nothing is left: the journal of this meeting may be purged.
    Ended,
    /// For metrics and logs alone.
    Fact(Fact),
}

/// How a connection ends (signalling traps 7 and 8: never with a stream error while it could resume).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Another connection resumed its session, the session ended, or there was none to be had: the socket is dropped,
    /// after what was sent before.
    Silently,
    /// The goodbye of the client is answered with `<close/>`.
    Goodbye,
}

/// Something happened that an operator may count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    Joined,
    Left,
    Hibernated,
    Resumed,
    ResumeRefused,
    SessionExpired,
    SessionOverflowed,
    StanzaRefused,
    Invited,
    ReInvited,
    MediaUp,
    BridgeRefused,
    NoBridge,
}
