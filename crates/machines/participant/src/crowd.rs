//! Who comes into which room when, and who goes: a plan that follows from its numbers and a seed.

use std::collections::BTreeMap;

use crate::Time;
use crate::limits::{ABSENCE, PARTICIPANTS_MAX, RATE_MAX};
use crate::rng::Draws;
use crate::size::RoomSize;

/// How many, how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crowd {
    pub rooms: u32,
    /// of each room
    pub participants: RoomSize,
    /// a second
    pub join_rate: f64,
    /// departures a second, once everybody has come; who goes comes back a little later
    pub churn_rate: f64,
    /// so long after the last join of the plan, every connection is cut at once
    pub cut_at: Option<Time>,
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
    /// Its connection breaks.
    Cut,
}

/// Events in the order of their times.
#[derive(Clone, Debug)]
pub struct Plan {
    crowd: Crowd,
    /// of each participant: its room, and how many came before it there
    seats: Vec<(u32, u32)>,
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
    /// whose connection is cut next
    cut: u32,
}

impl Crowd {
    /// # Errors
    /// [`CrowdError`]
    pub fn plan(self) -> Result<Plan, CrowdError> {
        let rate = |rate: f64| rate.is_finite() && (0.0..=RATE_MAX).contains(&rate);
        if self.rooms == 0 || self.participants.min == 0 || self.participants.max < self.participants.min {
            return Err(CrowdError::Nobody);
        }
        let most = self.rooms.checked_mul(self.participants.max);
        if most.is_none_or(|most| most > PARTICIPANTS_MAX) {
            return Err(CrowdError::TooMany);
        }
        if !rate(self.join_rate) || self.join_rate <= 0.0 || !rate(self.churn_rate) {
            return Err(CrowdError::Rate);
        }
        Ok(Plan::new(self))
    }

    /// Room by room, so that the first of all of them come before the second of any.
    fn seats(&self, draws: &mut Draws) -> Vec<(u32, u32)> {
        let RoomSize { min, max } = self.participants;
        let mut size = || if min == max { max } else { min + draws.below(u64::from(max - min) + 1) as u32 };
        let sizes: Vec<u32> = (0..self.rooms).map(|_| size()).collect();
        let round = |place| {
            (0..).zip(&sizes).filter(move |(_, size)| place < **size).map(move |(room, _)| (room, place))
        };
        (0..max).flat_map(round).collect()
    }
}

impl Plan {
    fn new(crowd: Crowd) -> Self {
        let mut draws = Draws::new(crowd.seed, u64::MAX);
        let seats = crowd.seats(&mut draws);
        let mut order: Vec<u32> = (0..).take(seats.len()).collect();
        for last in (1..order.len()).rev() {
            let other = usize::try_from(draws.below(last as u64 + 1)).unwrap_or(last);
            order.swap(last, other);
        }
        let away = vec![false; order.len()];
        let (back, departures, cut) = (BTreeMap::new(), 0, 0);
        let mut plan =
            Self { crowd, seats, order, next: 0, draws, leave_at: None, back, departures, away, cut };
        plan.leave_at = (crowd.churn_rate > 0.0).then(|| plan.last_join() + plan.churn_pause());
        plan
    }

    /// Those of the lowest numbers, so many, come before all others. They are spread over the rooms.
    pub fn let_first(mut self, count: u32) -> Self {
        self.order.sort_by_key(|participant| *participant >= count);
        self
    }

    pub fn total(&self) -> u32 {
        self.order.len() as u32
    }

    /// From 0.
    pub fn room_of(&self, participant: u32) -> u32 {
        self.seats.get(participant as usize).map_or(0, |(room, _)| *room)
    }

    /// In its room, from 0.
    pub fn place_of(&self, participant: u32) -> u32 {
        self.seats.get(participant as usize).map_or(0, |(_, place)| *place)
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

    fn cut_at(&self) -> Option<Time> {
        let is_due = (self.cut as usize) < self.order.len();
        Some(self.last_join() + self.crowd.cut_at.filter(|_| is_due)?)
    }

    /// The next one; nobody where it is away.
    fn cut(&mut self, at: Time) -> Option<Event> {
        let participant = self.cut;
        self.cut += 1;
        let is_there = self.away.get(participant as usize) == Some(&false);
        is_there.then_some(Event { at, participant, what: What::Cut })
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
            let due = [(self.cut_at(), What::Cut), (back, What::Join), (self.leave_at, What::Leave)];
            let due = due.into_iter().filter_map(|(at, what)| Some((at?, what)));
            let (at, what) = due.min_by_key(|(at, _)| *at)?;
            // who would come back after the end stays away
            if at >= self.end() {
                return None;
            }
            let event = match what {
                What::Cut => self.cut(at),
                What::Join => self.come_back(),
                What::Leave => self.leave(at),
            };
            if event.is_some() {
                return event;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd() -> Crowd {
        let duration = Time::from_secs(10);
        let (participants, cut_at) = (RoomSize::from(4), None);
        Crowd { rooms: 3, participants, join_rate: 10.0, churn_rate: 0.0, cut_at, duration, seed: 7 }
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
    fn some_come_first_and_are_spread_over_the_rooms() {
        let plan = crowd().plan().unwrap().let_first(5);
        let rooms: Vec<u32> = (0..5).map(|participant| plan.room_of(participant)).collect();
        assert_eq!(rooms, [0, 1, 2, 0, 1]);
        let order: Vec<u32> = plan.map(|event| event.participant).collect();
        let all: Vec<u32> = crowd().plan().unwrap().map(|event| event.participant).collect();
        let (first, others): (Vec<u32>, Vec<u32>) = all.iter().partition(|participant| **participant < 5);
        assert_eq!(order, [first, others].concat());
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
    fn rooms_have_sizes_between_the_two() {
        let participants = RoomSize { min: 3, max: 12 };
        let plan = Crowd { rooms: 50, participants, ..crowd() }.plan().unwrap();
        let mut sizes = [0; 50];
        for participant in 0..plan.total() {
            let size = &mut sizes[plan.room_of(participant) as usize];
            assert_eq!(plan.place_of(participant), *size);
            *size += 1;
        }
        assert!(sizes.iter().all(|size| (3..=12).contains(size)), "{sizes:?}");
        assert!(sizes.contains(&3) && sizes.contains(&12), "{sizes:?}");
    }

    #[test]
    fn everybody_who_is_there_is_cut_at_once() {
        let at = Time::from_secs(5);
        for churn_rate in [0.0, 20.0] {
            let plan = Crowd { churn_rate, cut_at: Some(at), ..crowd() }.plan().unwrap();
            let moment = plan.last_join() + at;
            let cuts: Vec<Event> = plan.filter(|event| event.what == What::Cut).collect();
            assert!(cuts.iter().all(|event| event.at == moment), "{cuts:?}");
            assert!(cuts.windows(2).all(|two| two[0].participant < two[1].participant));
            assert!(
                if churn_rate > 0.0 { (1..12).contains(&cuts.len()) } else { cuts.len() == 12 },
                "{cuts:?}"
            );
        }
        let after = Crowd { cut_at: Some(Time::from_secs(11)), ..crowd() }.plan().unwrap();
        assert_eq!(after.filter(|event| event.what == What::Cut).count(), 0);
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
