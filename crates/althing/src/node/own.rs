//! A node as its own admin port tells it: itself, and nobody else.

use std::sync::Arc;

use service::admin::{Answer, Fleet, MeetingDetail, Meetings, Node, Refused};

use crate::report;

/// What a role can be asked about itself, and told.
pub(super) trait Own: Send + Sync + 'static {
    fn id(&self) -> &str;

    fn node(&self) -> Answer<'_, Node>;

    /// Its meetings; none for a node that has none of its own.
    fn meetings(&self) -> Answer<'_, Vec<MeetingDetail>>;

    /// Begins to hand over all that it has.
    fn drain(&self) -> Result<(), Refused>;

    fn move_meeting(&self, room: &str, to: Option<&str>) -> Answer<'_, Result<(), Refused>>;
}

/// As the admin port wants it.
pub(super) struct Alone<T>(pub(super) Arc<T>);

impl<T: Own> Fleet for Alone<T> {
    fn nodes(&self) -> Answer<'_, Vec<Node>> {
        Box::pin(async { vec![self.0.node().await] })
    }

    fn meetings(&self) -> Answer<'_, Meetings> {
        Box::pin(async { Meetings { meetings: self.0.meetings().await, unanswered: Vec::new() } })
    }

    fn meeting(&self, room: &str) -> Answer<'_, Result<MeetingDetail, Refused>> {
        let room = room.to_owned();
        Box::pin(async move { report::one(&room, self.0.meetings().await) })
    }

    fn aside(&self) -> Answer<'_, Result<Vec<String>, Refused>> {
        Box::pin(async { Err(Refused::Conflict("a router tells what was put aside".to_owned())) })
    }

    fn drain(&self, node: &str) -> Answer<'_, Result<(), Refused>> {
        let drained = if node == self.0.id() {
            self.0.drain()
        } else {
            Err(Refused::Unknown(format!("this is {}, not {node:?}", self.0.id())))
        };
        Box::pin(async { drained })
    }

    fn move_meeting(&self, room: &str, to: Option<&str>) -> Answer<'_, Result<(), Refused>> {
        self.0.move_meeting(room, to)
    }
}
