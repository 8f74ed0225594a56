//! A member of a meeting that is no browser: one page load of it, as a machine.
//!
//! What comes in: that the socket is open, or how it ended; frames; the answer to the conference request; that time
//! has passed. What goes out, through [`Participant::poll_output`] until it gives `None`: what to ask over HTTP, when
//! to open a socket and with which `previd`, frames, and facts. Then [`Participant::poll_timeout`] tells when to come
//! back at the latest. Time is a [`Duration`](std::time::Duration) since whatever moment the caller counts from; chance
//! comes from the seed alone, so the same inputs give the same outputs.
//!
//! It behaves as lib-jitsi-meet does, with that client's timers and its readiness to give up:
//!
//! - `request`, `stream`: the conference request, then the stream (RFC 7395) up to the resource;
//! - [`mod@bosh`]: the same over HTTP, where there is no WebSocket;
//! - `sm`, `resume`: stream management (XEP-0198) and the three attempts to take up a lost stream;
//! - `room`, `owner`, `iq`: the join with everything that an ordinary client says, who is there, what is asked;
//! - `ping`: how the client finds out that a socket is dead;
//! - `focus`, `restart`: the Jingle session that the focus offers. Without media it is accepted with a transport that nobody will ever
//!   connect to, so that the server does all of its work and the bridge none of its own; with them [`mod@media`] has the
//!   other half;
//! - `bridge_channel`: what is said to the bridge over a WebSocket, where it is no data channel of [`mod@media`];
//! - `chat`, `probe`, `silence`: what a measurement wants to know. Numbered lines, so that one that is lost, doubled or
//!   late is found ([`mod@audit`]); a ping every so often, and the longest gap between two answers;
//! - `call`: a ping at a moment that the caller chooses, and how long until it is answered, through whatever befalls the
//!   stream.
//!
//! What such a client answers with a reload of the page ends the participant ([`End::Reload`]): whoever runs it may
//! begin another one. [`Crowd`] is the plan for many of them.
//!
//! It refuses to know where the server is, what TLS and HTTP are, how many others it is one of.

mod audit;
pub mod bosh;
mod bridge_channel;
mod call;
mod caps;
mod chat;
mod crowd;
mod failure;
mod focus;
mod iq;
mod limits;
pub mod media;
mod output;
mod owner;
mod participant;
mod ping;
mod probe;
mod record;
mod request;
mod restart;
mod resume;
mod rng;
mod room;
mod settings;
mod silence;
mod size;
mod sm;
mod stream;

pub use audit::{Lines, audit};
pub use chat::{Author, Hearing};
pub use crowd::{Crowd, CrowdError, Event, Plan, What};
pub use failure::{Closing, Failure, Stage};
pub use output::{End, Fact, Output};
pub use participant::Participant;
pub use probe::Probes;
pub use record::{Attendance, Record};
pub use resume::Resumption;
pub use settings::{Invitation, Settings, Transport};
pub use silence::Gap;
pub use size::{RoomSize, RoomSizeError};

/// Since whatever moment the caller counts from.
pub type Time = std::time::Duration;
