//! Who takes part, and what can happen to it: the one grammar that every actor speaks.

use std::fmt;
use std::sync::Arc;

use journal::{Error, Nodes, Place, Replay, Revision};

use crate::chance::Chance;
use crate::fact::Fact;
use crate::mutation::Mutation;

/// Microseconds since the beginning of the run.
pub(crate) type Micros = u64;

pub(crate) const MS: Micros = 1_000;
pub(crate) const SECOND: Micros = 1_000 * MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Client(usize),
    Router(usize),
    Shard(usize),
    Bridge(usize),
    Engine,
}

impl Node {
    /// The shard of this id.
    pub(crate) fn shard(id: &str) -> Option<Self> {
        id.strip_prefix("shard-")?.parse().ok().map(Self::Shard)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(n) => write!(f, "client-{n}"),
            Self::Router(n) => write!(f, "router-{n}"),
            Self::Shard(n) => write!(f, "shard-{n}"),
            Self::Bridge(n) => write!(f, "bridge-{n}"),
            Self::Engine => f.write_str("engine"),
        }
    }
}

/// A connection between two nodes; never used again for another one.
pub(crate) type Wire = u64;

/// A request that is answered once at most; never used again for another one.
pub(crate) type Ask = u64;

/// What a connection is opened for.
#[derive(Clone, Debug)]
pub(crate) enum Hello {
    /// a WebSocket for this meeting
    Stream { room: String },
    /// a bridge logs in
    Brewery { bridge: String },
}

/// What goes over a connection, in order.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// the upgrade was answered with 101
    Accepted,
    /// ... with 421: another shard has the meeting
    Misdirected,
    /// ... with 503
    Unavailable,
    Text(String),
    /// a request for a bridge, and its answer
    Modify {
        id: u64,
        text: String,
    },
    Modified {
        id: u64,
        text: String,
    },
}

/// A request over HTTP.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Heartbeat,
    Adopt {
        meeting: String,
    },
    /// by an operator: give everything away
    Drain,
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Fine {
        draining: bool,
    },
    Misdirected,
    Unavailable,
    /// nobody listens there
    Refused,
}

/// A request to the engine.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Append { meeting: String, expected: u64, records: Vec<Vec<u8>> },
    Snapshot { meeting: String, position: u64, bytes: Vec<u8> },
    Purge { meeting: String, expected: u64 },
    Replay { meeting: String },
    Place { meeting: String, shard: String, expected: Revision },
    Placed { meeting: String },
    Vacate { meeting: String, expected: Revision },
    Announce { draining: bool, load: f64, started: u64 },
}

impl Request {
    /// It needs the engine's leader.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self, Self::Replay { .. } | Self::Placed { .. })
    }
}

/// What the engine says.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Done(Result<(), Error>),
    Replay(Result<Replay, Error>),
    Revision(Result<Revision, Error>),
    Place(Result<Option<Place>, Error>),
}

/// Changes that everybody hears of.
#[derive(Clone, Debug)]
pub(crate) enum News {
    Place {
        meeting: String,
        place: Option<Place>,
    },
    /// everybody who is known
    Nodes(Arc<Nodes>),
}

/// What happens to a node.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Started,
    Opened {
        wire: Wire,
        hello: Hello,
    },
    Said {
        wire: Wire,
        item: Item,
    },
    /// the connection broke, or was refused
    Broken {
        wire: Wire,
    },
    Asked {
        ask: Ask,
        by: Node,
        question: Question,
    },
    Replied {
        ask: Ask,
        reply: Reply,
    },
    Answered {
        ask: Ask,
        answer: Answer,
    },
    Heard(News),
    /// a timer; what it was for is the actor's business
    Timer(u64),
}

/// What a node does.
#[derive(Debug)]
pub(crate) enum Act {
    Open { to: Node, wire: Wire, hello: Hello },
    Send { wire: Wire, item: Item },
    Drop { wire: Wire },
    Ask { to: Node, ask: Ask, question: Question },
    Reply { to: Node, ask: Ask, reply: Reply },
    Request { ask: Ask, request: Request },
    Timer { after: Micros, key: u64 },
    Fact(Fact),
}

/// What an actor is lent while it handles an event.
pub(crate) struct Cx<'a> {
    pub(crate) me: Node,
    /// of the run: monotonic, the same for all
    pub(crate) now: Micros,
    /// milliseconds since the epoch by this node's own clock
    pub(crate) wall_ms: u64,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) chance: &'a mut Chance,
    pub(crate) next_id: &'a mut u64,
    pub(crate) acts: &'a mut Vec<Act>,
}

impl Cx<'_> {
    pub(crate) fn open(&mut self, to: Node, hello: Hello) -> Wire {
        let wire = self.id();
        self.acts.push(Act::Open { to, wire, hello });
        wire
    }

    pub(crate) fn send(&mut self, wire: Wire, item: Item) {
        self.acts.push(Act::Send { wire, item });
    }

    pub(crate) fn text(&mut self, wire: Wire, text: impl Into<String>) {
        self.send(wire, Item::Text(text.into()));
    }

    pub(crate) fn drop(&mut self, wire: Wire) {
        self.acts.push(Act::Drop { wire });
    }

    pub(crate) fn ask(&mut self, to: Node, question: Question) -> Ask {
        let ask = self.id();
        self.acts.push(Act::Ask { to, ask, question });
        ask
    }

    pub(crate) fn reply(&mut self, to: Node, ask: Ask, reply: Reply) {
        self.acts.push(Act::Reply { to, ask, reply });
    }

    pub(crate) fn request(&mut self, request: Request) -> Ask {
        let ask = self.id();
        self.acts.push(Act::Request { ask, request });
        ask
    }

    pub(crate) fn timer(&mut self, after: Micros, key: u64) {
        self.acts.push(Act::Timer { after, key });
    }

    pub(crate) fn fact(&mut self, fact: Fact) {
        self.acts.push(Act::Fact(fact));
    }

    /// Milliseconds, for machines that count from anywhere.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now / MS
    }

    /// A number that nobody has.
    pub(crate) fn id(&mut self) -> u64 {
        *self.next_id += 1;
        *self.next_id
    }
}
