//! What came out.

use std::collections::BTreeMap;
use std::time::Duration;

use participant::{Lines, Record, audit};
use serde_json::{Value, json};

use crate::figures::Figures;
use crate::histogram::Histogram;
use crate::roll::Rolls;
use crate::tally::{Progress, Tally};

/// The figures of a run.
#[derive(Clone, Debug)]
pub struct Report {
    pub progress: Progress,
    pub lines: Lines,
    pub elapsed: Duration,
    /// seconds of processor time that the load itself took
    pub cpu: f64,
    /// by name: `join`, `resume`, `delay`, `silence` (nothing heard, longest of each attendance), `gap` (between two
    /// answers to probes, longest of each attendance), `call` (from a roll call to its answers); and those of media
    times: BTreeMap<&'static str, Histogram>,
    figures: Figures,
    rolls: Rolls,
    /// video packets that arrived, by the picture's height
    pub heights: BTreeMap<u16, u64>,
    /// why the first session without a socket had none
    pub no_socket: Option<String>,
}

impl Report {
    pub(crate) fn new(tally: &Tally, elapsed: Duration, cpu: f64) -> Self {
        let longest = |length: fn(&Record) -> Duration| {
            let mut times = Histogram::default();
            let joined = tally.records.iter().filter(|record| record.joined.is_some());
            joined.for_each(|record| times.add(length(record)));
            times
        };
        let mut times = BTreeMap::from([
            ("join", tally.join.clone()),
            ("resume", tally.resume.clone()),
            ("delay", tally.delay.clone()),
            ("silence", longest(|record| record.silence.length())),
            ("call", tally.rolls.answers()),
            ("gap", longest(|record| record.probes.longest.length())),
        ]);
        times.extend(tally.media.times());
        let (progress, lines) = (tally.progress.clone(), audit(&tally.records));
        let mut figures = Figures::default();
        times.iter().for_each(|(name, times)| figures.times(name, times));
        for (name, count) in counts(&progress, &lines) {
            figures.count(name, count);
        }
        figures.seconds("cpu", cpu);
        tally.media.count(&mut figures);
        let (heights, no_socket) = (tally.media.heights(), tally.media.no_socket.clone());
        let rolls = tally.rolls.clone();
        Self { progress, lines, elapsed, cpu, times, figures, rolls, heights, no_socket }
    }

    /// Of a run without anybody: it has all the names.
    pub(crate) fn empty() -> Self {
        Self::new(&Tally::default(), Duration::ZERO, 0.0)
    }

    /// Times in seconds.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.named(name)
    }

    /// Names, in their order.
    pub fn figures(&self) -> impl Iterator<Item = &str> {
        self.figures.names()
    }

    pub fn times(&self, name: &str) -> Option<&Histogram> {
        self.times.get(name)
    }

    /// Everything, the full distributions included: for each, `[upper end in microseconds, count]` in order.
    pub fn to_json(&self) -> Value {
        let figures: BTreeMap<&str, Option<f64>> =
            self.figures.names().map(|name| (name, self.figures.named(name))).collect();
        let distributions: BTreeMap<&str, Vec<(u64, u64)>> =
            self.times.iter().map(|(name, times)| (*name, times.classes().collect())).collect();
        json!({
            "seconds": self.elapsed.as_secs_f64(),
            "participants": self.progress.total,
            "figures": figures,
            "failures": self.progress.failures,
            "reloads": self.progress.reloads,
            "media_packets_by_height": self.heights,
            "media_without_socket": self.no_socket,
            "distributions_us": distributions,
            "calls": self.rolls.to_json(),
        })
    }
}

fn counts(progress: &Progress, lines: &Lines) -> [(&'static str, u64); 10] {
    [
        ("attendances", progress.attendances),
        ("joined", progress.joined),
        ("failed", progress.failed()),
        ("reloads", progress.reloaded()),
        ("breaks", progress.lost),
        ("resumes", progress.resumed),
        ("chat.said", lines.said),
        ("chat.lost", lines.lost),
        ("chat.doubled", lines.doubled),
        ("chat.late", lines.late),
    ]
}
