//! What arrives of everybody's sources, from the first packet to the last, over all sessions.
//!
//! A source is followed by its name: its SSRCs change with every session. Numbers that a layer leaves out are lost,
//! unless a bridge left the layer out on purpose: another encoding took over, with a key frame, or a layer above the
//! lowest was left out for many frames in a row while the lowest flowed, or came back with a key frame.

use std::collections::BTreeMap;

use xmpp::jingle::rtp::Kind;

use super::limits::{
    DELAYS_MAX, HEIGHTS_MAX, INTERRUPTION_MIN, INTERRUPTIONS_MAX, LAYERS_MAX, PATIENCE, SOURCES_MAX,
};
use super::record::{Stream, Traffic};
use super::sequence::{Seen, Sequence};
use super::session::RemoteSource;
use super::stamp::{Layer, Stamp};
use crate::{Gap, Time};

/// So many frames of the lowest layer without one of another: that one is left out.
const LEFT_OUT_FRAMES: u32 = 8;

/// From the making of a packet to its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    pub kind: Kind,
    pub time: Time,
}

#[derive(Debug, Default)]
pub(super) struct Received {
    run: u32,
    sources: BTreeMap<String, Source>,
    /// names by SSRC, of the present session
    names: BTreeMap<u32, String>,
    /// of those that went
    gone: Vec<Stream>,
    delays: Vec<Delay>,
    finished: Option<Time>,
}

#[derive(Debug)]
struct Source {
    stream: Stream,
    last: Option<Time>,
    encoding: u8,
    /// frames of the lowest layer
    frames: u32,
    layers: BTreeMap<Layer, Numbers>,
}

/// Of one layer.
#[derive(Debug)]
struct Numbers {
    sequence: Sequence,
    /// the last packet ended a frame
    ended: bool,
    /// frames of the lowest layer by then
    frames: u32,
}

impl Received {
    pub(super) fn new(run: u32) -> Self {
        Self { run, ..Self::default() }
    }

    /// SSRCs of all videos of the present session.
    pub(super) fn videos(&self) -> Vec<u32> {
        let is_video =
            |name: &String| self.sources.get(name).is_some_and(|source| source.stream.kind == Kind::Video);
        self.names.iter().filter(|(_, name)| is_video(name)).map(|(ssrc, _)| *ssrc).collect()
    }

    /// A session begins. Everybody who is in the room is waited for: the others' sources may come after it.
    pub(super) fn begin(&mut self) {
        self.names.clear();
    }

    /// `false`: there are too many.
    pub(super) fn expect(&mut self, now: Time, source: &RemoteSource) -> bool {
        if self.names.len() >= SOURCES_MAX || self.gone.len() >= SOURCES_MAX * 4 {
            return false;
        }
        self.names.insert(source.ssrc, source.name.clone());
        self.sources.entry(source.name.clone()).or_insert_with(|| Source::new(now, source));
        true
    }

    /// A source whose SSRC is taken away is waited for: a sender that moves to another bridge announces it anew. One of a
    /// stranger, who is not of this run, may be switched off for good.
    pub(super) fn forget(&mut self, now: Time, ssrc: u32) {
        let Some(name) = self.names.remove(&ssrc) else { return };
        let is_foreign = |source: &Source| source.stream.foreign == source.stream.received.packets;
        if self.sources.get(&name).is_some_and(is_foreign) {
            self.close(now, &name);
        }
    }

    /// Everything of an endpoint: it has left the room. Gives its SSRCs.
    pub(super) fn leave(&mut self, now: Time, owner: &str) -> Vec<u32> {
        let of_owner = self.sources.iter().filter(|(_, source)| source.stream.owner == owner);
        let names: Vec<String> = of_owner.map(|(name, _)| name.clone()).collect();
        let ssrcs =
            self.names.iter().filter(|(_, name)| names.contains(name)).map(|(ssrc, _)| *ssrc).collect();
        self.names.retain(|_, name| !names.contains(name));
        names.iter().for_each(|name| self.close(now, name));
        ssrcs
    }

    /// What came of all sources, and the packets that are missing: a few of these may still come.
    pub(super) fn so_far(&self) -> (Traffic, u64) {
        let gone = self.gone.iter().map(|stream| (stream.received, stream.lost));
        let there = self.sources.values().map(|source| {
            let missing = source.layers.values().map(|numbers| numbers.sequence.lost()).sum::<u64>();
            (source.stream.received, source.stream.lost + missing)
        });
        gone.chain(there).fold((Traffic::default(), 0), |all, one| (all.0.and(one.0), all.1 + one.1))
    }

    pub(super) fn packet(&mut self, now: Time, ssrc: u32, payload: &[u8]) {
        let Some(source) = self.names.get(&ssrc).and_then(|name| self.sources.get_mut(name)) else { return };
        if self.finished.is_none() {
            source.hear(now);
        }
        source.stream.received.packets += 1;
        source.stream.received.bytes += payload.len() as u64;
        let Some(stamp) = Stamp::read(payload).filter(|stamp| stamp.run == self.run) else {
            source.stream.foreign += 1;
            return;
        };
        source.take(&stamp);
        if self.delays.len() < DELAYS_MAX {
            let time = now.saturating_sub(stamp.sent);
            self.delays.push(Delay { kind: source.stream.kind, time });
        }
    }

    /// Those since it was last asked.
    pub(super) fn delays(&mut self) -> std::vec::Drain<'_, Delay> {
        self.delays.drain(..)
    }

    /// From here on nobody sends: silence is no gap.
    pub(super) fn finish(&mut self, now: Time) {
        self.finished.get_or_insert(now);
    }

    pub(super) fn streams(&self, now: Time) -> Vec<Stream> {
        let now = self.finished.unwrap_or(now);
        let present = self.sources.values().map(|source| source.ended(Some(now)));
        self.gone.iter().cloned().chain(present).collect()
    }

    fn close(&mut self, now: Time, name: &str) {
        if let Some(source) = self.sources.remove(name) {
            let is_missing = source.is_missing(now);
            self.gone.push(Stream { is_missing, ..source.ended(None) });
        }
    }
}

impl Source {
    fn new(now: Time, source: &RemoteSource) -> Self {
        let stream = Stream {
            name: source.name.clone(),
            owner: source.owner.clone(),
            kind: source.kind,
            announced: now,
            first: None,
            received: Traffic::default(),
            lost: 0,
            late: 0,
            doubled: 0,
            foreign: 0,
            longest: Gap::default(),
            interruptions: Vec::new(),
            heights: BTreeMap::new(),
            key_frames: 0,
            is_missing: false,
        };
        Self { stream, last: None, encoding: 0, frames: 0, layers: BTreeMap::new() }
    }

    fn hear(&mut self, now: Time) {
        self.stream.first.get_or_insert(now);
        let Some(last) = self.last.replace(now) else { return };
        let gap = Gap { from: last, to: now };
        if gap.length() > self.stream.longest.length() {
            self.stream.longest = gap;
        }
        if gap.length() >= INTERRUPTION_MIN && self.stream.interruptions.len() < INTERRUPTIONS_MAX {
            self.stream.interruptions.push(gap);
        }
    }

    fn take(&mut self, stamp: &Stamp) {
        let heights = &mut self.stream.heights;
        if stamp.is_video && (heights.len() < HEIGHTS_MAX || heights.contains_key(&stamp.height)) {
            *heights.entry(stamp.height).or_default() += 1;
        }
        let is_lowest = stamp.layer.spatial == 0 && stamp.layer.temporal == 0;
        self.frames = self.frames.wrapping_add(u32::from(is_lowest && stamp.start));
        self.stream.key_frames += u64::from(stamp.key && stamp.start && stamp.layer.spatial == 0);
        if stamp.key && stamp.layer.encoding != self.encoding {
            self.switch(stamp.layer.encoding);
        }
        match self.number(stamp, is_lowest) {
            Seen::New => {}
            Seen::Late => self.stream.late += 1,
            Seen::Doubled => self.stream.doubled += 1,
            Seen::Old => self.stream.late += 1,
        }
    }

    /// The numbers of the encoding that takes over begin anew.
    fn switch(&mut self, encoding: u8) {
        self.encoding = encoding;
        let (lost, kept) = std::mem::take(&mut self.layers)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(layer, _)| layer.encoding == encoding);
        self.stream.lost += lost.values().map(|numbers| numbers.sequence.lost()).sum::<u64>();
        self.layers = kept;
    }

    fn number(&mut self, stamp: &Stamp, is_lowest: bool) -> Seen {
        if self.layers.len() >= LAYERS_MAX && !self.layers.contains_key(&stamp.layer) {
            return Seen::New;
        }
        let frames = self.frames;
        let numbers = self.layers.entry(stamp.layer).or_insert_with(|| Numbers {
            sequence: Sequence::begin(stamp.sequence),
            ended: true,
            frames,
        });
        let passed = frames.wrapping_sub(numbers.frames);
        let whole = numbers.ended && stamp.start;
        let returns = passed >= LEFT_OUT_FRAMES || (stamp.key && stamp.layer.spatial > 0);
        if !is_lowest && whole && returns && numbers.sequence.leaps(stamp.sequence) {
            numbers.sequence.restart(stamp.sequence);
        }
        (numbers.ended, numbers.frames) = (stamp.end, frames);
        numbers.sequence.take(stamp.sequence)
    }

    /// `until`: it was awaited all the time up to here.
    fn ended(&self, until: Option<Time>) -> Stream {
        let mut stream = self.stream.clone();
        stream.lost += self.layers.values().map(|numbers| numbers.sequence.lost()).sum::<u64>();
        if let (Some(from), Some(to)) = (self.last, until) {
            let open = Gap { from, to };
            if open.length() > stream.longest.length() {
                stream.longest = open;
            }
            stream.interruptions.extend(Some(open).filter(|open| open.length() >= INTERRUPTION_MIN));
        }
        stream.is_missing = until.is_some_and(|until| self.is_missing(until));
        stream
    }

    fn is_missing(&self, now: Time) -> bool {
        self.stream.first.is_none() && now.saturating_sub(self.stream.announced) >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::super::stamp;
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn source(name: &str, ssrc: u32) -> RemoteSource {
        let owner = name.split('-').next().unwrap().to_owned();
        RemoteSource { kind: Kind::Video, name: name.to_owned(), owner, ssrc, rtx: None }
    }

    fn received() -> Received {
        let mut received = Received::new(7);
        received.begin();
        assert!(received.expect(at(0), &source("a-v0", 1)));
        received
    }

    fn stamp(layer: Layer, sequence: u32, key: bool) -> Stamp {
        Stamp {
            run: 7,
            is_video: true,
            start: true,
            end: true,
            height: 180,
            layer,
            sequence,
            key,
            ..Stamp::default()
        }
    }

    fn payload(stamp: &Stamp) -> Vec<u8> {
        let mut payload = vec![0; 10];
        stamp.write(&mut payload);
        assert_eq!(payload.len(), 10 + stamp::BYTES);
        payload
    }

    /// One packet a frame, 33 ms apart, on `a-v0`.
    fn check(packets: &[(Layer, u32, bool)], lost: u64, late: u64, doubled: u64) {
        let mut received = received();
        for (index, (layer, sequence, key)) in packets.iter().enumerate() {
            received.packet(at(33 * index as u64), 1, &payload(&stamp(*layer, *sequence, *key)));
        }
        let stream = &received.streams(at(33 * packets.len() as u64))[0];
        assert_eq!((stream.lost, stream.late, stream.doubled), (lost, late, doubled));
        assert_eq!(stream.received.packets, packets.len() as u64);
    }

    const BASE: Layer = Layer { encoding: 0, spatial: 0, temporal: 0 };
    const UPPER: Layer = Layer { temporal: 1, ..BASE };
    const HIGH: Layer = Layer { encoding: 1, ..BASE };

    #[test]
    fn loss_is_what_a_layer_leaves_out() {
        check(&[(BASE, 0, true), (BASE, 1, false), (BASE, 4, false)], 2, 0, 0);
        check(&[(BASE, 0, true), (BASE, 2, false), (BASE, 1, false), (BASE, 1, false)], 0, 1, 1);
        check(&[(BASE, 0, true), (UPPER, 0, false), (BASE, 1, false), (UPPER, 2, false)], 1, 0, 0);
    }

    #[test]
    fn an_encoding_that_another_took_over_from_is_not_lost() {
        check(&[(BASE, 0, true), (HIGH, 500, true), (HIGH, 501, false), (BASE, 90, true)], 0, 0, 0);
        check(&[(BASE, 0, true), (BASE, 2, false), (HIGH, 500, true), (BASE, 90, true)], 1, 0, 0);
    }

    #[test]
    fn a_layer_that_was_left_out_for_long_is_not_lost_but_the_lowest_is() {
        let mut packets = vec![(BASE, 0, true), (UPPER, 0, false)];
        packets.extend((1..=LEFT_OUT_FRAMES).map(|number| (BASE, number, false)));
        packets.push((UPPER, 40, false));
        check(&packets, 0, 0, 0);
        packets.push((BASE, 60, false));
        check(&packets, u64::from(60 - LEFT_OUT_FRAMES - 1), 0, 0);
    }

    #[test]
    fn a_gap_goes_on_over_sessions_until_the_next_packet_or_the_end() {
        let mut received = received();
        received.packet(at(100), 1, &payload(&stamp(BASE, 0, true)));
        received.forget(at(1_000), 1);
        received.begin();
        assert!(received.expect(at(2_000), &source("a-v0", 2)));
        received.packet(at(2_100), 2, &payload(&stamp(BASE, 5, true)));
        let stream = &received.streams(at(2_200))[0];
        let gap = Gap { from: at(100), to: at(2_100) };
        assert_eq!((stream.longest, &stream.interruptions[..], stream.lost), (gap, &[gap][..], 4));
        received.finish(at(9_000));
        received.packet(at(9_500), 2, &payload(&stamp(BASE, 6, false)));
        assert_eq!(received.streams(at(20_000))[0].longest, Gap { from: at(2_100), to: at(9_000) });
    }

    #[test]
    fn whoever_left_is_not_awaited_any_more() {
        let mut received = received();
        received.packet(at(100), 1, &payload(&stamp(BASE, 0, true)));
        assert_eq!(received.leave(at(200), "a"), [1]);
        received.packet(at(300), 1, &payload(&stamp(BASE, 1, true)));
        assert_eq!(received.streams(at(60_000))[0].longest.length(), at(0));
    }

    #[test]
    fn nothing_for_long_is_missing() {
        assert!(!received().streams(PATIENCE - at(1))[0].is_missing);
        assert!(received().streams(PATIENCE)[0].is_missing);
    }

    #[test]
    fn packets_of_strangers_are_counted_apart() {
        let mut received = received();
        received.packet(at(1), 1, &[0; 100]);
        received.packet(at(2), 1, &payload(&Stamp { run: 8, ..stamp(BASE, 9, false) }));
        received.packet(at(3), 99, &payload(&stamp(BASE, 0, true)));
        let stream = &received.streams(at(4))[0];
        assert_eq!((stream.foreign, stream.received.packets, stream.lost), (2, 2, 0));
        assert_eq!(received.delays().count(), 0);
    }
}
