//! The control streams: the bridge is a client of every shard and an occupant of every brewery.
//!
//! The shards ask for the same conferences, by their meeting-ids: who asks is not looked at, only whether it is a
//! request of a former owner (see the crate `sfu`). So a shard that takes a meeting over finds the bridge in its
//! brewery already.
//!
//! Losing a stream costs no conference anything. The bridge connects again by itself and goes on answering where
//! it was; requests whose answer could not be sent are the focus's to repeat.

mod brewery;
mod iq;
mod login;
mod roster;
mod session;
mod shard;

pub(crate) use roster::run;

/// How far the bridge is with a shard; with all of them, how far it is with the one where it is farthest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signalling {
    /// not connected, or on the way
    #[default]
    Away,
    /// the brewery does not take the bridge in: another occupant has its nick, or it may not enter
    BreweryRefused,
    /// the shard refuses user and password; tried again slowly
    PasswordRefused,
    /// in the brewery, seen by focuses
    Entered,
}
