//! Who comes into which room when, and who goes: a plan that follows from its numbers and a seed.

use std::collections::BTreeMap;

use crate::Time;
use crate::limits::{ABSENCE, PARTICIPANTS_MAX, RATE_MAX};
use crate::rng::Draws;

/// How many, how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crowd {
    pub rooms: u32,
    /// of each room
    pub participants: u32,
    /// a second
    pub join_rate: f64,
    /// departures a second, once everybody has come; who goes comes back a little later
    pub churn_rate: f64,
    /// from the last join of the plan to the end
    pub duration: Time,
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrowdError {
    #[error("at least one room and one participant in each")]
    Nobody,
    #[error("at most {PARTICIPANTS_MAX} participants all together")]
    TooMany,
    #[error("a rate is a number above 0, at most {RATE_MAX} a second")]
    Rate,
}

/// One of a plan's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// since the beginning of the run
    pub at: Time,
    /// from 0; its room is [`Plan::room_of`]
    pub participant: u32,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Join,
    Leave,
}

/// Events in the order of their times.
#[derive(Clone, Debug)]
pub struct Plan {
    crowd: Crowd,
    /// participants in the order of their first join
    order: Vec<u32>,
    next: usize,
    draws: Draws,
    /// the next departure
    leave_at: Option<Time>,
    /// who comes back when; the second number tells apart those of the same time
    back: BTreeMap<(Time, u64), u32>,
    departures: u64,
    away: Vec<bool>,
}

impl Crowd {
    /// # Errors
    /// [`CrowdError`]
    pub fn plan(self) -> Result<Plan, CrowdError> {
        let rate = |rate: f64| rate.is_finite() && (0.0..=RATE_MAX).contains(&rate);
        if self.rooms == 0 || self.participants == 0 {
            return Err(CrowdError::Nobody);
        }
        if self.total().is_none() {
            return Err(CrowdError::TooMany);
        }
        if !rate(self.join_rate) || self.join_rate <= 0.0 || !rate(self.churn_rate) {
            return Err(CrowdError::Rate);
        }
        Ok(Plan::new(self))
    }

    fn total(&self) -> Option<u32> {
        self.rooms.checked_mul(self.participants).filter(|total| *total <= PARTICIPANTS_MAX)
    }
}

impl Plan {
    fn new(crowd: Crowd) -> Self {
        let mut draws = Draws::new(crowd.seed, u64::MAX);
        let mut order: Vec<u32> = (0..crowd.total().unwrap_or(0)).collect();
        for last in (1..order.len()).rev() {
            let other = usize::try_from(draws.below(last as u64 + 1)).unwrap_or(last);
            order.swap(last, other);
        }
        let away = vec![false; order.len()];
        let mut plan =
            Self { crowd, order, next: 0, draws, leave_at: None, back: BTreeMap::new(), departures: 0, away };
        plan.leave_at = (crowd.churn_rate > 0.0).then(|| plan.last_join() + plan.churn_pause());
        plan
    }

    pub fn total(&self) -> u32 {
        self.order.len() as u32
    }

    /// From 0.
    pub fn room_of(&self, participant: u32) -> u32 {
        participant % self.crowd.rooms
    }

    /// When the last of them comes for the first time.
    pub fn last_join(&self) -> Time {
        self.join_at(self.order.len().saturating_sub(1))
    }

    /// When the run is over.
    pub fn end(&self) -> Time {
        self.last_join() + self.crowd.duration
    }

    fn join_at(&self, place: usize) -> Time {
        Time::from_secs_f64(place as f64 / self.crowd.join_rate)
    }

    fn churn_pause(&self) -> Time {
        Time::from_secs_f64(1.0 / self.crowd.churn_rate)
    }

    fn join(&mut self) -> Option<Event> {
        let participant = *self.order.get(self.next)?;
        let at = self.join_at(self.next);
        self.next += 1;
        Some(Event { at, participant, what: What::Join })
    }

    fn come_back(&mut self) -> Option<Event> {
        let ((at, _), participant) = self.back.pop_first()?;
        if let Some(away) = self.away.get_mut(participant as usize) {
            *away = false;
        }
        Some(Event { at, participant, what: What::Join })
    }

    /// Somebody who is there; nobody where all of a few tries are away.
    fn leave(&mut self, at: Time) -> Option<Event> {
        self.leave_at = Some(at + self.churn_pause());
        let picks: Vec<u64> = (0..8).map(|_| self.draws.below(self.order.len() as u64)).collect();
        let absence = self.draws.time(ABSENCE, ABSENCE);
        let is_there = |pick: &u64| self.away.get(*pick as usize) == Some(&false);
        let participant = u32::try_from(picks.into_iter().find(is_there)?).ok()?;
        self.away[participant as usize] = true;
        self.departures += 1;
        self.back.insert((at + absence, self.departures), participant);
        Some(Event { at, participant, what: What::Leave })
    }
}

impl Iterator for Plan {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if let Some(join) = self.join() {
            return Some(join);
        }
        loop {
            let back = self.back.keys().next().map(|(at, _)| *at);
            let leave = self.leave_at.filter(|leave| back.is_none_or(|back| *leave < back));
            let event = match leave {
                Some(at) if at >= self.end() => return None,
                Some(at) => match self.leave(at) {
                    Some(event) => event,
                    None => continue,
                },
                None => self.come_back()?,
            };
            // who would come back after the end stays away
            return (event.at < self.end()).then_some(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd() -> Crowd {
        let duration = Time::from_secs(10);
        Crowd { rooms: 3, participants: 4, join_rate: 10.0, churn_rate: 0.0, duration, seed: 7 }
    }

    #[test]
    fn everybody_comes_once_at_the_rate() {
        let plan = crowd().plan().unwrap();
        assert_eq!(
            (plan.total(), plan.last_join(), plan.end()),
            (12, Time::from_millis(1_100), Time::from_millis(11_100))
        );
        let rooms: Vec<u32> = (0..12).map(|participant| plan.room_of(participant)).collect();
        assert!((0..3).all(|room| rooms.iter().filter(|r| **r == room).count() == 4));
        let events: Vec<Event> = plan.collect();
        let mut who: Vec<u32> = events.iter().map(|event| event.participant).collect();
        who.sort_unstable();
        assert_eq!(who, (0..12).collect::<Vec<_>>());
        assert!(events.windows(2).all(|two| two[0].at < two[1].at));
    }

    #[test]
    fn the_same_seed_is_the_same_plan() {
        let events = |seed| Crowd { seed, churn_rate: 2.0, ..crowd() }.plan().unwrap().collect::<Vec<_>>();
        assert_eq!(events(7), events(7));
        assert_ne!(events(7), events(8));
    }

    #[test]
    fn who_goes_was_there_and_comes_back() {
        let crowd = Crowd { churn_rate: 20.0, ..crowd() };
        let plan = crowd.plan().unwrap();
        let (last, end) = (plan.last_join(), plan.end());
        let mut there = [false; 12];
        let mut departures = 0;
        let mut before = Time::ZERO;
        for event in plan {
            assert!(event.at >= before && event.at < end, "{event:?}");
            before = event.at;
            let is_there = &mut there[event.participant as usize];
            assert_eq!(*is_there, event.what == What::Leave, "{event:?}");
            *is_there = event.what == What::Join;
            if event.what == What::Leave {
                assert!(event.at > last);
                departures += 1;
            }
        }
        assert!(departures > 20, "{departures}");
    }

    #[test]
    fn a_crowd_that_cannot_be_is_refused() {
        let check = |crowd: Crowd, error| assert_eq!(crowd.plan().map(|_| ()), Err(error));
        check(Crowd { rooms: 0, ..crowd() }, CrowdError::Nobody);
        check(Crowd { rooms: u32::MAX, ..crowd() }, CrowdError::TooMany);
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            check(Crowd { join_rate: rate, ..crowd() }, CrowdError::Rate);
        }
        check(Crowd { churn_rate: f64::NAN, ..crowd() }, CrowdError::Rate);
    }
}
