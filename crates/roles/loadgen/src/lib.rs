//! Many simulated participants in one process, against any Jitsi Meet installation.
//!
//! What comes in is a [`Load`]: where the server is, how many participants join which rooms how fast, and for how long.
//! What goes out is a [`Progress`] every second, and at the end a [`Report`] whose figures thresholds can be held
//! against.
//!
//! - `profile`: what kind of load, as a file; `units`: amounts as people write them;
//! - `config_js`, `target`: where the server's parts are, from what it tells every browser;
//! - `dial`, `http`, `websocket`, `bosh`: sockets with and without TLS, and what may go wrong with them, in the words of
//!   `participant::Closing`; `transport`: whichever of them carries a stream; `advice`: what to try then;
//! - `channel`: the bridge channel of one participant, where it is a WebSocket;
//! - `seat`: one participant, driven: its machine asks, and sockets and timers answer;
//! - `run`: the plan of who comes when, the end of the run (`wishes`), and what is counted on the way (`tally`, `series`);
//! - `browsers`: participants that are real ones, for what a picture looks like at the other end;
//! - `media`: threads and sockets for what participants send and see;
//! - `roll`: at a SIGUSR1 everybody asks at once, and who is answered when: what a server that is killed at that
//!   moment costs;
//! - `watch`: what a server costs meanwhile;
//! - `measurement`: the same media and figures for an adapter that does the signalling of another kind of server;
//! - `histogram`, `figures`, `threshold`, `report`, `page`: what came out, as numbers and as a page with plots.
//!
//! Every participant is one task on one thread, and its media belong to one of a few others: two runs with one seed join
//! the same people in the same order, and what the load itself costs is one number. It refuses to know how a client behaves: that is the crate `participant`. It
//! knows nothing of our own server either: what it needs is in the stock `config.js`, or is told.

mod advice;
mod bosh;
mod browsers;
mod channel;
mod config_js;
mod dial;
mod figures;
mod histogram;
mod http;
mod limits;
mod measurement;
mod media;
mod page;
mod profile;
mod report;
mod roll;
mod run;
mod seat;
mod series;
mod tally;
mod target;
mod threshold;
mod transport;
pub mod units;
mod watch;
mod websocket;
mod wishes;

pub use browsers::{Browsers, Sight, Viewer};
pub use histogram::Histogram;
pub use measurement::Measurement;
pub use media::Flow;
pub use page::{About, page};
pub use participant::media::{Camera, Codec, Voice, Way};
pub use participant::{Crowd, RoomSize, Transport};
pub use profile::{BUILT_IN, Feeds, Profile};
pub use report::{Report, TIMES};
pub use roll::Roll;
pub use run::{Load, Media, run};
pub use series::{Sample, Spread};
pub use tally::{Progress, Trouble};
pub use target::{FocusAt, Target};
pub use threshold::Threshold;
pub use watch::{Server, Usage, Watch};
