//! The cluster as a router's admin port tells it: nodes from the registry, and everything else from the nodes.
//!
//! The registry says what a node said of itself last. Whether it lives is asked of its own admin port, within a bounded
//! time, and who does not answer is named.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::{Method, StatusCode};
use journal::{Journal, Node, Places, Registry, Role};
use service::admin::{self, Answer, Fleet, Meeting, MeetingDetail, Meetings, NodeState, Ready, Refused};
use tokio::task::JoinSet;

use crate::ask::{self, ask, encode};
use crate::report;

/// For a node to say that it lives.
const LIFE_TIME_MAX: Duration = Duration::from_secs(1);

/// For a shard to tell its meetings, or to begin what it is told to.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);

pub(super) struct Cluster {
    /// of this router
    pub(super) id: String,
    /// itself; it must not be kept when the process ends
    pub(super) router: Weak<::router::Running>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) registry: Arc<dyn Registry>,
    pub(super) places: Arc<dyn Places>,
}

impl Cluster {
    fn node(&self, id: &str) -> Result<Node, Refused> {
        let nodes = Arc::clone(&self.registry.nodes().borrow());
        nodes.get(id).cloned().ok_or_else(|| Refused::Unknown(format!("there is no node {id:?}")))
    }

    /// The shards with their admin ports, in the order of their ids.
    fn shards(&self) -> Vec<(String, Option<SocketAddr>)> {
        let nodes = Arc::clone(&self.registry.nodes().borrow());
        let shards = nodes.values().filter(|node| node.role == Role::Shard);
        shards.map(|node| (node.id.clone(), node.admin)).collect()
    }

    /// Whether a router can do its work: somebody must take the meetings.
    pub(super) fn ready(self: Arc<Self>) -> Ready {
        Arc::new(move || match self.router.upgrade() {
            None => Err("the process is ending".to_owned()),
            Some(router) if router.is_draining() => Err(format!("{} is draining", self.id)),
            Some(_) if self.shards().is_empty() => Err("no shard has announced itself".to_owned()),
            Some(_) => Ok(()),
        })
    }

    async fn all_nodes(&self) -> Vec<admin::Node> {
        let nodes = Arc::clone(&self.registry.nodes().borrow());
        let mut asked = JoinSet::new();
        for node in nodes.values().cloned() {
            asked.spawn(seen(node));
        }
        let mut told = asked.join_all().await;
        told.sort_by(|a, b| a.id.cmp(&b.id));
        tell_unseen(&mut told);
        told
    }

    /// What each shard answers to a question about itself; `None`: nothing, in time.
    async fn ask_shards(&self, path: &str) -> Vec<(String, Option<ask::Answer>)> {
        let mut asked = JoinSet::new();
        for (id, admin) in self.shards() {
            let path = path.to_owned();
            asked.spawn(async move {
                let answer = match admin {
                    Some(admin) => ask(admin, Method::GET, &path, ANSWER_TIME_MAX).await.ok(),
                    None => None,
                };
                (id, answer)
            });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by(|a, b| a.0.cmp(&b.0));
        answers
    }

    async fn all_meetings(&self) -> Meetings {
        let mut all = Meetings::default();
        let mut claims = BTreeMap::new();
        for (id, answer) in self.ask_shards("/api/v1/meetings").await {
            let answer = answer.filter(|answer| answer.status == StatusCode::OK);
            match answer.and_then(|answer| serde_json::from_str::<Vec<Meeting>>(&answer.body).ok()) {
                Some(meetings) => {
                    for meeting in meetings {
                        hear(&*self.places, &mut claims, MeetingDetail { meeting, occupants: Vec::new() });
                    }
                }
                None => all.unanswered.push(id),
            }
        }
        all.meetings = claims.into_values().collect();
        all
    }

    async fn one_meeting(&self, room: &str) -> Result<MeetingDetail, Refused> {
        let (mut unanswered, mut claims) = (Vec::new(), BTreeMap::new());
        for (id, answer) in self.ask_shards(&format!("/api/v1/meetings/{}", encode(room))).await {
            match answer {
                Some(answer) if answer.status == StatusCode::OK => match serde_json::from_str(&answer.body) {
                    Ok(detail) => hear(&*self.places, &mut claims, detail),
                    Err(_) => unanswered.push(id),
                },
                Some(_) => {}
                None => unanswered.push(id),
            }
        }
        if let Some((_, detail)) = claims.pop_first() {
            return Ok(detail);
        }
        if unanswered.is_empty() {
            return Err(report::no_meeting(room));
        }
        let silent = unanswered.join(", ");
        Err(Refused::Unanswered(format!(
            "nobody has a meeting in room {room:?}, but {silent} does not answer"
        )))
    }

    /// Who has the meeting: its place, or whoever says so.
    async fn owner(&self, room: &str) -> Result<String, Refused> {
        match self.places.known(room) {
            Some(place) => Ok(place.shard),
            None => Ok(self.one_meeting(room).await?.meeting.shard),
        }
    }

    fn drain_itself(&self) -> Result<(), Refused> {
        let router = self.router.upgrade();
        router.ok_or_else(|| Refused::Conflict(format!("{} is ending", self.id)))?.drain();
        Ok(())
    }

    /// Passes an order on to the node that has to do it.
    async fn order(&self, id: &str, path: &str) -> Result<(), Refused> {
        let silent = |why: &str| Refused::Unanswered(format!("{id} cannot be told: {why}"));
        let admin = self.node(id)?.admin.ok_or_else(|| silent("it has no admin port"))?;
        let answer = ask(admin, Method::POST, path, ANSWER_TIME_MAX).await;
        let answer = answer.map_err(|error| silent(&format!("{error:#}")))?;
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND => Err(Refused::Unknown(answer.sentence())),
            _ => Err(Refused::Conflict(answer.sentence())),
        }
    }
}

impl Fleet for Cluster {
    fn nodes(&self) -> Answer<'_, Vec<admin::Node>> {
        Box::pin(self.all_nodes())
    }

    fn meetings(&self) -> Answer<'_, Meetings> {
        Box::pin(self.all_meetings())
    }

    fn meeting(&self, room: &str) -> Answer<'_, Result<MeetingDetail, Refused>> {
        let room = room.to_owned();
        Box::pin(async move { self.one_meeting(&room).await })
    }

    fn aside(&self) -> Answer<'_, Result<Vec<String>, Refused>> {
        Box::pin(async { self.journal.aside().await.map_err(|error| Refused::Unanswered(error.to_string())) })
    }

    fn drain(&self, node: &str) -> Answer<'_, Result<(), Refused>> {
        let id = node.to_owned();
        if id == self.id {
            let done = self.drain_itself();
            return Box::pin(async { done });
        }
        Box::pin(async move { self.order(&id, &format!("/api/v1/nodes/{}/drain", encode(&id))).await })
    }

    fn move_meeting(&self, room: &str, to: Option<&str>) -> Answer<'_, Result<(), Refused>> {
        let goal = to.map(|to| format!("?to={}", encode(to))).unwrap_or_default();
        let (room, to) = (room.to_owned(), to.map(str::to_owned));
        Box::pin(async move {
            if let Some(to) = &to
                && self.node(to)?.role != Role::Shard
            {
                return Err(Refused::Conflict(format!("{to} is no shard")));
            }
            let owner = self.owner(&room).await?;
            self.order(&owner, &format!("/api/v1/meetings/{}/move{goal}", encode(&room))).await
        })
    }
}

/// A shard says that it has a meeting. For a moment two do, where one does not know yet that it was taken from it: then the
/// place decides.
fn hear(places: &dyn Places, claims: &mut BTreeMap<String, MeetingDetail>, claim: MeetingDetail) {
    let place = places.known(&claim.meeting.room);
    let has_place = place.is_some_and(|place| place.shard == claim.meeting.shard);
    match claims.entry(claim.meeting.room.clone()) {
        Entry::Vacant(entry) => drop(entry.insert(claim)),
        Entry::Occupied(mut entry) if has_place => drop(entry.insert(claim)),
        Entry::Occupied(_) => {}
    }
}

/// As its own admin port has it; what the registry knows of it may be seconds old.
async fn seen(node: Node) -> admin::Node {
    let (alive, itself) = tokio::join!(is_ready(&node), itself(&node));
    let says_draining = itself.as_ref().is_some_and(|itself| itself.state == NodeState::Draining);
    let state = match alive {
        None => NodeState::Down,
        Some(_) if node.draining || says_draining => NodeState::Draining,
        Some(true) => NodeState::Ready,
        // Without shards nobody could ask for it either: it drains.
        Some(false) if node.role == Role::Router => NodeState::Draining,
        Some(false) => NodeState::Down,
    };
    told(node, state, itself)
}

/// `None`: it does not answer.
async fn is_ready(node: &Node) -> Option<bool> {
    let answer = ask(node.admin?, Method::GET, "/readyz", LIFE_TIME_MAX).await.ok()?;
    Some(answer.status.is_success())
}

/// What it says of itself. A router would tell of everybody, and ask everybody.
async fn itself(node: &Node) -> Option<admin::Node> {
    let admin = node.admin.filter(|_| node.role != Role::Router)?;
    let answer = ask(admin, Method::GET, "/api/v1/nodes", LIFE_TIME_MAX).await.ok()?;
    let nodes: Vec<admin::Node> = serde_json::from_str(&answer.body).ok()?;
    nodes.into_iter().find(|told| told.id == node.id)
}

/// Who has lost sight of whom: a bridge that lives may still be out of reach for a shard.
fn tell_unseen(nodes: &mut [admin::Node]) {
    let shards: Vec<_> =
        nodes.iter().filter_map(|node| Some((node.id.clone(), node.bridges.clone()?))).collect();
    for bridge in nodes.iter_mut().filter(|node| node.role == "bridge") {
        let without = shards.iter().filter(|(_, bridges)| !bridges.contains(&bridge.id));
        bridge.unseen_by = without.map(|(shard, _)| shard.clone()).collect();
    }
}

fn told(node: Node, state: NodeState, itself: Option<admin::Node>) -> admin::Node {
    let (role, address) = match node.role {
        Role::Router => ("router", node.http),
        Role::Shard => ("shard", node.http),
        Role::Bridge => ("bridge", node.media),
    };
    let fresh = itself.as_ref().map(|itself| (itself.meetings, itself.participants));
    let (meetings, participants) = fresh.unwrap_or((node.meetings, node.participants));
    admin::Node {
        id: node.id,
        role: role.to_owned(),
        pid: node.pid,
        // A node that names none is told of as what nobody can reach.
        address: address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
        state,
        load: (node.load * 1000.0).round() / 1000.0,
        meetings,
        participants,
        bridges: itself.and_then(|itself| itself.bridges),
        unseen_by: Vec::new(),
        region: node.region,
        admin: node.admin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, role: &str, bridges: Option<&[&str]>) -> admin::Node {
        admin::Node {
            id: id.to_owned(),
            role: role.to_owned(),
            pid: 1,
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
            state: NodeState::Ready,
            load: 0.0,
            meetings: 0,
            participants: 0,
            bridges: bridges.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
            unseen_by: Vec::new(),
            region: None,
            admin: None,
        }
    }

    #[tokio::test]
    async fn of_two_shards_that_have_a_meeting_the_one_with_its_place_is_told() {
        let places = journal::Memory::new();
        places.place("moved", "shard-2", 0).await.unwrap();
        let claim = |room: &str, shard: &str| {
            let detail = serde_json::json!({
                "room": room, "shard": shard, "bridges": [], "participants": 2, "since": null, "occupants": [],
            });
            serde_json::from_value::<MeetingDetail>(detail).unwrap()
        };
        for order in [["shard-1", "shard-2", "shard-3"], ["shard-3", "shard-2", "shard-1"]] {
            let mut claims = BTreeMap::new();
            for shard in order {
                hear(&places, &mut claims, claim("moved", shard));
            }
            hear(&places, &mut claims, claim("new", "shard-3"));
            let told: Vec<_> = claims.values().map(|told| told.meeting.shard.as_str()).collect();
            assert_eq!(told, ["shard-2", "shard-3"]);
        }
    }

    #[test]
    fn a_bridge_is_unseen_by_those_who_say_so() {
        let mut nodes = [
            node("bridge-1", "bridge", None),
            node("bridge-2", "bridge", None),
            node("shard-1", "shard", Some(&["bridge-1", "bridge-2"])),
            node("shard-2", "shard", Some(&["bridge-2"])),
            node("shard-3", "shard", Some(&[])),
            // it does not answer
            node("shard-4", "shard", None),
        ];
        tell_unseen(&mut nodes);
        let unseen: Vec<_> = nodes.iter().map(|node| node.unseen_by.join(" ")).collect();
        assert_eq!(unseen, ["shard-2 shard-3", "shard-3", "", "", "", ""]);
    }
}
