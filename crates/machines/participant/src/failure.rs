//! What went wrong, in the words of a report: the same cause has the same words whoever met it.

/// Why a participant is not, or no longer, in its room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Failure {
    /// the conference request
    #[error("the conference request is refused: {0}")]
    Request(String),
    #[error("the conference request fails: {0}")]
    RequestLost(Closing),
    /// of a socket that had no stream that can be taken up
    #[error("the connection {0}, {1}")]
    Closed(Closing, Stage),
    #[error("a stream error: {0}")]
    StreamError(String),
    #[error("no stream: {0}")]
    NoStream(&'static str),
    #[error("the login is refused: {0}")]
    Login(String),
    #[error("the room refuses the join: {0}")]
    Join(String),
    #[error("removed from the room ({0})")]
    Removed(u16),
    #[error("the room is destroyed")]
    Destroyed,
    #[error("the focus has left the room")]
    FocusLeft,
    #[error("the session-accept is refused: {0}")]
    AcceptRefused(String),
    #[error("the session-accept is not answered")]
    AcceptUnanswered,
    /// after the client's own attempts, or because the focus refused one
    #[error("no connection for media")]
    MediaFailed,
    /// the answer to a resume
    #[error("the server does not know the stream any more: {0}")]
    ResumeRefused(String),
    #[error("three attempts to resume failed: first the connection {lost}, at last it {last}")]
    GaveUp { lost: Closing, last: Closing },
    /// it would wait for ever
    #[error("the client hangs: the connection was closed with a handshake before it had features")]
    Hangs,
    #[error("an acknowledgement is out of range: {0}")]
    Acknowledgement(&'static str),
    #[error("the server acknowledges nothing")]
    Unacknowledged,
    #[error("the server sends what no client reads: {0}")]
    NotXml(String),
    /// it waited until it was told to leave
    #[error("no answer, {0}")]
    Unanswered(Stage),
}

/// How a socket ended, or why there was none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Closing {
    #[error("is refused")]
    Refused,
    #[error("times out")]
    TimedOut,
    #[error("cannot be made: {0}")]
    Unreachable(String),
    #[error("has no TLS: {0}")]
    Tls(String),
    #[error("is answered with HTTP status {0}")]
    Status(u16),
    /// without a closing handshake
    #[error("breaks")]
    Broken,
    /// with a closing handshake and its code
    #[error("is closed with code {0}")]
    Clean(u16),
    /// `<close/>` of RFC 7395
    #[error("is closed with its stream")]
    Stream,
    /// of BOSH: by the server, with this condition (XEP-0124 section 17.2)
    #[error("is terminated by the server ({0})")]
    Terminated(String),
    /// of BOSH: what came is none of its bodies
    #[error("is answered with no BOSH body: {0}")]
    NoBody(String),
    /// of BOSH: after the client's own repetitions of a request
    #[error("{0}, also when the request was repeated")]
    Retried(Box<Self>),
    /// by whoever runs the participant, to see what comes of it
    #[error("is cut by the load itself")]
    Cut,
    /// nothing was heard, not even the answers to pings
    #[error("is silent")]
    Silent,
}

/// How far it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Stage {
    #[error("asking for the conference")]
    Asking,
    #[error("connecting")]
    Connecting,
    #[error("opening the stream")]
    Opening,
    #[error("logging in")]
    LoggingIn,
    #[error("getting a resource")]
    Binding,
    #[error("enabling stream management")]
    Enabling,
    #[error("asking the focus")]
    AskingFocus,
    #[error("joining")]
    Joining,
    #[error("in the room")]
    Joined,
    #[error("resuming")]
    Resuming,
}
