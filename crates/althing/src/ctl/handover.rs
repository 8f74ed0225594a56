//! `drain` and `move`: begun at the admin API, then watched until nothing is left to hand over.

use std::time::Duration;

use anyhow::bail;
use service::admin::{Meeting, MeetingDetail, Node, NodeState};
use service::clock::Clock;

use super::{Server, tables};
use crate::ask::encode;
use crate::print;
use crate::report::{STOCK, STOCK_BACKUP};

/// Between two looks at how far it is.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// For one meeting to arrive elsewhere. A drain has no such bound: the last bridge keeps its meetings until
/// they end, and a router its clients.
const MOVE_TIME_MAX: Duration = Duration::from_secs(30);

pub(super) async fn drain_would(server: &Server, id: &str) -> anyhow::Result<()> {
    let node = node(server, id).await?;
    let theirs = meetings_on(server, &node).await?;
    let what = match node.role.as_str() {
        "shard" => "would move to other shards",
        STOCK | STOCK_BACKUP => "would stay until they end, and new ones would go to other shards",
        "bridge" => "would move to other bridges, with a short gap in their media",
        _ => "would stay; the router would only say that it is not ready",
    };
    print::text(&format!("{} meetings {what}\n", theirs.len()))?;
    if theirs.is_empty() { Ok(()) } else { print::text(&tables::meetings(&theirs)) }
}

pub(super) async fn undrain(server: &Server, id: &str) -> anyhow::Result<()> {
    node(server, id).await?;
    server.post(&format!("/api/v1/nodes/{}/undrain", encode(id))).await?;
    print::text(&format!("{id} gets new rooms again\n"))
}

pub(super) async fn drain(server: &Server, id: &str) -> anyhow::Result<()> {
    node(server, id).await?;
    server.post(&format!("/api/v1/nodes/{}/drain", encode(id))).await?;
    let mut last = None;
    loop {
        let Ok(node) = node(server, id).await else {
            return print::text(&format!("{id} is empty and has left\n"));
        };
        if node.state == NodeState::Down {
            return print::text(&match node.role.as_str() {
                STOCK | STOCK_BACKUP => format!("{id} is down; its rooms begin anew elsewhere\n"),
                _ => format!("{id} is down; what it had is taken over by the others\n"),
            });
        }
        if node.state == NodeState::Draining && (node.meetings, node.participants) == (0, 0) {
            return print::text(&format!("{id} is empty: it may be stopped\n"));
        }
        let left = match node.role.as_str() {
            "router" => format!("{} sockets of clients left", node.participants),
            _ => format!("{} meetings left, with {} participants", node.meetings, node.participants),
        };
        if last.as_ref() != Some(&left) {
            print::text(&format!("{id}: {left}\n"))?;
            last = Some(left);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

pub(super) async fn move_would(server: &Server, room: &str, to: Option<&str>) -> anyhow::Result<()> {
    let from = owner(server, room).await?;
    let goal = to.unwrap_or("the shard with most room");
    if to == Some(from.as_str()) {
        return print::text(&format!("{room} is on {from} already\n"));
    }
    if let Some(to) = to {
        let node = node(server, to).await?;
        if node.role != "shard" || node.state != NodeState::Ready {
            bail!("{to} is no shard that is ready");
        }
    }
    print::text(&format!("{room} would move from {from} to {goal}\n"))
}

pub(super) async fn move_meeting(server: &Server, room: &str, to: Option<&str>) -> anyhow::Result<()> {
    let from = owner(server, room).await?;
    if to == Some(from.as_str()) {
        return print::text(&format!("{room} is on {from} already\n"));
    }
    let goal = to.map(|to| format!("?to={}", encode(to))).unwrap_or_default();
    server.post(&format!("/api/v1/meetings/{}/move{goal}", encode(room))).await?;
    let until = Clock.now() + MOVE_TIME_MAX;
    loop {
        // Between two owners it may be nowhere for a moment.
        match owner(server, room).await {
            Ok(now) if now != from => return print::text(&format!("{room} moved from {from} to {now}\n")),
            Ok(_) | Err(_) if Clock.now() < until => tokio::time::sleep(LOOK_INTERVAL).await,
            Ok(_) => bail!("{room} is still on {from} after {MOVE_TIME_MAX:?}; the log of {from} says why"),
            Err(error) => return Err(error.context(format!("{room} has left {from}"))),
        }
    }
}

async fn node(server: &Server, id: &str) -> anyhow::Result<Node> {
    let nodes: Vec<Node> = server.list("/api/v1/nodes").await?;
    let found = nodes.into_iter().find(|node| node.id == id);
    found.ok_or_else(|| anyhow::anyhow!("there is no node {id:?}; \"althing ctl nodes\" lists them"))
}

async fn meetings_on(server: &Server, node: &Node) -> anyhow::Result<Vec<Meeting>> {
    let mut meetings: Vec<Meeting> = server.list("/api/v1/meetings").await?;
    meetings.retain(|meeting| meeting.shard == node.id || meeting.bridges.contains(&node.id));
    Ok(meetings)
}

async fn owner(server: &Server, room: &str) -> anyhow::Result<String> {
    let detail: MeetingDetail = server.list(&format!("/api/v1/meetings/{}", encode(room))).await?;
    Ok(detail.meeting.shard)
}
