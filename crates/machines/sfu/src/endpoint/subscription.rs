//! What a receiver is sent of one source of another endpoint.

use std::sync::Arc;
use std::time::Instant;

use str0m::media::Mid;
use xmpp::jingle::rtp::Kind;

use super::SourceId;
use crate::demux::Slot;
use crate::projection::{AudioProjection, Projection};

#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) owner: Slot,
    pub(crate) ssrc: u32,
    /// as declared: without one nothing is sent again
    pub(crate) rtx: Option<u32>,
    /// its SSRC was one of retransmissions, whose numbers nobody knows: nothing is sent
    pub(crate) barred: bool,
    pub(crate) mid: Mid,
    pub(crate) stream: Stream,
    /// when a key frame was asked for this receiver's sake
    pub(crate) asked: Option<Instant>,
    /// since when nothing of it is wanted, for video
    pub(crate) idle: Option<Instant>,
}

#[derive(Debug)]
pub(crate) enum Stream {
    Audio {
        projection: AudioProjection,
        /// the receiver's audio subscription includes it
        wanted: bool,
    },
    Video(Projection),
}

/// An outgoing stream whose source went away. A receiver's SRTP context outlives it, so if a source with the same
/// SSRC comes back the numbers must go on.
#[derive(Debug)]
pub(crate) struct Retired {
    pub(crate) owner: Slot,
    pub(crate) ssrc: u32,
    /// as declared: without one nothing is sent again
    pub(crate) rtx: Option<u32>,
    /// its SSRC was one of retransmissions, whose numbers nobody knows: nothing is sent
    pub(crate) barred: bool,
    pub(crate) mid: Mid,
    pub(crate) stream: Stream,
}

impl Subscription {
    pub(crate) fn video(&self) -> Option<&Projection> {
        match &self.stream {
            Stream::Video(projection) => Some(projection),
            Stream::Audio { .. } => None,
        }
    }

    pub(crate) fn video_mut(&mut self) -> Option<&mut Projection> {
        match &mut self.stream {
            Stream::Video(projection) => Some(projection),
            Stream::Audio { .. } => None,
        }
    }

    pub(crate) fn retire(mut self) -> Retired {
        match &mut self.stream {
            Stream::Video(projection) => projection.aim(None),
            Stream::Audio { projection, .. } => projection.pause(),
        }
        Retired {
            owner: self.owner,
            ssrc: self.ssrc,
            rtx: self.rtx,
            barred: self.barred,
            mid: self.mid,
            stream: self.stream,
        }
    }
}

impl Stream {
    /// One more than the highest sequence number that went out.
    pub(crate) fn next_seq(&self) -> u64 {
        match self {
            Self::Audio { projection, .. } => projection.next(),
            Self::Video(projection) => projection.next_seq(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Audio { .. } => Kind::Audio,
            Self::Video(_) => Kind::Video,
        }
    }
}

/// The receiver's audio subscription: exclude before include before all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hearing {
    all: bool,
    include: Vec<String>,
    exclude: Vec<String>,
}

impl Default for Hearing {
    fn default() -> Self {
        Self { all: true, include: vec![], exclude: vec![] }
    }
}

impl Hearing {
    pub(crate) fn new(all: bool, include: Vec<String>, exclude: Vec<String>) -> Self {
        Self { all, include, exclude }
    }

    pub(crate) fn wants(&self, source: &str) -> bool {
        let names = |list: &[String]| list.iter().any(|name| name == source);
        !names(&self.exclude) && (self.all || names(&self.include))
    }
}

/// What a receiver must know of a source.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) id: SourceId,
    pub(crate) owner: Slot,
    pub(crate) kind: Kind,
    pub(crate) name: Arc<str>,
    /// of the first encoding: the receiver's stream has it too
    pub(crate) ssrc: u32,
    pub(crate) rtx: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclude_beats_include_beats_all() {
        let names = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert!(Hearing::default().wants("a"));
        let some = Hearing::new(false, names(&["a", "b"]), names(&["b"]));
        assert_eq!(["a", "b", "c"].map(|n| some.wants(n)), [true, false, false]);
        let most = Hearing::new(true, vec![], names(&["b"]));
        assert_eq!(["a", "b"].map(|n| most.wants(n)), [true, false]);
    }
}
