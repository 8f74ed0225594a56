//! The cluster of one machine, as the admin port tells it.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use bridge::Signalling;
use meeting::{BridgeId, Participant, Summary};
use service::admin::{Answer, Fleet, Meeting, MeetingDetail, Node, NodeState, Occupant, Ready, rfc3339};

use super::parts::{ROUTER, SHARD};

/// The roles behind the router.
pub(super) struct OneMachine {
    pub(super) shard: shard::Running,
    pub(super) bridge: bridge::Running,
    pub(super) bridge_id: String,
    /// the public address
    pub(super) router: SocketAddr,
    pub(super) connections_max: usize,
}

/// What the admin port holds of them: it must not keep them when the process ends.
#[derive(Clone)]
pub(super) struct Window(Weak<OneMachine>);

impl OneMachine {
    /// The shard first: a bridge that leaves before it would be told to every meeting as a loss.
    pub(super) async fn shutdown(self) {
        self.shard.shutdown().await;
        self.bridge.shutdown().await;
    }

    fn ready(&self) -> Result<(), String> {
        let stats = self.bridge.stats();
        match stats.signalling {
            Signalling::Entered => {}
            Signalling::Away => return Err("the bridge has not logged in to the shard yet".to_owned()),
            Signalling::PasswordRefused => {
                return Err("the shard refuses the password of the bridge".to_owned());
            }
            Signalling::BreweryRefused => {
                return Err("the bridge is not let into the room of the bridges".to_owned());
            }
        }
        stats.ailment.map_or(Ok(()), |ailment| Err(format!("the bridge is ill: {ailment}")))
    }

    async fn nodes(&self) -> Vec<Node> {
        let meetings = self.shard.meetings().await;
        let participants: usize = meetings.iter().map(|(_, summary)| summary.participants.len()).sum();
        let bridge = self.bridge.stats();
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let bridge_state = match (bridge.signalling, bridge.draining) {
            (Signalling::Entered, false) => NodeState::Ready,
            (Signalling::Entered, true) => NodeState::Draining,
            _ => NodeState::Down,
        };
        let node = |id: &str, role: &str, address, state, load: f64, meetings, participants| Node {
            id: id.to_owned(),
            role: role.to_owned(),
            pid: std::process::id(),
            address,
            state,
            load: (load * 1000.0).round() / 1000.0,
            meetings,
            participants,
        };
        vec![
            node(
                &self.bridge_id,
                "bridge",
                self.bridge.media_addr(),
                bridge_state,
                bridge.stress,
                count(bridge.media.conferences),
                count(bridge.media.endpoints),
            ),
            node(
                ROUTER,
                "router",
                self.router,
                NodeState::Ready,
                self.share(participants),
                meetings.len(),
                participants,
            ),
            node(
                SHARD,
                "shard",
                self.shard.http_addr(),
                NodeState::Ready,
                self.share(participants),
                meetings.len(),
                participants,
            ),
        ]
    }

    /// Of the connections that are allowed.
    fn share(&self, participants: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
        let share = participants as f64 / self.connections_max as f64;
        share
    }

    async fn meetings(&self) -> Vec<MeetingDetail> {
        let mut meetings: Vec<_> =
            self.shard.meetings().await.into_iter().map(|(room, summary)| detail(room, summary)).collect();
        meetings.sort_by(|a, b| a.meeting.room.cmp(&b.meeting.room));
        meetings
    }
}

impl Window {
    pub(super) fn of(machine: &Arc<OneMachine>) -> Self {
        Self(Arc::downgrade(machine))
    }

    pub(super) fn ready(self) -> Ready {
        Arc::new(move || match self.0.upgrade() {
            Some(machine) => machine.ready(),
            None => Err("the process is ending".to_owned()),
        })
    }
}

impl Fleet for Window {
    fn nodes(&self) -> Answer<'_, Vec<Node>> {
        Box::pin(async {
            match self.0.upgrade() {
                Some(machine) => machine.nodes().await,
                None => Vec::new(),
            }
        })
    }

    fn meetings(&self) -> Answer<'_, Vec<MeetingDetail>> {
        Box::pin(async {
            match self.0.upgrade() {
                Some(machine) => machine.meetings().await,
                None => Vec::new(),
            }
        })
    }
}

fn detail(room: String, summary: Summary) -> MeetingDetail {
    let meeting = Meeting {
        room,
        shard: SHARD.to_owned(),
        bridges: summary.bridges.into_iter().map(|BridgeId(id)| id).collect(),
        participants: summary.participants.len(),
        since: summary.since.map(rfc3339),
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
