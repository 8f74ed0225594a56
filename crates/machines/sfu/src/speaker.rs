//! Who is speaking: dominant speaker identification over three time scales.
//!
//! After I. Volfin and I. Cohen, "Dominant speaker identification for multipoint videoconferencing" (2012): the
//! loudness of every participant is watched for an immediate, a medium and a long time. A score says for each how
//! much likelier the activity is speech than noise. Somebody takes over from the dominant speaker when his scores
//! exceed the other's on all three scales, so a cough or a door does not do it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::limits;

/// between two decisions
const DECISION_INTERVAL: Duration = Duration::from_millis(300);
/// a participant without audio packets for this long is silent
const SILENT_AFTER: Duration = Duration::from_millis(60);
/// what one level stands for
const LEVEL_DURATION: Duration = Duration::from_millis(20);

/// values of the level of RFC 6464 that make one step of immediate activity
const LEVELS_PER_STEP: u8 = 10;
/// steps of the immediate scale
const IMMEDIATE_STEPS: u32 = 13;
/// immediate values that make a medium one
const MEDIUM_STEPS: usize = 5;
/// medium values that make a long one
const LONG_STEPS: usize = 10;
const IMMEDIATE_COUNT: usize = MEDIUM_STEPS * LONG_STEPS;
/// an immediate value above this is active
const IMMEDIATE_ACTIVE: u8 = 7;
/// a medium value above this is active
const MEDIUM_ACTIVE: u8 = 4;

/// how much the logarithm of a score must exceed the dominant speaker's: immediate, medium, long
const MARGINS: [f64; 3] = [3.0, 2.0, 0.0];
/// decay of the noise distribution: immediate, medium, long
const DECAYS: [f64; 3] = [0.78, 24.0, 47.0];
const SCORE_MIN: f64 = 1e-10;

/// The speakers of one conference. `E` names a participant.
#[derive(Debug)]
pub(crate) struct Speakers<E> {
    activities: BTreeMap<E, Activity>,
    dominant: Option<E>,
    /// most recent first, without the dominant one
    recent: Vec<E>,
    decided: Option<Instant>,
}

/// The recent loudness of one participant.
#[derive(Clone, Debug)]
struct Activity {
    /// steps, newest first
    immediate: VecDeque<u8>,
    heard: Instant,
}

impl<E: Ord + Copy> Default for Speakers<E> {
    fn default() -> Self {
        Self { activities: BTreeMap::new(), dominant: None, recent: vec![], decided: None }
    }
}

impl<E: Ord + Copy> Speakers<E> {
    /// One audio packet's level as of RFC 6464: 0 is the loudest, 127 silence.
    pub(crate) fn level(&mut self, now: Instant, participant: E, level: u8) {
        let activity = self.activities.entry(participant).or_insert_with(|| Activity::silent(now));
        activity.push(127_u8.saturating_sub(level) / LEVELS_PER_STEP);
        activity.heard = now;
    }

    pub(crate) fn remove(&mut self, participant: E) {
        self.activities.remove(&participant);
        self.recent.retain(|e| *e != participant);
        if self.dominant == Some(participant) {
            self.dominant = None;
        }
    }

    /// To be called often. `true`: the dominant speaker changed.
    pub(crate) fn decide(&mut self, now: Instant) -> bool {
        if self.decided.is_some_and(|at| now.saturating_duration_since(at) < DECISION_INTERVAL) {
            return false;
        }
        self.decided = Some(now);
        self.activities.values_mut().for_each(|activity| activity.fill(now));
        let Some(next) = self.challenger() else { return false };
        if let Some(previous) = self.dominant.replace(next) {
            self.recent.insert(0, previous);
        }
        self.recent.retain(|e| *e != next);
        self.recent.truncate(limits::RECENT_SPEAKERS_MAX);
        true
    }

    pub(crate) fn dominant(&self) -> Option<E> {
        self.dominant
    }

    /// Those who spoke before, most recent first.
    pub(crate) fn recent(&self) -> &[E] {
        &self.recent
    }

    /// The dominant speaker, then the recent ones.
    pub(crate) fn order(&self) -> impl Iterator<Item = E> {
        self.dominant.into_iter().chain(self.recent.iter().copied())
    }

    /// Who exceeds the dominant speaker on every scale, and of those the most active on the medium one.
    fn challenger(&self) -> Option<E> {
        let silence = Activity::SILENT_SCORES;
        let reigning = self.dominant.and_then(|d| self.activities.get(&d)).map_or(silence, Activity::scores);
        let mut best: Option<(E, f64)> = None;
        for (participant, activity) in self.activities.iter().filter(|(e, _)| Some(**e) != self.dominant) {
            let scores = activity.scores();
            let lead: [f64; 3] = std::array::from_fn(|scale| (scores[scale] / reigning[scale]).ln());
            let exceeds = lead.iter().zip(MARGINS).all(|(lead, margin)| *lead > margin);
            if exceeds && best.is_none_or(|(_, medium)| lead[1] > medium) {
                best = Some((*participant, lead[1]));
            }
        }
        best.map(|(participant, _)| participant)
    }
}

impl Activity {
    const SILENT_SCORES: [f64; 3] = [SCORE_MIN; 3];

    fn silent(now: Instant) -> Self {
        Self { immediate: VecDeque::from([0; IMMEDIATE_COUNT]), heard: now }
    }

    fn push(&mut self, step: u8) {
        self.immediate.pop_back();
        self.immediate.push_front(step);
    }

    /// Packets stop when a participant is muted; the time they would have taken counts as silence.
    fn fill(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.heard);
        if gap < SILENT_AFTER {
            return;
        }
        let missing = gap.as_millis() / LEVEL_DURATION.as_millis();
        let missing = usize::try_from(missing).unwrap_or(IMMEDIATE_COUNT).min(IMMEDIATE_COUNT);
        (0..missing).for_each(|_| self.push(0));
        self.heard = now;
    }

    fn scores(&self) -> [f64; 3] {
        let immediate: [u8; IMMEDIATE_COUNT] = std::array::from_fn(|i| self.immediate[i]);
        let medium: [u8; LONG_STEPS] = std::array::from_fn(|i| {
            active(&immediate[i * MEDIUM_STEPS..(i + 1) * MEDIUM_STEPS], IMMEDIATE_ACTIVE)
        });
        let long = active(&medium, MEDIUM_ACTIVE);
        [
            score(u32::from(immediate[0]), IMMEDIATE_STEPS, DECAYS[0]),
            score(u32::from(medium[0]), MEDIUM_STEPS as u32, DECAYS[1]),
            score(u32::from(long), LONG_STEPS as u32, DECAYS[2]),
        ]
    }
}

/// How many of `values` exceed the threshold.
fn active(values: &[u8], threshold: u8) -> u8 {
    values.iter().filter(|v| **v > threshold).count() as u8
}

/// The likelihood ratio of speech, where each of `of` parts is active as often as not, to noise, whose activity
/// decays exponentially.
fn score(active: u32, of: u32, decay: f64) -> f64 {
    let activity = f64::from(active);
    let speech = log_binomial(of, active) - f64::from(of) * std::f64::consts::LN_2;
    let noise = decay.ln() - decay * activity;
    (speech - noise).max(SCORE_MIN)
}

/// The logarithm of "`n` choose `k`".
fn log_binomial(n: u32, k: u32) -> f64 {
    (1..=k.min(n)).map(|i| (f64::from(n - i + 1) / f64::from(i)).ln()).sum()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

    use super::*;

    /// Plays `talk` for so many milliseconds: the level of each participant, `None` sends nothing.
    fn play(speakers: &mut Speakers<u8>, clock: &mut Instant, ms: u64, talk: &[(u8, Option<u8>)]) -> Vec<u8> {
        let mut changes = vec![];
        for _ in 0..ms / 20 {
            *clock += Duration::from_millis(20);
            for (participant, level) in talk {
                if let Some(level) = level {
                    speakers.level(*clock, *participant, *level);
                }
            }
            if speakers.decide(*clock) {
                changes.extend(speakers.dominant());
            }
        }
        changes
    }

    #[test]
    fn the_one_who_talks_takes_over_within_a_second_and_keeps_it() {
        let (mut speakers, mut clock) = (Speakers::default(), Instant::now());
        assert_eq!(play(&mut speakers, &mut clock, 2000, &[(1, Some(127)), (2, Some(120))]), [0_u8; 0]);
        assert_eq!(play(&mut speakers, &mut clock, 1000, &[(1, Some(30)), (2, Some(120))]), [1]);
        assert_eq!(play(&mut speakers, &mut clock, 3000, &[(1, Some(127)), (2, Some(127))]), [0_u8; 0]);
        assert_eq!(play(&mut speakers, &mut clock, 1500, &[(1, Some(127)), (2, Some(25))]), [2]);
        assert_eq!(speakers.recent(), [1]);
    }

    #[test]
    fn a_cough_changes_nothing() {
        let (mut speakers, mut clock) = (Speakers::default(), Instant::now());
        play(&mut speakers, &mut clock, 2000, &[(1, Some(30)), (2, Some(127))]);
        assert_eq!(play(&mut speakers, &mut clock, 80, &[(1, Some(30)), (2, Some(5))]), [0_u8; 0]);
        assert_eq!(play(&mut speakers, &mut clock, 2000, &[(1, Some(30)), (2, Some(127))]), [0_u8; 0]);
        assert_eq!(speakers.dominant(), Some(1));
    }

    #[test]
    fn two_at_once_do_not_flap() {
        let (mut speakers, mut clock) = (Speakers::default(), Instant::now());
        let changes = play(&mut speakers, &mut clock, 20_000, &[(1, Some(30)), (2, Some(31))]);
        assert!(changes.len() <= 2, "{changes:?}");
    }

    #[test]
    fn one_who_stops_sending_falls_silent() {
        let (mut speakers, mut clock) = (Speakers::default(), Instant::now());
        play(&mut speakers, &mut clock, 2000, &[(1, Some(30)), (2, None)]);
        assert_eq!(play(&mut speakers, &mut clock, 3000, &[(1, None), (2, Some(40))]), [2]);
    }

    #[test]
    fn who_leaves_is_forgotten() {
        let (mut speakers, mut clock) = (Speakers::default(), Instant::now());
        play(&mut speakers, &mut clock, 2000, &[(1, Some(30))]);
        play(&mut speakers, &mut clock, 3000, &[(1, Some(127)), (2, Some(30))]);
        speakers.remove(1);
        assert_eq!(speakers.order().collect::<Vec<_>>(), [2]);
        speakers.remove(2);
        assert_eq!(speakers.dominant(), None);
        assert_eq!(play(&mut speakers, &mut clock, 2000, &[(3, Some(30))]), [3]);
    }

    #[test]
    fn scores_rise_with_activity() {
        assert!(score(0, 13, DECAYS[0]) < score(8, 13, DECAYS[0]));
        assert!(score(1, 5, DECAYS[1]) < score(5, 5, DECAYS[1]));
        assert!((log_binomial(13, 5) - 1287_f64.ln()).abs() < 1e-9);
    }
}
