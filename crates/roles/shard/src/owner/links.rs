//! Which of a meeting's bridges can be reached: what the brewery shows, with patience.
//!
//! Losing the control stream of a bridge is not losing the bridge: media goes on, and the bridge joins again by
//! itself. Pure: the view of the brewery and the time come in, inputs for the meeting go out.

use std::collections::BTreeMap;
use std::time::Instant;

use meeting::{BridgeId, Input};

use crate::brewery::Reach;
use crate::limits::{BRIDGE_GRACE, BRIDGE_GRACE_AT_START};

/// The bridges that a meeting uses.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: BTreeMap<BridgeId, Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// in the brewery, by its join of this number
    Up(u64),
    /// not in the brewery; given up then
    Away { until: Instant },
    /// the meeting was told that it is lost; it has not let go of it yet
    Lost,
}

impl Links {
    /// After a replay: `used` may come back, and the meeting wants to hear of it.
    pub(super) fn replayed(used: &[BridgeId], now: Instant) -> Self {
        let away = Link::Away { until: now + BRIDGE_GRACE_AT_START };
        Self { links: used.iter().map(|bridge| (bridge.clone(), away)).collect() }
    }

    pub(super) fn knows(&self, bridge: &BridgeId) -> bool {
        self.links.contains_key(bridge)
    }

    /// The meeting uses `used`, the brewery shows `view`. To be called when either has changed and at
    /// [`Links::deadline`].
    pub(super) fn handle(
        &mut self,
        used: &[BridgeId],
        view: &BTreeMap<String, Reach>,
        now: Instant,
    ) -> Vec<Input> {
        self.links.retain(|bridge, _| used.contains(bridge));
        let mut inputs = Vec::new();
        for bridge in used {
            let reach = view.get(&bridge.0).filter(|reach| !reach.leaving);
            let leaving = view.get(&bridge.0).is_some_and(|reach| reach.leaving);
            let first = reach.map_or(Link::Away { until: now + BRIDGE_GRACE }, |reach| Link::Up(reach.join));
            let link = self.links.entry(bridge.clone()).or_insert(first);
            let next = link.next(reach.map(|reach| reach.join), leaving, now);
            match (*link, next) {
                (Link::Up(old), Link::Up(new)) if old == new => {}
                (_, Link::Up(_)) => inputs.push(Input::BridgeUp { bridge: bridge.clone() }),
                (Link::Lost, _) | (_, Link::Away { .. }) => {}
                (_, Link::Lost) => inputs.push(Input::BridgeLost { bridge: bridge.clone() }),
            }
            *link = next;
        }
        inputs
    }

    /// When a bridge will be given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let away = self.links.values().filter_map(|link| match link {
            Link::Away { until } => Some(*until),
            Link::Up(_) | Link::Lost => None,
        });
        away.min()
    }
}

impl Link {
    fn next(self, join: Option<u64>, leaving: bool, now: Instant) -> Self {
        match (join, self) {
            (Some(join), _) => Self::Up(join),
            (None, _) if leaving => Self::Lost,
            (None, Self::Up(_)) => Self::Away { until: now + BRIDGE_GRACE },
            (None, Self::Away { until }) if now >= until => Self::Lost,
            (None, same) => same,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
                (2000, None, &[]),
                (2900, Some((2, false)), &["up"]),
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
            [(0, Some((1, false)), &[][..]), (10, None, &[]), (3010, None, &["lost"]), (9000, None, &[])];
        check(None, &gone);
    }

    #[test]
    fn a_bridge_that_wants_to_leave_is_lost_at_once() {
        check(None, &[(0, Some((1, false)), &[]), (10, Some((1, true)), &["lost"]), (20, None, &[])]);
    }

    #[test]
    fn after_a_replay_a_bridge_has_more_time() {
        check(Some(0), &[(0, None, &[]), (9000, None, &[]), (9900, Some((1, false)), &["up"])]);
        check(Some(0), &[(0, None, &[]), (10_000, None, &["lost"])]);
        check(Some(0), &[(0, Some((1, false)), &["up"])]);
    }

    #[test]
    fn a_bridge_that_is_used_no_more_is_forgotten() {
        let now = anchor();
        let mut links = Links::replayed(&[id()], now);
        assert!(links.deadline().is_some());
        links.handle(&[], &BTreeMap::new(), now);
        assert!(links.deadline().is_none() && !links.knows(&id()));
    }

    fn check(replayed: Option<u64>, steps: &[Step<'_>]) {
        let start = anchor();
        let mut links = replayed.map_or_else(Links::default, |_| Links::replayed(&[id()], start));
        for (at, shown, expected) in steps {
            let view = shown.map(|(join, leaving)| ("b".to_owned(), Reach { join, leaving }));
            let inputs =
                links.handle(&[id()], &view.into_iter().collect(), start + Duration::from_millis(*at));
            let told = inputs.iter().map(|i| if matches!(i, Input::BridgeUp { .. }) { "up" } else { "lost" });
            assert_eq!(told.collect::<Vec<_>>(), *expected, "at {at}");
        }
    }

    fn id() -> BridgeId {
        BridgeId("b".to_owned())
    }

    fn anchor() -> Instant {
        service::clock::Clock.now()
    }
}
