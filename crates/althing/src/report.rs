//! What roles say of themselves, in the shapes of the admin API.

use bridge::{Signalling, Stats};
use meeting::{BridgeId, Participant, Summary};
use service::admin::{Meeting, MeetingDetail, NodeState, Occupant, Refused, rfc3339};

/// The roles of shards that are not ours.
pub(crate) const STOCK: &str = "stock shard";
pub(crate) const STOCK_BACKUP: &str = "stock backup";

/// The meetings of `shard`, in the order of their rooms.
pub(crate) fn details(shard: &str, meetings: Vec<(String, Summary)>) -> Vec<MeetingDetail> {
    let mut details: Vec<_> =
        meetings.into_iter().map(|(room, summary)| detail(shard, room, summary)).collect();
    details.sort_by(|a, b| a.meeting.room.cmp(&b.meeting.room));
    details
}

pub(crate) fn one(room: &str, meetings: Vec<MeetingDetail>) -> Result<MeetingDetail, Refused> {
    let found = meetings.into_iter().find(|detail| detail.meeting.room == room);
    found.ok_or_else(|| no_meeting(room))
}

pub(crate) fn no_meeting(room: &str) -> Refused {
    Refused::Unknown(format!("there is no meeting in room {room:?}"))
}

/// The ids of the bridges that are logged in.
pub(crate) fn bridges(shard: &shard::Running) -> Vec<String> {
    shard.bridges().into_iter().map(|bridge| bridge.id).collect()
}

/// Why a bridge cannot take work.
pub(crate) fn bridge_ready(stats: &Stats) -> Result<(), String> {
    if stats.draining {
        return Err("the bridge is draining".to_owned());
    }
    match stats.signalling {
        Signalling::Entered => {}
        Signalling::Away => return Err("the bridge has not logged in to the shard yet".to_owned()),
        Signalling::PasswordRefused => return Err("the shard refuses the password of the bridge".to_owned()),
        Signalling::BreweryRefused => {
            return Err("the bridge is not let into the room of the bridges".to_owned());
        }
    }
    stats.ailment.map_or(Ok(()), |ailment| Err(format!("the bridge is ill: {ailment}")))
}

pub(crate) fn bridge_state(stats: &Stats) -> NodeState {
    match (stats.signalling, stats.draining) {
        (Signalling::Entered, false) => NodeState::Ready,
        (Signalling::Entered, true) => NodeState::Draining,
        _ => NodeState::Down,
    }
}

fn detail(shard: &str, room: String, summary: Summary) -> MeetingDetail {
    let meeting = Meeting {
        room,
        shard: shard.to_owned(),
        bridges: summary.bridges.into_iter().map(|BridgeId(id)| id).collect(),
        participants: summary.participants.len(),
        since: summary.since.map(rfc3339),
        unprotected: summary.unprotected,
    };
    MeetingDetail { meeting, occupants: summary.participants.into_iter().map(occupant).collect() }
}

fn occupant(participant: Participant) -> Occupant {
    Occupant {
        nick: participant.nick,
        display_name: participant.display_name,
        moderator: participant.moderator,
        connected: participant.connected,
        bridge: participant.bridge.map(|BridgeId(id)| id),
        joined: rfc3339(participant.joined),
    }
}
