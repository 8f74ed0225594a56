//! Who takes what: which bridge and which shard take a meeting, and what a router does about shards that die.
//!
//! - [`pick_bridge`] and [`pick_shard`] are arithmetic over what the nodes say of themselves.
//! - [`claim()`], [`follow`] and [`heir`] say what a place means to a shard.
//! - [`steering`] is a router's machine: in come the registry, heartbeats, places and people who want a shard; out come
//!   heartbeats to send, places to write by compare-and-set, and the shard that somebody is told.
//! - [`stock`] is the machine of a router in front of stock shards, which hand nothing over: checks, a table of rooms
//!   that routers share, and the choice of a shard for a new one.
//!
//! All of it is pure: time is an argument, and what has to be random comes from a hash of names. It refuses to know how
//! a node is asked, what a meeting is, and who owns it: a place is advice, the position in the journal decides.

mod claim;
mod hash;
pub mod limits;
mod shard;
pub mod steering;
pub mod stock;

pub use claim::{Claim, Follow, claim, follow, heir};
pub use shard::{Shard, pick_shard};

/// What a bridge's brewery presence says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge {
    /// nick in the brewery
    pub id: String,
    /// 1.0 is the load at which no more should be added
    pub stress: f64,
    /// endpoints placed since the last presence
    pub recent: u32,
    /// stress that one more participant adds
    pub stress_per_participant: f64,
    pub draining: bool,
    pub shutting_down: bool,
    pub healthy: bool,
    pub region: Option<String>,
}

/// The least stressed bridge that may take new meetings; ties go to the lower id.
pub fn pick_bridge<'a>(bridges: impl IntoIterator<Item = &'a Bridge>, avoid: &[&str]) -> Option<&'a Bridge> {
    bridges.into_iter().filter(|b| b.healthy && !b.shutting_down && !avoid.contains(&b.id.as_str())).min_by(
        |a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal).then(a.id.cmp(&b.id)),
    )
}

/// A draining bridge only where nothing else is left.
fn rank(b: &Bridge) -> (bool, f64) {
    (b.draining, b.stress + f64::from(b.recent) * b.stress_per_participant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bridge(id: &str, stress: f64) -> Bridge {
        Bridge {
            id: id.to_owned(),
            stress,
            recent: 0,
            stress_per_participant: 0.01,
            draining: false,
            shutting_down: false,
            healthy: true,
            region: None,
        }
    }

    fn check(bridges: &[Bridge], avoid: &[&str], expected: Option<&str>) {
        assert_eq!(pick_bridge(bridges, avoid).map(|b| b.id.as_str()), expected);
    }

    #[test]
    fn the_least_stressed_bridge_takes_the_meeting() {
        check(&[bridge("a", 0.4), bridge("b", 0.2), bridge("c", 0.3)], &[], Some("b"));
    }

    #[test]
    fn recent_participants_count_before_the_bridge_says_so() {
        let busy = Bridge { recent: 30, ..bridge("a", 0.0) };
        check(&[busy, bridge("b", 0.2)], &[], Some("b"));
    }

    #[test]
    fn a_draining_bridge_is_the_last_resort() {
        let draining = Bridge { draining: true, ..bridge("a", 0.0) };
        check(&[draining.clone(), bridge("b", 0.9)], &[], Some("b"));
        check(&[draining], &[], Some("a"));
    }

    #[test]
    fn unhealthy_leaving_and_avoided_bridges_take_nothing() {
        let sick = Bridge { healthy: false, ..bridge("a", 0.0) };
        let leaving = Bridge { shutting_down: true, ..bridge("b", 0.0) };
        check(&[sick, leaving, bridge("c", 0.0)], &["c"], None);
    }

    #[test]
    fn ties_go_to_the_lower_id() {
        check(&[bridge("b", 0.1), bridge("a", 0.1)], &[], Some("a"));
    }
}
