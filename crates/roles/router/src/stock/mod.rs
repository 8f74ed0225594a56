//! In front of stock shards: which of them live, which room is on which, and every request to the one that has its room.
//!
//! `placement::stock` decides, and this is its shell: `helm.rs` obeys it and `engine.rs` asks the engine for it,
//! `check.rs` asks shards how they are, `discover.rs` and `resolve.rs` ask a name server which there are. `request.rs` reads a request's
//! room, `outgoing.rs` makes it ready, `pass.rs` carries it over a connection that was kept or is new (`dial.rs`, `tls.rs`),
//! `flow.rs` is the body of its answer.
//!
//! Requests and answers stream, and pass as they are: paths, queries and headers are the shards' business. A stream of
//! a client cannot be resumed elsewhere: when its shard is down the socket breaks, the client reloads its page and comes
//! to the shard that the room has then, like everybody else of the room.

mod check;
mod dial;
mod discover;
mod engine;
mod flow;
mod helm;
mod outgoing;
mod pass;
mod request;
mod resolve;

use std::net::SocketAddr;
use std::sync::Arc;

use placement::stock::{Standing, Tier};

pub(crate) use flow::Flow;
pub(crate) use helm::Helm;
pub(crate) use pass::answer;

/// The stock shards behind a router, for operators.
#[derive(Clone, Debug)]
pub struct Stock(Arc<Helm>);

/// A shard, as this router sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    pub id: String,
    /// `None`: it is known by a name only
    pub address: Option<SocketAddr>,
    pub state: State,
    /// it gets rooms only while no other one can be used
    pub is_backup: bool,
    pub rooms: usize,
    /// WebSockets and requests under way to it through this router
    pub clients: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ready,
    /// it keeps its rooms and gets no new ones
    Draining,
    Down,
}

impl Stock {
    pub(crate) fn new(helm: Arc<Helm>) -> Self {
        Self(helm)
    }

    /// In the order of their ids.
    pub fn shards(&self) -> Vec<Shard> {
        self.0.shards()
    }

    /// In the order of their names: the shard of each room, and the requests under way here.
    pub fn rooms(&self) -> Vec<(String, String, usize)> {
        self.0.rooms()
    }

    /// The shard gets no new rooms, on all routers that share the table. Gives whether there is such a shard.
    ///
    /// # Errors
    /// The engine does not answer: nobody has been told.
    pub async fn drain(&self, shard: &str) -> Result<bool, journal::Error> {
        self.0.drain(shard).await
    }

    /// It gets rooms again.
    ///
    /// # Errors
    /// As [`Stock::drain`].
    pub async fn undrain(&self, shard: &str) -> Result<bool, journal::Error> {
        self.0.undrain(shard).await
    }
}

impl From<Standing> for State {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Ready | Standing::Doubtful => Self::Ready,
            Standing::Draining | Standing::Weak => Self::Draining,
            Standing::New | Standing::Recovering | Standing::Down => Self::Down,
        }
    }
}

fn is_backup(tier: Tier) -> bool {
    tier == Tier::Backup
}
