//! What browsers saw, counted as it comes, and its figures.

use std::collections::BTreeMap;
use std::time::Duration;

use participant::Time;
use serde_json::{Value, json};

use super::fault::Fault;
use super::reading::{Counters, Reading, Watched};
use crate::figures::Figures;
use crate::histogram::Histogram;
use crate::tally::Tally;

/// The reason by which reloads of browsers are counted.
const RELOADED: &str = "a browser loaded its page anew";

/// One of the browsers of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Viewer {
    pub room: String,
    /// from its first page load to its room, and to the first picture of somebody else
    pub join: Option<Duration>,
    pub first_frame: Option<Duration>,
    /// that it saw pictures of
    pub streams: u64,
    /// that it decoded
    pub frames: u64,
    /// of one stream, in the mean
    pub fps: f64,
    pub freezes: u64,
    /// share of the time
    pub frozen: f64,
    /// share of the packets
    pub loss: f64,
    /// the greatest of any stream, in seconds
    pub jitter_max: f64,
    pub reloads: u64,
    /// what became of it, unless all is well
    pub fault: Option<String>,
}

/// What all of them see at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sight {
    /// in their rooms
    pub present: u64,
    /// streams that have new pictures
    pub streams: f64,
    /// pictures a second, of all streams together
    pub frames_ps: f64,
    /// so far; in a sample: of its interval
    pub freezes: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    browsers: BTreeMap<u32, Browser>,
    /// from each page load
    join: Histogram,
    first_frame: Histogram,
    failed: u64,
    /// freezes that samples have told
    told: u64,
}

#[derive(Clone, Debug, Default)]
struct Browser {
    watched: Watched,
    viewer: Viewer,
    is_in: bool,
    /// it was in its room when the time of the run was over
    stayed: bool,
}

impl Tally {
    /// A page is opened.
    pub(super) fn browser_opens(&mut self, number: u32, room: &str) {
        self.progress.attendances += 1;
        self.browsers.browsers.entry(number).or_default().viewer.room = room.to_owned();
    }

    pub(super) fn browser_reads(&mut self, number: u32, reading: Reading) {
        let outcome = &mut self.browsers;
        let Some(browser) = outcome.browsers.get_mut(&number) else { return };
        let news = browser.watched.read(reading);
        if let Some(after) = news.joined {
            outcome.join.add(after);
            browser.viewer.join.get_or_insert(after);
            self.progress.joined += 1;
            self.progress.present += u64::from(!browser.is_in);
            browser.is_in = true;
        }
        if let Some(after) = news.first_frame {
            outcome.first_frame.add(after);
            browser.viewer.first_frame.get_or_insert(after);
        }
    }

    /// Its page loaded anew, and is not in its room until it says so.
    pub(super) fn browser_reloads(&mut self, at: Time, number: u32) {
        self.leaves_room(number);
        let Some(browser) = self.browsers.browsers.get_mut(&number) else { return };
        browser.viewer.reloads += 1;
        let room = browser.viewer.room.clone();
        self.progress.attendances += 1;
        self.reload(at, &room, RELOADED.to_owned(), None);
    }

    pub(super) fn browser_fails(&mut self, at: Time, number: u32, fault: &Fault) {
        self.leaves_room(number);
        self.browsers.failed += 1;
        let browser = self.browsers.browsers.entry(number).or_default();
        browser.viewer.fault = Some(fault.to_string());
        let room = browser.viewer.room.clone();
        self.fail(at, &room, fault.to_string(), fault.advice());
    }

    /// The time of the run is over.
    pub(super) fn browser_stays(&mut self, number: u32) {
        if let Some(browser) = self.browsers.browsers.get_mut(&number) {
            browser.stayed = browser.is_in;
        }
    }

    pub(super) fn browser_goes(&mut self, number: u32) {
        self.leaves_room(number);
    }

    fn leaves_room(&mut self, number: u32) {
        let Some(browser) = self.browsers.browsers.get_mut(&number) else { return };
        browser.watched.stop();
        if std::mem::take(&mut browser.is_in) {
            self.progress.present = self.progress.present.saturating_sub(1);
        }
    }
}

impl Outcome {
    /// `None`: there are no browsers.
    pub(crate) fn sight(&self) -> Option<Sight> {
        let all = || self.browsers.values();
        (!self.browsers.is_empty()).then(|| Sight {
            present: self.present(),
            streams: all().map(|browser| browser.watched.decoding).sum(),
            frames_ps: all().map(|browser| browser.watched.frames_ps).sum(),
            freezes: self.counters().freezes as u64,
        })
    }

    /// The same, with the freezes since the last time.
    pub(crate) fn sample(&mut self) -> Option<Sight> {
        let sight = self.sight()?;
        let before = std::mem::replace(&mut self.told, sight.freezes);
        Some(Sight { freezes: sight.freezes.saturating_sub(before), ..sight })
    }

    /// In their rooms now.
    pub(crate) fn present(&self) -> u64 {
        self.browsers.values().filter(|browser| browser.is_in).count() as u64
    }

    pub(crate) fn times(&self) -> [(&'static str, Histogram); 2] {
        [("browsers.first_frame", self.first_frame.clone()), ("browsers.join", self.join.clone())]
    }

    pub(crate) fn count(&self, figures: &mut Figures) {
        let with = |what: fn(&Browser) -> bool| {
            self.browsers.values().filter(|browser| what(browser)).count() as u64
        };
        let counters = self.counters();
        let blind = with(|browser| browser.viewer.join.is_some() && browser.viewer.first_frame.is_none());
        let all = [
            ("browsers.blind", blind),
            ("browsers.failed", self.failed),
            ("browsers.frames", counters.frames as u64),
            ("browsers.freezes", counters.freezes as u64),
            ("browsers.present", with(|browser| browser.stayed)),
            ("browsers.reloads", self.browsers.values().map(|browser| browser.viewer.reloads).sum()),
            ("browsers.streams", counters.streams as u64),
        ];
        all.into_iter().for_each(|(name, count)| figures.count(name, count));
        figures.amount("browsers.fps", counters.fps());
        figures.amount("browsers.frozen", counters.frozen_share());
        figures.amount("browsers.lost", counters.loss());
    }

    /// One by one, in the order of their numbers.
    pub(crate) fn viewers(&self) -> Vec<Viewer> {
        self.browsers.values().map(Browser::viewer).collect()
    }

    fn counters(&self) -> Counters {
        self.browsers.values().fold(Counters::default(), |all, one| all.plus(one.watched.counters()))
    }
}

impl Browser {
    fn viewer(&self) -> Viewer {
        let counters = self.watched.counters();
        Viewer {
            streams: counters.streams as u64,
            frames: counters.frames as u64,
            fps: counters.fps(),
            freezes: counters.freezes as u64,
            frozen: counters.frozen_share(),
            loss: counters.loss(),
            jitter_max: self.watched.jitter_max,
            ..self.viewer.clone()
        }
    }
}

impl Viewer {
    pub(crate) fn to_json(&self) -> Value {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        json!({
            "room": self.room,
            "join": seconds(self.join),
            "first_frame": seconds(self.first_frame),
            "streams": self.streams,
            "frames": self.frames,
            "fps": self.fps,
            "freezes": self.freezes,
            "frozen": self.frozen,
            "lost": self.loss,
            "jitter_max": self.jitter_max,
            "reloads": self.reloads,
            "fault": self.fault,
        })
    }
}

impl Sight {
    /// Two intervals of the same length as one.
    pub(crate) fn and(self, next: Self) -> Self {
        Self {
            present: next.present,
            streams: f64::midpoint(self.streams, next.streams),
            frames_ps: f64::midpoint(self.frames_ps, next.frames_ps),
            freezes: self.freezes + next.freezes,
        }
    }

    pub(crate) fn to_json(self) -> Value {
        let Self { present, streams, frames_ps, freezes } = self;
        json!({ "present": present, "streams": streams, "frames_ps": frames_ps, "freezes": freezes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(document: u64, at: u64, first: Option<u64>) -> Reading {
        let frames = if first.is_some() { at / 40 } else { 0 };
        let value = json!({
            "document": document, "at": at, "joined": 700, "first": first, "decoding": 1, "streams": 1,
            "frames": frames, "freezes": 2, "frozen": 0.1, "seconds": 2, "lost": 5, "received": 95,
        });
        Reading::parse(value).unwrap()
    }

    fn figures(tally: &Tally) -> Figures {
        let mut figures = Figures::default();
        tally.browsers.count(&mut figures);
        figures
    }

    fn check(tally: &Tally, expected: &[(&str, f64)]) {
        let figures = figures(tally);
        for (name, value) in expected {
            assert_eq!(figures.named(&format!("browsers.{name}")), Some(*value), "{name}");
        }
    }

    #[test]
    fn the_names_are_there_without_any() {
        let tally = Tally::default();
        assert_eq!(figures(&tally).names().count(), 10);
        check(&tally, &[("frames", 0.0), ("fps", 0.0), ("frozen", 0.0)]);
        assert_eq!((tally.browsers.sight(), tally.browsers.viewers()), (None, Vec::new()));
    }

    #[test]
    fn what_they_see_is_added_up() {
        let mut tally = Tally::default();
        for number in 0..2 {
            tally.browser_opens(number, "r");
            tally.browser_reads(number, reading(1, 1_000, None));
        }
        assert_eq!((tally.progress.present, tally.progress.joined, tally.progress.attendances), (2, 2, 2));
        tally.browser_reads(0, reading(1, 2_000, Some(1_200)));
        let sight = Sight { present: 2, streams: 2.0, frames_ps: 50.0, freezes: 4 };
        assert_eq!(tally.browsers.sample(), Some(sight));
        assert_eq!(tally.browsers.sample(), Some(Sight { freezes: 0, ..sight }));
        (0..2).for_each(|number| tally.browser_stays(number));
        (0..2).for_each(|number| tally.browser_goes(number));
        assert_eq!((tally.progress.present, tally.browsers.present()), (0, 0));
        check(&tally, &[("present", 2.0), ("blind", 1.0), ("frames", 50.0), ("fps", 12.5), ("frozen", 0.05)]);
        check(
            &tally,
            &[("lost", 0.05), ("freezes", 4.0), ("streams", 2.0), ("failed", 0.0), ("reloads", 0.0)],
        );
    }

    #[test]
    fn a_reload_is_counted_and_nothing_is_forgotten() {
        let mut tally = Tally::default();
        tally.browser_opens(0, "r");
        tally.browser_reads(0, reading(1, 2_000, Some(1_000)));
        tally.browser_reloads(Time::from_secs(9), 0);
        assert_eq!((tally.progress.present, tally.progress.reloaded()), (0, 1));
        assert_eq!(tally.progress.first.as_ref().map(|first| first.reason.as_str()), Some(RELOADED));
        tally.browser_reads(0, reading(2, 4_000, Some(3_000)));
        assert_eq!((tally.progress.present, tally.progress.joined, tally.progress.attendances), (1, 2, 2));
        check(&tally, &[("reloads", 1.0), ("frames", 150.0), ("blind", 0.0)]);
        assert_eq!(tally.browsers.times().map(|(_, times)| times.count()), [2, 2]);
        assert_eq!(tally.browsers.viewers()[0].first_frame, Some(Duration::from_secs(1)));
    }

    #[test]
    fn one_that_fails_is_a_failure_with_its_cause() {
        let mut tally = Tally::default();
        tally.browser_opens(0, "r");
        tally.browser_reads(0, reading(1, 1_000, None));
        tally.browser_fails(Time::from_secs(5), 0, &Fault::Crashed);
        let reason = Fault::Crashed.to_string();
        assert_eq!((tally.progress.present, tally.progress.failures.get(&reason)), (0, Some(&1)));
        assert!(tally.progress.advice.contains_key(&reason));
        check(&tally, &[("failed", 1.0), ("present", 0.0)]);
        assert_eq!(tally.browsers.viewers()[0].fault, Some(reason));
    }
}
