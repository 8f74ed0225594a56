//! What checkers are told, and what they find.

use std::fmt;

use crate::node::Node;

/// Something that happened and that an invariant is about.
#[derive(Debug)]
pub(crate) enum Fact {
    /// The engine took these records at this position.
    Accepted {
        meeting: String,
        position: u64,
        records: Vec<Vec<u8>>,
        by: Node,
    },
    /// The engine took the state after so many records.
    Snapshotted,
    /// The engine forgot a meeting.
    Purged {
        meeting: String,
        by: Node,
    },
    /// An owner has applied the record before this position: a digest of its state and of the effects.
    Applied {
        meeting: String,
        position: u64,
        by: Node,
        digest: u64,
    },
    /// An owner has rebuilt its state.
    Rebuilt {
        meeting: String,
        position: u64,
        by: Node,
        digest: u64,
    },
    /// An owner goes on without the engine.
    Unprotected {
        meeting: String,
        by: Node,
    },
    /// Everything that it did is durable.
    Protected {
        meeting: String,
        by: Node,
    },
    /// A bridge has obeyed a request to expire something.
    Expired {
        bridge: Node,
        text: String,
    },
    /// A client got an address and a token.
    Enabled {
        client: usize,
        room: String,
        nick: String,
    },
    Joined {
        client: usize,
    },
    /// The client took its stream up itself.
    Resumed {
        client: usize,
    },
    /// A router did so in its client's name.
    Respliced,
    /// The client has said goodbye.
    Left {
        client: usize,
    },
    /// The client lost its stream and could not take it up.
    Reloads {
        client: usize,
        why: &'static str,
        lost: u64,
        heard: u64,
    },
    /// The client handed its line to its stream.
    Said {
        client: usize,
        line: u64,
    },
    /// The server has acknowledged it.
    Acknowledged {
        client: usize,
        line: u64,
    },
    /// The client was shown a line; `past`: as one that was said before it came.
    Heard {
        client: usize,
        from: String,
        line: u64,
        past: bool,
    },
    /// What a client is told of Jingle does not fit what it was told before.
    Odd {
        client: usize,
        what: String,
    },
    /// Found by the actor itself.
    Breach(Invariant, String),
    /// For the trace alone.
    Note(#[expect(dead_code, reason = "shown by Debug")] String),
}

/// What must be true at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// No client gets a new identity while it can resume.
    IdentityKept,
    /// Counters of XEP-0198 never run backward, and never ahead of what there is.
    CountersForward,
    /// At most one writer is accepted for a position of a journal.
    OneWriter,
    /// An acknowledged stanza took effect exactly once, in its sender's order.
    ExactlyOnce,
    /// What a client is told of Jingle sessions and sources fits what it was told before.
    JingleOnce,
    /// A bridge is told to expire something by the owner of the meeting alone.
    ExpiredByOwner,
    /// A meeting does not end while somebody is in it or may come back, whatever the engine does.
    MeetingLives,
    /// The machine replayed from the journal equals the live one.
    ReplayIsLive,
    /// A machine contradicts itself.
    MachineSound,
    /// Routers, and the engine, end up with one opinion on where a meeting is.
    RoutersAgree,
    /// After quiet returned everybody is in the room they joined, and sees the same occupants.
    Reunion,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IdentityKept => "identity-kept",
            Self::CountersForward => "counters-forward",
            Self::OneWriter => "one-writer",
            Self::ExactlyOnce => "exactly-once",
            Self::JingleOnce => "jingle-once",
            Self::ExpiredByOwner => "expired-by-owner",
            Self::MeetingLives => "meeting-lives",
            Self::ReplayIsLive => "replay-is-live",
            Self::MachineSound => "machine-sound",
            Self::RoutersAgree => "routers-agree",
            Self::Reunion => "reunion",
        })
    }
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub invariant: Invariant,
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}
