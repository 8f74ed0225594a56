//! Many simulated participants in one process, against any Jitsi Meet installation.
//!
//! What comes in is a [`Load`]: where the server is, how many participants join which rooms how fast, and for how long.
//! What goes out is a [`Progress`] every second, and at the end a [`Report`] whose figures thresholds can be held
//! against.
//!
//! - `config_js`, `target`: where the server's parts are, from what it tells every browser;
//! - `dial`, `http`, `websocket`: sockets with and without TLS, and what may go wrong with them, in the words of
//!   `participant::Closing`;
//! - `seat`: one participant, driven: its machine asks, and sockets and timers answer;
//! - `run`: the plan of who comes when, the end of the run, and what is counted on the way (`tally`);
//! - `media`: threads and sockets for what participants send and see;
//! - `roll`: at a SIGUSR1 everybody asks at once, and who is answered when: what a server that is killed at that
//!   moment costs;
//! - `histogram`, `figures`, `threshold`, `report`: what came out.
//!
//! Every participant is one task on one thread, and its media belong to one of a few others: two runs with one seed join the same people in the same order, and what
//! the load itself costs is one number. It refuses to know how a client behaves: that is the crate `participant`. It
//! knows nothing of our own server either: what it needs is in the stock `config.js`, or is told.

mod config_js;
mod dial;
mod figures;
mod histogram;
mod http;
mod limits;
mod media;
mod report;
mod roll;
mod run;
mod seat;
mod tally;
mod target;
mod threshold;
mod websocket;

pub use histogram::Histogram;
pub use participant::Crowd;
pub use participant::media::{Camera, Codec, Voice};
pub use report::Report;
pub use roll::Roll;
pub use run::{Load, Media, run};
pub use tally::Progress;
pub use target::{FocusAt, Target};
pub use threshold::Threshold;
