//! What a participant sends and receives: ICE, DTLS, SRTP and the bridge channel over one UDP socket of its own.
//!
//! The signalling half ([`Participant`](crate::Participant)) answers the focus and says [`Command`]s; the shell hands
//! them to the [`Peer`] of the same participant, which may live in another thread. What comes in besides: datagrams, and
//! that time has passed. What goes out, until there is none: [`Transmit`]s, then the next deadline, and at the end a
//! [`Record`].
//!
//! - `session`: what an offer of the focus says of the bridge and of everybody's sources, and the accept's other half;
//! - `transport`: the engine (str0m) with its streams, driven as the bridge drives its own;
//! - `camera`, `microphone`: the senders. Real codec headers ([`mod@codec`]), frames in the rhythm of [`schedule`], and in
//!   every payload a [`stamp`] that tells who sent it and when;
//! - `received`, `sequence`: what became of it at the other end;
//! - `channel`: what is said over the bridge channel. Over a WebSocket the signalling half says and hears it.
//!
//! It refuses to know what a picture shows: behind the codec's headers, and of VP8 a grey picture, there is filling.

mod camera;
pub(crate) mod channel;
pub mod codec;
mod descriptor;
mod identity;
mod limits;
mod microphone;
mod peer;
mod received;
mod record;
pub mod schedule;
mod sequence;
pub mod session;
mod settings;
pub mod stamp;
mod transport;

pub use codec::Codec;
pub use identity::Identity;
pub use peer::{Peer, Transmit};
pub use received::Delay;
pub use record::{Record, Stream, Traffic};
pub use session::{Command, RemoteSource, Session};
pub use settings::{Camera, Settings, Voice, Way};
