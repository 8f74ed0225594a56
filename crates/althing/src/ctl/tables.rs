//! Answers of the admin API as people read them.

use service::admin::{Meeting, MeetingDetail, Node, NodeState, Occupant};

use crate::print::table;

pub(super) fn nodes(nodes: &[Node]) -> String {
    let row = |node: &Node| {
        let state = match node.state {
            NodeState::Ready => "ready",
            NodeState::Draining => "draining",
            NodeState::Down => "down",
        };
        vec![
            node.id.clone(),
            node.role.clone(),
            state.to_owned(),
            format!("{:.2}", node.load),
            node.meetings.to_string(),
            node.participants.to_string(),
            or_dash(node.region.as_deref()),
            or_dash(Some(&node.unseen_by.join(","))),
            node.address.to_string(),
            node.pid.to_string(),
        ]
    };
    let head =
        ["ID", "ROLE", "STATE", "LOAD", "MEETINGS", "PARTICIPANTS", "REGION", "UNSEEN BY", "ADDRESS", "PID"];
    table(&head, &nodes.iter().map(row).collect::<Vec<_>>())
}

/// Rooms whose journals were put aside.
pub(super) fn aside(rooms: &[String]) -> String {
    table(&["PUT ASIDE"], &rooms.iter().map(|room| vec![printable(room)]).collect::<Vec<_>>())
}

pub(super) fn meetings(meetings: &[Meeting]) -> String {
    let head = ["ROOM", "PARTICIPANTS", "SHARD", "BRIDGES", "JOURNAL", "SINCE"];
    table(&head, &meetings.iter().map(summary).collect::<Vec<_>>())
}

pub(super) fn meeting(detail: &MeetingDetail) -> String {
    let row = |occupant: &Occupant| {
        vec![
            occupant.nick.clone(),
            or_dash(occupant.display_name.as_deref()),
            if occupant.moderator { "moderator" } else { "participant" }.to_owned(),
            if occupant.connected { "connected" } else { "reconnecting" }.to_owned(),
            or_dash(occupant.bridge.as_deref()),
            occupant.joined.clone(),
        ]
    };
    let rows: Vec<_> = detail.occupants.iter().map(row).collect();
    let head = ["NICK", "NAME", "ROLE", "CONNECTION", "BRIDGE", "JOINED"];
    format!("{}\n{}", meetings(std::slice::from_ref(&detail.meeting)), table(&head, &rows))
}

fn summary(meeting: &Meeting) -> Vec<String> {
    let bridges = (!meeting.bridges.is_empty()).then(|| meeting.bridges.join(","));
    vec![
        printable(&meeting.room),
        meeting.participants.to_string(),
        meeting.shard.clone(),
        or_dash(bridges.as_deref()),
        if meeting.unprotected { "unprotected" } else { "written" }.to_owned(),
        or_dash(meeting.since.as_deref()),
    ]
}

fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map_or_else(|| "-".to_owned(), printable)
}

/// People choose names; they shall not write to an operator's terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_is_a_line_and_its_occupants_are_a_table() {
        let occupant = |nick: &str, name: Option<&str>, connected| Occupant {
            nick: nick.to_owned(),
            display_name: name.map(str::to_owned),
            moderator: connected,
            connected,
            bridge: connected.then(|| "bridge-1".to_owned()),
            joined: "2026-11-20T14:05:09.120Z".to_owned(),
        };
        let detail = MeetingDetail {
            meeting: Meeting {
                room: "standup".to_owned(),
                shard: "shard-1".to_owned(),
                bridges: vec!["bridge-1".to_owned()],
                participants: 2,
                since: None,
                unprotected: true,
            },
            occupants: vec![occupant("a1", Some("Ada \u{1b}[31m"), true), occupant("b2", None, false)],
        };
        let expected = "\
ROOM     PARTICIPANTS  SHARD    BRIDGES   JOURNAL      SINCE
standup  2             shard-1  bridge-1  unprotected  -

NICK  NAME       ROLE         CONNECTION    BRIDGE    JOINED
a1    Ada \u{fffd}[31m  moderator    connected     bridge-1  2026-11-20T14:05:09.120Z
b2    -          participant  reconnecting  -         2026-11-20T14:05:09.120Z
";
        assert_eq!(meeting(&detail), expected);
    }

    #[test]
    fn nodes_are_a_table() {
        let node = Node {
            id: "bridge-1".to_owned(),
            role: "bridge".to_owned(),
            pid: 17,
            address: "127.0.0.1:10000".parse().unwrap(),
            state: NodeState::Ready,
            load: 0.126,
            meetings: 3,
            participants: 9,
            bridges: None,
            unseen_by: vec!["shard-1".to_owned(), "shard-2".to_owned()],
            region: Some("eu".to_owned()),
            admin: None,
        };
        let expected = "\
ID        ROLE    STATE  LOAD  MEETINGS  PARTICIPANTS  REGION  UNSEEN BY        ADDRESS          PID
bridge-1  bridge  ready  0.13  3         9             eu      shard-1,shard-2  127.0.0.1:10000  17
";
        assert_eq!(nodes(&[node]), expected);
    }
}
