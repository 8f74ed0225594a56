//! What an operator sees of the cluster. The shapes are a contract: fields are added, never renamed.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whoever knows the nodes and the meetings.
pub trait Fleet: Send + Sync + 'static {
    /// All nodes, in the order of their ids.
    fn nodes(&self) -> Answer<'_, Vec<Node>>;

    /// All meetings, in the order of their rooms.
    fn meetings(&self) -> Answer<'_, Meetings>;

    /// One of them; `room` is in lower case.
    fn meeting(&self, room: &str) -> Answer<'_, Result<MeetingDetail, Refused>>;

    /// The rooms whose journals could not be read and were put aside, oldest first.
    fn aside(&self) -> Answer<'_, Result<Vec<String>, Refused>>;

    /// Begins to take all work from a node; its state tells how far it is.
    fn drain(&self, node: &str) -> Answer<'_, Result<(), Refused>>;

    /// A drained node takes work again. Most cannot: they are started anew.
    fn undrain(&self, _node: &str) -> Answer<'_, Result<(), Refused>> {
        let why = "a node of ours ends after a drain: start it anew; only stock shards can be used again";
        Box::pin(async { Err(Refused::Conflict(why.to_owned())) })
    }

    /// Begins to hand a meeting to another shard, that of this id or whichever has most room.
    fn move_meeting(&self, room: &str, to: Option<&str>) -> Answer<'_, Result<(), Refused>>;
}

/// What all shards together have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meetings {
    pub meetings: Vec<MeetingDetail>,
    /// ids of the shards that did not answer in time: theirs are missing
    pub unanswered: Vec<String>,
}

/// Why an operator does not get what he asks for, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// there is no such node or meeting
    Unknown(String),
    /// it makes no sense here, or now
    Conflict(String),
    /// somebody who has to be asked does not answer
    Unanswered(String),
}

impl Refused {
    pub fn sentence(&self) -> &str {
        match self {
            Self::Unknown(sentence) | Self::Conflict(sentence) | Self::Unanswered(sentence) => sentence,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// `shard-1`
    pub id: String,
    /// `router`, `shard`, `bridge`
    pub role: String,
    pub pid: u32,
    /// where it takes its work
    pub address: SocketAddr,
    pub state: NodeState,
    /// 1.0 is the load at which it should get no more
    pub load: f64,
    /// bridge: conferences
    pub meetings: usize,
    /// bridge: endpoints; router: WebSockets of clients
    pub participants: usize,
    /// shard: the bridges that are logged in to it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridges: Option<Vec<String>>,
    /// bridge: the shards that live and to which it is not logged in
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen_by: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// its own admin port
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    Ready,
    /// it goes on with what it has
    Draining,
    Down,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// lower case; `[tenant]room` with a tenant
    pub room: String,
    /// id of the node that owns it
    pub shard: String,
    /// ids of the nodes that carry its media
    pub bridges: Vec<String>,
    pub participants: usize,
    /// when the first participant came, RFC 3339 in UTC; `None` before that
    pub since: Option<String>,
    /// the journal does not answer: what happened since would be lost with its shard
    #[serde(default)]
    pub unprotected: bool,
}

/// A meeting with everybody who is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingDetail {
    #[serde(flatten)]
    pub meeting: Meeting,
    pub occupants: Vec<Occupant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupant {
    pub nick: String,
    pub display_name: Option<String>,
    pub moderator: bool,
    /// false: its connection is lost, and it may still come back to it
    pub connected: bool,
    pub bridge: Option<String>,
    /// RFC 3339 in UTC
    pub joined: String,
}

/// Milliseconds since the Unix epoch as `2026-11-20T14:05:09.120Z` (RFC 3339 section 5.6).
pub fn rfc3339(millis: u64) -> String {
    let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a day number since 1970-01-01, in the Gregorian calendar. It counts in eras of 400 years
/// that begin on a 1 March, so that the leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_BEFORE_1970: u64 = 719_468;
    let days = days + DAYS_BEFORE_1970;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let check = |millis: u64, text: &str| assert_eq!(rfc3339(millis), text);
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_399_999, "2000-02-28T23:59:59.999Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(951_868_800_000, "2000-03-01T00:00:00.000Z");
        check(1_735_689_599_000, "2024-12-31T23:59:59.000Z");
        check(1_795_183_509_120, "2026-11-20T14:05:09.120Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn any_number_is_a_time() {
        assert!(rfc3339(u64::MAX).ends_with('Z'));
    }
}
