//! Roll calls: everybody who is in a room asks at one moment, and who was answered when.

use std::collections::BTreeMap;
use std::time::Duration;

use participant::{Fact, Time};
use serde_json::{Value, json};

use crate::histogram::Histogram;
use crate::limits::ROLLS_MAX;

/// How far the last call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    /// from 1
    pub number: usize,
    pub called: usize,
    pub answered: usize,
    /// whose page loaded anew, and who are in their room again
    pub returned: usize,
    /// from the call to the last answer or return so far
    pub last: Duration,
}

impl Roll {
    /// Everybody who was called is there.
    pub fn is_over(&self) -> bool {
        self.answered + self.returned == self.called
    }
}

/// One call after the other; the last one counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rolls(Vec<Called>);

#[derive(Clone, Debug)]
struct Called {
    at: Time,
    /// who are to be asked: each finds out when its turn comes
    present: usize,
    by_participant: BTreeMap<u32, (String, Outcome)>,
}

/// Times since the call.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Silent,
    /// `timers`: of that, the pauses of the client itself before it tries to take up a lost stream
    Answered {
        after: Duration,
        timers: Duration,
    },
    Returned {
        after: Duration,
    },
}

impl Rolls {
    /// `present` are to be asked. False: there were enough calls.
    pub(crate) fn begin(&mut self, now: Time, present: u64) -> bool {
        let has_room = self.0.len() < ROLLS_MAX;
        if has_room {
            let present = usize::try_from(present).unwrap_or(usize::MAX);
            self.0.push(Called { at: now, present, by_participant: BTreeMap::new() });
        }
        has_room
    }

    pub(crate) fn call(&mut self, participant: u32, room: &str) {
        if let Some(called) = self.0.last_mut() {
            called.by_participant.insert(participant, (room.to_owned(), Outcome::Silent));
        }
    }

    pub(crate) fn note(&mut self, participant: u32, now: Time, fact: &Fact) {
        let Some(called) = self.0.last_mut() else { return };
        let after = now.saturating_sub(called.at);
        let Some((_, outcome @ Outcome::Silent)) = called.by_participant.get_mut(&participant) else {
            return;
        };
        match fact {
            Fact::Answered { timers, .. } => *outcome = Outcome::Answered { after, timers: *timers },
            Fact::Joined { .. } => *outcome = Outcome::Returned { after },
            _ => {}
        }
    }

    pub(crate) fn last(&self) -> Option<Roll> {
        let called = self.0.last()?;
        let mut roll = Roll { number: self.0.len(), called: called.present, ..Roll::default() };
        for (_, outcome) in called.by_participant.values() {
            match outcome {
                Outcome::Silent => {}
                Outcome::Answered { after, .. } => {
                    roll.answered += 1;
                    roll.last = roll.last.max(*after);
                }
                Outcome::Returned { after } => {
                    roll.returned += 1;
                    roll.last = roll.last.max(*after);
                }
            }
        }
        Some(roll)
    }

    /// Of all calls.
    pub(crate) fn answers(&self) -> Histogram {
        let mut times = Histogram::default();
        for (_, outcome) in self.0.iter().flat_map(|called| called.by_participant.values()) {
            if let Outcome::Answered { after, .. } = outcome {
                times.add(*after);
            }
        }
        times
    }

    /// Each call with its rooms, times in seconds: `answered` has pairs, how long and how much of that were timers.
    pub(crate) fn to_json(&self) -> Value {
        self.0.iter().map(Called::to_json).collect()
    }
}

impl Called {
    fn to_json(&self) -> Value {
        let mut rooms: BTreeMap<&str, Room> = BTreeMap::new();
        for (room, outcome) in self.by_participant.values() {
            let room = rooms.entry(room).or_default();
            match outcome {
                Outcome::Silent => room.silent += 1,
                Outcome::Answered { after, timers } => {
                    room.answered.push((after.as_secs_f64(), timers.as_secs_f64()));
                }
                Outcome::Returned { after } => room.returned.push(after.as_secs_f64()),
            }
        }
        let rooms: BTreeMap<&str, Value> = rooms.iter().map(|(name, room)| (*name, room.to_json())).collect();
        json!({ "at": self.at.as_secs_f64(), "rooms": rooms })
    }
}

#[derive(Default)]
struct Room {
    answered: Vec<(f64, f64)>,
    returned: Vec<f64>,
    silent: u32,
}

impl Room {
    fn to_json(&self) -> Value {
        json!({ "answered": self.answered, "returned": self.returned, "silent": self.silent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn answered(timers: u64) -> Fact {
        Fact::Answered { after: Time::ZERO, timers: at(timers) }
    }

    #[test]
    fn a_call_is_over_when_everybody_answered_or_came_back() {
        let mut rolls = Rolls::default();
        rolls.note(1, at(5), &answered(0));
        assert_eq!(rolls.last(), None, "nobody was called");
        assert!(rolls.begin(at(1_000), 3));
        assert!(!rolls.last().unwrap().is_over(), "nobody has heard of it");
        (1..=3).for_each(|participant| rolls.call(participant, "r"));
        rolls.note(1, at(1_100), &answered(0));
        rolls.note(2, at(3_000), &answered(1_500));
        rolls.note(9, at(3_100), &answered(0));
        let roll = rolls.last().unwrap();
        assert_eq!((roll.called, roll.answered, roll.last, roll.is_over()), (3, 2, at(2_000), false));
        rolls.note(3, at(21_000), &Fact::Joined { after: at(300) });
        rolls.note(3, at(22_000), &answered(0));
        let roll = rolls.last().unwrap();
        assert_eq!((roll.answered, roll.returned, roll.last, roll.is_over()), (2, 1, at(20_000), true));
        assert_eq!(rolls.answers().count(), 2);
        let room = json!({ "answered": [[0.1, 0.0], [2.0, 1.5]], "returned": [20.0], "silent": 0 });
        assert_eq!(rolls.to_json(), json!([{ "at": 1.0, "rooms": { "r": room } }]));
    }

    #[test]
    fn the_next_call_ends_the_one_before() {
        let mut rolls = Rolls::default();
        rolls.begin(at(0), 1);
        rolls.call(1, "r");
        rolls.begin(at(10), 1);
        rolls.call(1, "r");
        rolls.note(1, at(11), &answered(0));
        assert_eq!(rolls.to_json()[0]["rooms"]["r"]["silent"], 1);
        assert_eq!(rolls.last().unwrap().number, 2);
        let more = (0..2 * ROLLS_MAX).filter(|_| rolls.begin(at(20), 1)).count();
        assert_eq!(more, ROLLS_MAX - 2);
    }
}
