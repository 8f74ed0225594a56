//! What came out.

use std::collections::BTreeMap;
use std::time::Duration;

use participant::{Lines, Record, audit};
use serde_json::{Value, json};

use crate::browsers::Viewer;
use crate::figures::Figures;
use crate::histogram::Histogram;
use crate::roll::Rolls;
use crate::series::Sample;
use crate::tally::{Progress, Tally};
use crate::watch::Server;

/// The distributions that there are, by name, and what people call them.
pub const TIMES: [(&str, &str); 16] = [
    ("join", "join"),
    ("resume", "break to resumed"),
    ("delay", "chat delay"),
    ("call", "answer to a roll call"),
    ("silence", "longest silence"),
    ("gap", "longest gap of probes"),
    ("media.connect", "offer to media"),
    ("media.first_packet", "source to first packet"),
    ("media.audio.delay", "audio delay"),
    ("media.video.delay", "video delay"),
    ("media.audio.gap", "longest gap, audio"),
    ("media.video.gap", "longest gap, video"),
    ("media.interruption", "interruptions"),
    ("media.lag", "lateness of the load"),
    ("browsers.join", "browser: page to room"),
    ("browsers.first_frame", "browser: page to picture"),
];

/// The figures of a run.
#[derive(Clone, Debug)]
pub struct Report {
    pub progress: Progress,
    pub lines: Lines,
    pub elapsed: Duration,
    /// seconds of processor time that the load itself took
    pub cpu: f64,
    pub series: Vec<Sample>,
    /// those that were watched
    pub servers: Vec<Server>,
    /// by name, those of [`TIMES`]; `silence` (nothing heard, longest of each attendance), `gap` (between two
    /// answers to probes, longest of each attendance), `call` (from a roll call to its answers); those of media and
    /// of browsers, of which `join` has none
    times: BTreeMap<&'static str, Histogram>,
    figures: Figures,
    rolls: Rolls,
    /// one by one
    pub browsers: Vec<Viewer>,
    /// as they call themselves; empty: there were none
    pub browser: String,
    /// video packets that arrived, by the picture's height
    pub heights: BTreeMap<u16, u64>,
    /// why the first session without a socket had none
    pub no_socket: Option<String>,
    /// how the first bridge channel over a WebSocket was lost, or could not be had
    pub channel_lost: Option<String>,
}

/// What is known of a run beside what its participants tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) elapsed: Duration,
    /// seconds of processor time of the load itself
    pub(crate) cpu: f64,
    pub(crate) series: Vec<Sample>,
    pub(crate) servers: Vec<Server>,
    pub(crate) browser: String,
}

impl Report {
    pub(crate) fn new(tally: &Tally, account: Account) -> Self {
        let Account { elapsed, cpu, series, servers, browser } = account;
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
        times.extend(tally.browsers.times());
        let (progress, lines) = (tally.progress(), audit(&tally.records));
        let mut figures = Figures::default();
        times.iter().for_each(|(name, times)| figures.times(name, times));
        for (name, count) in counts(&progress, &lines) {
            figures.count(name, count);
        }
        figures.seconds("cpu", cpu);
        tally.media.count(&mut figures);
        tally.browsers.count(&mut figures);
        figures.count("media.websockets", tally.channels[0]);
        figures.count("media.websockets.lost", tally.channels[1]);
        for (name, value) in costs(&servers) {
            figures.amount(name, value);
        }
        let (heights, no_socket) = (tally.media.heights(), tally.media.no_socket.clone());
        let (rolls, browsers) = (tally.rolls.clone(), tally.browsers.viewers());
        let channel_lost = tally.channel_lost.clone();
        Self {
            progress,
            lines,
            elapsed,
            cpu,
            series,
            servers,
            times,
            figures,
            rolls,
            browsers,
            browser,
            heights,
            no_socket,
            channel_lost,
        }
    }

    /// Of a run without anybody: it has all the names.
    pub(crate) fn empty() -> Self {
        Self::new(&Tally::default(), Account::default())
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
            "bridge_channel_lost": self.channel_lost,
            "first_trouble": self.progress.first.as_ref().map(|first| json!({
                "at": first.at.as_secs_f64(),
                "room": first.room,
                "reason": first.reason,
            })),
            "browser": self.browser,
            "browsers": self.browsers.iter().map(Viewer::to_json).collect::<Vec<_>>(),
            "servers": self.servers.iter().map(Server::to_json).collect::<Vec<_>>(),
            "series": self.series.iter().map(Sample::to_json).collect::<Vec<_>>(),
            "distributions_us": distributions,
            "calls": self.rolls.to_json(),
        })
    }
}

/// Of all that were watched, together: seconds of processor time a second, and bytes.
fn costs(servers: &[Server]) -> [(&'static str, f64); 2] {
    let memory: u64 = servers.iter().map(|server| server.memory_max_bytes).sum();
    [
        ("server.cpu", servers.iter().map(Server::cpu_mean).fold(0.0, |all, one| all + one)),
        ("server.memory", memory as f64),
    ]
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
