//! Which meeting a connection belongs to.

pub(crate) use xmpp::room::{RoomError, RoomKey};
