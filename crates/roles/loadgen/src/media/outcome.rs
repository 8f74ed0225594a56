//! What was measured of media, and its figures.

use std::collections::BTreeMap;
use std::time::Duration;

use participant::Gap;
use participant::media::{Delay, Record, Stream};

use crate::figures::Figures;
use crate::histogram::Histogram;

/// Of one thread, or of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) records: Vec<Record>,
    audio_delay: Histogram,
    video_delay: Histogram,
    /// how late the threads themselves were: more than some milliseconds, and they are what is measured
    lag: Histogram,
    /// datagrams that the kernel did not take
    pub(crate) unsent: u64,
    /// sessions that had no socket
    socketless: u64,
    /// why, of the first one
    pub(crate) no_socket: Option<String>,
}

impl Outcome {
    pub(crate) fn merge(&mut self, other: Self) {
        self.records.extend(other.records);
        self.audio_delay.merge(&other.audio_delay);
        self.video_delay.merge(&other.video_delay);
        self.lag.merge(&other.lag);
        self.unsent += other.unsent;
        self.socketless += other.socketless;
        self.no_socket = self.no_socket.take().or(other.no_socket);
    }

    /// Those of the moment go into `recent`, too.
    pub(super) fn delays(&mut self, delays: impl Iterator<Item = Delay>, recent: &mut Histogram) {
        for delay in delays {
            recent.add(delay.time);
            let times =
                if delay.kind.as_str() == "audio" { &mut self.audio_delay } else { &mut self.video_delay };
            times.add(delay.time);
        }
    }

    pub(super) fn lag(&mut self, lag: Duration) {
        self.lag.add(lag);
    }

    pub(super) fn no_socket(&mut self, error: &std::io::Error) {
        self.socketless += 1;
        self.no_socket.get_or_insert_with(|| error.to_string());
    }

    /// Distributions by name: delays of packets, the longest gap of each stream, its interruptions, the time to its
    /// first packet, and to a connection.
    pub(crate) fn times(&self) -> BTreeMap<&'static str, Histogram> {
        let mut delay = self.audio_delay.clone();
        delay.merge(&self.video_delay);
        let streams = || self.records.iter().flat_map(|record| &record.streams);
        let of_kind = |kind: &'static str| streams().filter(move |stream| stream.kind.as_str() == kind);
        let heard = |stream: &&Stream| stream.first.is_some();
        let longest = |stream: &Stream| stream.longest.length();
        let interruptions = streams().flat_map(|stream| stream.interruptions.iter().map(Gap::length));
        BTreeMap::from([
            ("media.audio.delay", self.audio_delay.clone()),
            ("media.audio.gap", collected(of_kind("audio").filter(heard).map(longest))),
            ("media.connect", collected(self.records.iter().flat_map(|record| record.connects.clone()))),
            ("media.delay", delay),
            ("media.first_packet", collected(streams().filter_map(Stream::wait))),
            ("media.gap", collected(streams().filter(heard).map(longest))),
            ("media.interruption", collected(interruptions)),
            ("media.lag", self.lag.clone()),
            ("media.video.delay", self.video_delay.clone()),
            ("media.video.gap", collected(of_kind("video").filter(heard).map(longest))),
        ])
    }

    /// Counts by name; `media.loss` is a share.
    pub(crate) fn count(&self, figures: &mut Figures) {
        let records = |count: fn(&Record) -> u64| self.records.iter().map(count).sum::<u64>();
        let streams = |count: fn(&Stream) -> u64| {
            self.records.iter().flat_map(|record| &record.streams).map(count).sum::<u64>()
        };
        let (lost, received) = (streams(|stream| stream.lost), streams(|stream| stream.received.packets));
        let all = [
            ("media.doubled", streams(|stream| stream.doubled)),
            ("media.failures", records(|record| record.failures) + self.socketless),
            ("media.foreign", streams(|stream| stream.foreign)),
            ("media.interruptions", streams(|stream| stream.interruptions.len() as u64)),
            ("media.keys.asked", records(|record| record.keys_asked)),
            ("media.keys.sent", records(|record| record.keys_sent)),
            ("media.late", streams(|stream| stream.late)),
            ("media.lost", lost),
            ("media.missing", streams(|stream| u64::from(stream.is_missing))),
            ("media.received", received),
            ("media.sent", records(|record| record.sent.packets)),
            ("media.sessions", records(|record| record.sessions)),
            ("media.streams", streams(|stream| u64::from(stream.first.is_some()))),
            ("media.unsent", self.unsent),
        ];
        all.into_iter().for_each(|(name, count)| figures.count(name, count));
        figures.share("media.loss", lost, lost + received);
    }

    /// Packets of video that arrived, by the height of the picture.
    pub(crate) fn heights(&self) -> BTreeMap<u16, u64> {
        let mut all = BTreeMap::new();
        let streams = self.records.iter().flat_map(|record| &record.streams);
        for (height, packets) in streams.flat_map(|stream| &stream.heights) {
            *all.entry(*height).or_default() += packets;
        }
        all
    }
}

fn collected(times: impl Iterator<Item = Duration>) -> Histogram {
    let mut histogram = Histogram::default();
    times.for_each(|time| histogram.add(time));
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_there_without_anybody() {
        let mut figures = Figures::default();
        Outcome::default().count(&mut figures);
        assert_eq!(figures.named("media.loss"), Some(0.0));
        assert!(Outcome::default().times().values().all(|times| times.count() == 0));
    }

    #[test]
    fn two_threads_are_added_up() {
        let (mut one, mut other) = (Outcome::default(), Outcome::default());
        one.lag(Duration::from_millis(1));
        other.lag(Duration::from_millis(9));
        other.no_socket(&std::io::Error::other("too many"));
        one.merge(other);
        assert_eq!((one.times()["media.lag"].count(), one.no_socket.as_deref()), (2, Some("too many")));
    }
}
