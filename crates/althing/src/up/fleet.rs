//! The cluster of one machine, as the admin port tells it.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use journal::Journal;
use service::admin::{Answer, Fleet, MeetingDetail, Meetings, Node, NodeState, Ready, Refused};

use crate::report;

/// The roles behind the router.
pub(super) struct OneMachine {
    pub(super) shard: shard::Running,
    pub(super) bridge: bridge::Running,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) ids: Ids,
    /// the public address
    pub(super) router: SocketAddr,
    pub(super) connections_max: usize,
}

/// The names of the roles.
pub(super) struct Ids {
    pub(super) router: String,
    pub(super) shard: String,
    pub(super) bridge: String,
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
        report::bridge_ready(&self.bridge.stats())
    }

    async fn nodes(&self) -> Vec<Node> {
        let meetings = self.shard.meetings().await;
        let participants: usize = meetings.iter().map(|(_, summary)| summary.participants.len()).sum();
        let bridge = self.bridge.stats();
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let node = |id: &str, role: &str, address, state, load: f64, meetings, participants| Node {
            id: id.to_owned(),
            role: role.to_owned(),
            pid: std::process::id(),
            address,
            state,
            load: (load * 1000.0).round() / 1000.0,
            meetings,
            participants,
            bridges: (role == "shard").then(|| report::bridges(&self.shard)),
            unseen_by: Vec::new(),
            region: None,
            admin: None,
        };
        vec![
            node(
                &self.ids.bridge,
                "bridge",
                self.bridge.media_addr(),
                report::bridge_state(&bridge),
                bridge.stress,
                count(bridge.media.conferences),
                count(bridge.media.endpoints),
            ),
            node(
                &self.ids.router,
                "router",
                self.router,
                NodeState::Ready,
                self.share(participants),
                meetings.len(),
                participants,
            ),
            node(
                &self.ids.shard,
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
        report::details(&self.ids.shard, self.shard.meetings().await)
    }

    async fn aside(&self) -> Result<Vec<String>, Refused> {
        self.journal.aside().await.map_err(|error| Refused::Unanswered(error.to_string()))
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

    fn meetings(&self) -> Answer<'_, Meetings> {
        Box::pin(async {
            match self.0.upgrade() {
                Some(machine) => Meetings { meetings: machine.meetings().await, unanswered: Vec::new() },
                None => Meetings::default(),
            }
        })
    }

    fn meeting(&self, room: &str) -> Answer<'_, Result<MeetingDetail, Refused>> {
        let room = room.to_owned();
        Box::pin(async move { report::one(&room, self.meetings().await.meetings) })
    }

    fn aside(&self) -> Answer<'_, Result<Vec<String>, Refused>> {
        Box::pin(async {
            match self.0.upgrade() {
                Some(machine) => machine.aside().await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn drain(&self, _: &str) -> Answer<'_, Result<(), Refused>> {
        Box::pin(async { Err(alone()) })
    }

    fn move_meeting(&self, _: &str, _: Option<&str>) -> Answer<'_, Result<(), Refused>> {
        Box::pin(async { Err(alone()) })
    }
}

fn alone() -> Refused {
    let sentence = "this is one process with one shard and one bridge: there is nobody to hand anything to; it may be \
         stopped and started again at any time";
    Refused::Conflict(sentence.to_owned())
}
