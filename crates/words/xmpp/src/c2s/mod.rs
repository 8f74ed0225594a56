//! The server side of a client's stream, until it has a resource (RFC 6120 sections 4 to 7, RFC 7395).
//!
//! [`Negotiation`] takes what a client says and answers with [`Step`]s: text to send, and at the end what the client
//! wants, a new resource or its former stream. It owns no socket, no clock and no randomness. Guests come over
//! WebSockets with SASL ANONYMOUS, accounts (bridges, recorders) over TCP with SCRAM-SHA-1 or PLAIN.
//!
//! ```text
//!   open ► mechanisms ► auth (► challenge ► response) ► success ► open ► features ► bind | resume
//! ```
//!
//! What a stream says after that is not its business. It refuses to know who may be in which room.
//!
//! There is no STARTTLS in it: accounts log in over loopback or a private network. SCRAM keeps the password off the
//! wire there; PLAIN does not.

mod accounts;
mod negotiation;
mod scram;
mod text;

pub use accounts::Accounts;
pub use negotiation::{Access, Ends, Negotiation, Step};
pub use text::{Framing, bound};

/// Attempts to log in on one stream.
pub const FAILURES_MAX: u32 = 3;
/// Bytes of a SASL message, decoded; of a user name, a resource or an IQ's id.
pub const FIELD_BYTES_MAX: usize = 1023;
/// Rounds of PBKDF2 for SCRAM-SHA-1; RFC 5802 section 5.1 asks for at least 4096.
pub const SCRAM_ROUNDS: u32 = 4096;
