//! Which of a meeting's bridges can be reached: what the brewery shows, with patience.
//!
//! Losing the control stream of a bridge is not losing the bridge: media goes on, and the bridge joins again by
//! itself. A machine beside the meeting, like [`crate::Tenure`]: the owner brings the view of the brewery and the time,
//! and gets inputs for the meeting. It is no part of the meeting's state: each owner looks for itself.

use std::collections::BTreeMap;

use crate::entry::{BridgeId, Input, Millis};

/// A bridge whose control stream was lost may come back for so long before its meetings move to another one. A bridge
/// of ours is back after 100 ms, where it lives.
pub const BRIDGE_GRACE_MS: Millis = 800;

/// The same after a takeover, for the bridges that the meeting remembers: they may still be about to log in.
pub const BRIDGE_GRACE_AT_START_MS: Millis = 4_000;

/// A timer that fires so much too late: this process stood still, and what it did not hear meanwhile proves nothing
/// about a bridge.
pub const LATE_MS_MIN: Millis = 300;

/// A bridge in the brewery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// number of its join: another one when it comes back
    pub join: u64,
    /// it wants its participants to be moved elsewhere, or is not well
    pub leaving: bool,
}

/// The bridges that a meeting uses.
#[derive(Debug, Default)]
pub struct Links {
    links: BTreeMap<BridgeId, Link>,
    /// what the brewery showed at the last look, by their joins
    seen: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// in the brewery, by its join of this number
    Up(u64),
    /// not in the brewery; given up then
    Away { until: Millis },
    /// the meeting was told that it is lost; it has not let go of it yet
    Lost,
}

impl Links {
    /// After a replay: `used` may come back, and the meeting wants to hear of it.
    pub fn replayed(used: &[BridgeId], now: Millis) -> Self {
        let away = Link::Away { until: now.saturating_add(BRIDGE_GRACE_AT_START_MS) };
        let links = used.iter().map(|bridge| (bridge.clone(), away)).collect();
        Self { links, seen: BTreeMap::new() }
    }

    /// Is there a link to it already?
    pub fn knows(&self, bridge: &BridgeId) -> bool {
        self.links.contains_key(bridge)
    }

    /// Those that have joined since the last call, and want work.
    pub fn arrivals(&mut self, view: &BTreeMap<String, Reach>) -> Vec<BridgeId> {
        let now: BTreeMap<String, u64> = view
            .iter()
            .filter(|(_, reach)| !reach.leaving)
            .map(|(id, reach)| (id.clone(), reach.join))
            .collect();
        let new = now.iter().filter(|(id, join)| self.seen.get(*id) != Some(*join));
        let new = new.map(|(id, _)| BridgeId(id.clone())).collect();
        self.seen = now;
        new
    }

    /// The meeting uses `used`, the brewery shows `view`. To be called when either has changed and at
    /// [`Links::deadline`]. A bridge for which there is no substitute is not lost: nobody would gain by it.
    pub fn handle(&mut self, used: &[BridgeId], view: &BTreeMap<String, Reach>, now: Millis) -> Vec<Input> {
        self.links.retain(|bridge, _| used.contains(bridge));
        let mut inputs = Vec::new();
        for bridge in used {
            let reach = view.get(&bridge.0).filter(|reach| !reach.leaving);
            let leaving = view.get(&bridge.0).is_some_and(|reach| reach.leaving);
            let first = reach.map_or(Link::Away { until: now.saturating_add(BRIDGE_GRACE_MS) }, |reach| {
                Link::Up(reach.join)
            });
            let link = self.links.entry(bridge.clone()).or_insert(first);
            let substitute = view.iter().any(|(id, reach)| *id != bridge.0 && !reach.leaving);
            let next = link.next(reach.map(|reach| reach.join), leaving, substitute, now);
            match (*link, next) {
                (Link::Up(old), Link::Up(new)) if old == new => {}
                (_, Link::Up(_)) => inputs.push(Input::BridgeUp { bridge: bridge.clone() }),
                (Link::Lost, _) | (_, Link::Away { .. }) => {}
                (_, Link::Lost) => {
                    inputs.push(Input::BridgeLost { bridge: bridge.clone() });
                    // It can still be told: what it has of the meeting is expired at once.
                    inputs.extend(leaving.then(|| Input::BridgeUp { bridge: bridge.clone() }));
                }
            }
            *link = next;
        }
        inputs
    }

    /// When a bridge will be given up.
    pub fn deadline(&self) -> Option<Millis> {
        let away = self.links.values().filter_map(|link| match link {
            Link::Away { until } => Some(*until),
            Link::Up(_) | Link::Lost => None,
        });
        away.min()
    }
}

impl Link {
    fn next(self, join: Option<u64>, leaving: bool, substitute: bool, now: Millis) -> Self {
        match (join, self) {
            (Some(join), _) => Self::Up(join),
            (None, _) if leaving && substitute => Self::Lost,
            (None, Self::Up(_)) => Self::Away { until: now.saturating_add(BRIDGE_GRACE_MS) },
            // Woken so late, the shard stood still itself: the bridge may be waiting for it.
            (None, Self::Away { until }) if now >= until.saturating_add(LATE_MS_MIN) => {
                Self::Away { until: now.saturating_add(BRIDGE_GRACE_MS) }
            }
            (None, Self::Away { until }) if now >= until && substitute => Self::Lost,
            (None, Self::Away { until }) if now >= until => {
                Self::Away { until: now.saturating_add(BRIDGE_GRACE_MS) }
            }
            (None, same) => same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the tests begin.
    const START: Millis = 1_000_000;

    /// What the brewery shows of bridge `b`, after so many milliseconds, and what the meeting hears.
    type Step<'a> = (u64, Option<(u64, bool)>, &'a [&'a str]);

    #[test]
    fn a_bridge_that_stays_is_no_news() {
        check(None, &[(0, Some((1, false)), &[]), (9000, Some((1, false)), &[])]);
    }

    #[test]
    fn a_bridge_that_comes_back_in_time_is_up() {
        check(
            None,
            &[
                (0, Some((1, false)), &[]),
                (10, None, &[]),
                (500, None, &[]),
                (790, Some((2, false)), &["up"]),
            ],
        );
    }

    #[test]
    fn a_bridge_that_came_back_between_two_looks_is_up() {
        check(None, &[(0, Some((1, false)), &[]), (10, Some((2, false)), &["up"])]);
    }

    #[test]
    fn a_bridge_that_does_not_come_back_is_lost_once() {
        let gone =
            [(0, Some((1, false)), &[][..]), (10, None, &[]), (810, None, &["lost"]), (9000, None, &[])];
        check(None, &gone);
    }

    #[test]
    fn a_bridge_that_wants_to_leave_is_lost_at_once() {
        check(None, &[(0, Some((1, false)), &[]), (10, Some((1, true)), &["lost", "up"]), (20, None, &[])]);
    }

    #[test]
    fn after_a_replay_a_bridge_has_more_time() {
        check(Some(0), &[(0, None, &[]), (3000, None, &[]), (3900, Some((1, false)), &["up"])]);
        check(Some(0), &[(0, None, &[]), (4000, None, &["lost"])]);
        check(Some(0), &[(0, Some((1, false)), &["up"])]);
    }

    #[test]
    fn a_shard_that_stood_still_gives_up_nobody() {
        check(
            None,
            &[
                (0, Some((1, false)), &[]),
                (10, None, &[]),
                (5000, None, &[]),
                (5700, Some((2, false)), &["up"]),
                (5800, None, &[]),
                (6600, None, &["lost"]),
            ],
        );
    }

    #[test]
    fn a_bridge_without_a_substitute_is_waited_for() {
        let gone = [(0, Some((1, false)), &[][..]), (10, None, &[]), (9000, None, &[]), (90_000, None, &[])];
        let mut links = Links::default();
        check_on(&mut links, &[], &gone);
        check_on(&mut links, &["c"], &[(90_900, None, &["lost"])]);
        let leaves = [(0, Some((1, false)), &[][..]), (10, Some((1, true)), &[]), (9000, None, &[])];
        check_on(&mut Links::default(), &[], &leaves);
    }

    #[test]
    fn who_arrives_is_told_once() {
        let mut links = Links::default();
        let view = |joins: &[(&str, u64, bool)]| -> BTreeMap<String, Reach> {
            joins.iter().map(|(id, join, leaving)| ((*id).to_owned(), reach(*join, *leaving))).collect()
        };
        for (joins, expected) in [
            (&[("b", 1, false), ("c", 2, true)][..], &["b"][..]),
            (&[("b", 1, false), ("c", 3, false)], &["c"]),
            (&[("b", 1, false)], &[]),
            (&[("b", 4, false), ("c", 5, false)], &["b", "c"]),
        ] {
            let arrived = links.arrivals(&view(joins));
            assert_eq!(arrived.iter().map(|bridge| bridge.0.as_str()).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_bridge_that_is_used_no_more_is_forgotten() {
        let mut links = Links::replayed(&[id()], START);
        assert!(links.deadline().is_some());
        links.handle(&[], &BTreeMap::new(), START);
        assert!(links.deadline().is_none() && !links.knows(&id()));
    }

    /// Beside `b` there is another bridge.
    fn check(replayed: Option<u64>, steps: &[Step<'_>]) {
        let mut links = replayed.map_or_else(Links::default, |_| Links::replayed(&[id()], START));
        check_on(&mut links, &["c"], steps);
    }

    fn check_on(links: &mut Links, others: &[&str], steps: &[Step<'_>]) {
        for (at, shown, expected) in steps {
            let own = shown.map(|(join, leaving)| ("b".to_owned(), reach(join, leaving)));
            let others = others.iter().map(|id| ((*id).to_owned(), reach(9, false)));
            let view = own.into_iter().chain(others).collect();
            let inputs = links.handle(&[id()], &view, START + *at);
            let told = inputs.iter().map(|i| if matches!(i, Input::BridgeUp { .. }) { "up" } else { "lost" });
            assert_eq!(told.collect::<Vec<_>>(), *expected, "at {at}");
        }
    }

    fn reach(join: u64, leaving: bool) -> Reach {
        Reach { join, leaving }
    }

    fn id() -> BridgeId {
        BridgeId("b".to_owned())
    }
}
