//! What one browser told, over all the documents that its page loaded.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// What `althingStats()` of `watch.js` gives. It comes out of a page, where anybody may have written it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Reading {
    /// tells one document from the next: milliseconds since 1970
    document: f64,
    /// milliseconds since the document began, like the following two
    at: f64,
    /// in the room
    joined: Option<f64>,
    /// picture of somebody else
    first: Option<f64>,
    /// streams that had a new picture since the last reading
    decoding: f64,
    /// the greatest of all streams, seconds
    jitter: f64,
    #[serde(flatten)]
    counters: Counters,
}

/// Of all streams that a browser received: video, unless it says otherwise. As the browser's `RTCInboundRtpStreamStats`
/// have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Counters {
    /// that ever had a picture
    pub(super) streams: f64,
    pub(super) frames: f64,
    pub(super) freezes: f64,
    /// seconds
    pub(super) frozen: f64,
    /// of each stream from its first picture for as long as there is a stream
    pub(super) seconds: f64,
    /// packets, of audio as well
    pub(super) lost: f64,
    pub(super) received: f64,
}

/// One browser.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// of documents that are gone
    before: Counters,
    last: Reading,
    pub(super) jitter_max: f64,
    /// of the last interval: pictures a second of all streams, and of how many streams
    pub(super) frames_ps: f64,
    pub(super) decoding: f64,
}

/// What a reading has for the first time, since its document began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) joined: Option<Duration>,
    pub(super) first_frame: Option<Duration>,
}

impl Reading {
    pub(super) fn parse(value: Value) -> Option<Self> {
        serde_json::from_value(value).ok()
    }

    pub(super) fn is_in(&self) -> bool {
        self.joined.is_some()
    }
}

impl Counters {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            streams: self.streams + other.streams,
            frames: self.frames + other.frames,
            freezes: self.freezes + other.freezes,
            frozen: self.frozen + other.frozen,
            seconds: self.seconds + other.seconds,
            lost: self.lost + other.lost,
            received: self.received + other.received,
        }
    }

    /// Pictures a second of one stream, in the mean.
    pub(super) fn fps(&self) -> f64 {
        part(self.frames, self.seconds)
    }

    /// Share of the time.
    pub(super) fn frozen_share(&self) -> f64 {
        part(self.frozen, self.seconds)
    }

    /// Share of the packets.
    pub(super) fn loss(&self) -> f64 {
        part(self.lost, self.lost + self.received)
    }
}

/// Of nothing: nothing.
fn part(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

impl Watched {
    pub(super) fn read(&mut self, reading: Reading) -> News {
        let mut last = self.last;
        if last.document != reading.document {
            self.before = self.counters();
            last = Reading::default();
        }
        let seconds = (reading.at - last.at) / 1e3;
        self.frames_ps = part(reading.counters.frames - last.counters.frames, seconds).max(0.0);
        self.decoding = reading.decoding;
        self.jitter_max = self.jitter_max.max(reading.jitter);
        self.last = reading;
        let new = |now: Option<f64>, before: Option<f64>| now.filter(|_| before.is_none()).and_then(millis);
        News { joined: new(reading.joined, last.joined), first_frame: new(reading.first, last.first) }
    }

    /// Nothing is seen any more.
    pub(super) fn stop(&mut self) {
        (self.frames_ps, self.decoding) = (0.0, 0.0);
    }

    pub(super) fn counters(&self) -> Counters {
        self.before.plus(self.last.counters)
    }
}

fn millis(ms: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(ms / 1e3).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reading(document: u64, at: u64, frames: u64) -> Reading {
        let value = json!({
            "document": document, "at": at, "joined": 900.5, "first": null, "decoding": 2, "jitter": 0.01,
            "streams": 2, "frames": frames, "freezes": 1, "frozen": 0.5, "seconds": 10, "lost": 1, "received": 99,
        });
        Reading::parse(value).unwrap()
    }

    #[test]
    fn what_is_new_is_told_once_for_each_document() {
        let mut watched = Watched::default();
        let first = watched.read(reading(1, 1_000, 30));
        assert_eq!(first, News { joined: Some(Duration::from_micros(900_500)), first_frame: None });
        assert_eq!((watched.frames_ps, watched.decoding), (30.0, 2.0));
        let seen = Reading { first: Some(1_500.0), ..reading(1, 3_000, 130) };
        assert_eq!(watched.read(seen).first_frame, Some(Duration::from_millis(1_500)));
        assert_eq!(watched.frames_ps, 50.0);
        assert_eq!(watched.read(Reading { at: 4_000.0, ..seen }), News::default());
        assert_eq!(watched.read(reading(2, 500, 5)).joined, Some(Duration::from_micros(900_500)));
    }

    #[test]
    fn what_a_document_counted_outlives_it() {
        let mut watched = Watched::default();
        watched.read(reading(1, 1_000, 30));
        watched.read(reading(1, 2_000, 60));
        watched.read(reading(2, 1_000, 10));
        let counters = watched.counters();
        assert_eq!((counters.frames, counters.streams, counters.freezes), (70.0, 4.0, 2.0));
        assert_eq!((counters.fps(), counters.frozen_share(), counters.loss()), (3.5, 0.05, 0.01));
        assert_eq!(Counters::default().fps(), 0.0);
    }

    #[test]
    fn a_page_may_say_anything() {
        assert_eq!(Reading::parse(json!({})), Some(Reading::default()));
        for value in [json!(null), json!("x"), json!([1]), json!({ "frames": "many" })] {
            assert_eq!(Reading::parse(value.clone()), None, "{value}");
        }
        let absurd = json!({ "document": -1, "at": -5, "joined": -1e300, "first": 1e300, "frames": 1e308 });
        let mut watched = Watched::default();
        assert_eq!(watched.read(Reading::parse(absurd).unwrap()), News::default());
    }
}
