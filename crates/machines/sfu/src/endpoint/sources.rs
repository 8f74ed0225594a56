//! The sources of an endpoint, as colibri2 signals them.

use std::sync::Arc;
use std::time::Instant;

use colibri::MediaSource;
use str0m::media::Mid;
use xmpp::jingle::rtp::Kind;
use xmpp::jingle::source::{Semantics, VideoType};

use super::Origin;
use crate::allocation::{self, Layer};
use crate::announcement::Announcement;
use crate::demux::Slot;
use crate::limits;
use crate::projection::Target;
use crate::svc::{Part, Structure};
use crate::throttle::KeyframeThrottle;

/// A source of a conference. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceId(pub(crate) u32);

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) id: SourceId,
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    /// `false`: announced as muted
    pub(crate) enabled: bool,
    /// low to high, never empty
    pub(crate) encodings: Vec<Encoding>,
    pub(crate) mid: Mid,
    pub(crate) throttle: KeyframeThrottle<Slot>,
    /// what its owner was told of it
    pub(crate) announced: Announcement,
}

/// One simulcast encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) ssrc: u32,
    pub(crate) rtx: Option<u32>,
    /// by spatial layer, never empty: one where the encoding has no such layers
    pub(crate) layers: Vec<SpatialLayer>,
    /// what the last key picture told of its layers
    pub(crate) structure: Option<Structure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpatialLayer {
    pub(crate) layer: Layer,
    pub(crate) heard: Option<Instant>,
}

/// Why a source is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSource {
    #[error("more than {max} sources", max = limits::SOURCES_PER_ENDPOINT_MAX)]
    TooMany,
    #[error("a source without an SSRC")]
    NoSsrc,
    #[error("SSRC 0 is reserved")]
    ZeroSsrc,
    #[error("SSRC {0} is used twice")]
    Duplicate(u32),
    #[error("a source name longer than {max} bytes", max = limits::NAME_BYTES_MAX)]
    LongName,
}

impl Source {
    /// The SSRC that receivers see, and that tells sources apart.
    pub(crate) fn primary(&self) -> &Encoding {
        self.encodings.first().expect("a source has an encoding")
    }

    pub(crate) fn origin(&self, owner: Slot) -> Origin {
        let Encoding { ssrc, rtx, .. } = *self.primary();
        Origin { id: self.id, owner, kind: self.kind, name: self.name.clone(), ssrc, rtx }
    }

    /// Everything that a receiver could be sent, from the lowest on.
    pub(crate) fn layers(&self) -> Vec<(Target, Layer)> {
        let of = |(encoding, e): (usize, &Encoding)| {
            let layers = e.layers.iter().enumerate().map(|(spatial, s)| (spatial as u8, s.layer));
            layers.map(|(spatial, layer)| (Target { encoding, spatial }, layer)).collect::<Vec<_>>()
        };
        self.encodings.iter().enumerate().flat_map(of).collect()
    }

    /// Marks which encodings are alive. `true`: something changed.
    pub(crate) fn refresh(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for spatial in self.encodings.iter_mut().flat_map(|e| &mut e.layers) {
            let heard = |at| now.saturating_duration_since(at) < limits::ENCODING_IDLE;
            let active = spatial.heard.is_some_and(heard);
            changed |= std::mem::replace(&mut spatial.layer.active, active) != active;
        }
        changed
    }
}

impl Encoding {
    /// Whether any of it arrived lately.
    pub(crate) fn is_active(&self) -> bool {
        self.layers.iter().any(|spatial| spatial.layer.active)
    }

    /// Takes what a packet tells: its height, its part of the picture, the layers to come. `true`: what can be
    /// chosen changed.
    pub(crate) fn learn(
        &mut self,
        now: Instant,
        height: Option<u16>,
        part: Option<Part>,
        structure: Option<Structure>,
    ) -> bool {
        let restructured = structure.is_some() && structure != self.structure;
        if let Some(structure) = structure.filter(|_| restructured) {
            self.restructure(structure);
        }
        let index = part.map_or(0, |p| usize::from(p.spatial));
        let Some(spatial) = self.layers.get_mut(index) else { return restructured };
        spatial.heard = Some(now);
        let Some(height) = height.filter(|h| *h > 0) else { return restructured };
        std::mem::replace(&mut spatial.layer.height, height) != height || restructured
    }

    fn restructure(&mut self, structure: Structure) {
        self.layers.resize(structure.heights.len().max(1), self.layers[0]);
        for (index, (spatial, height)) in self.layers.iter_mut().zip(&structure.heights).enumerate() {
            spatial.layer.height = if *height > 0 { *height } else { allocation::assumed_height(index) };
        }
        self.structure = Some(structure);
    }
}

/// Whether a source of this type is to be forwarded.
pub(crate) fn is_enabled(video_type: Option<VideoType>) -> bool {
    video_type != Some(VideoType::None)
}

/// The encodings of a signalled source: the SIM group in its order, each with its FID partner; without a SIM group
/// the first SSRC that repairs no other.
///
/// # Errors
/// See [`BadSource`].
pub(crate) fn encodings(source: &MediaSource) -> Result<Vec<Encoding>, BadSource> {
    if source.id.len() > limits::NAME_BYTES_MAX {
        return Err(BadSource::LongName);
    }
    let fids = || source.groups.iter().filter(|g| g.semantics == Semantics::Fid && g.ssrcs.len() == 2);
    let repairs = |ssrc: u32| fids().any(|g| g.ssrcs[1] == ssrc);
    let simulcast = source.groups.iter().find(|g| g.semantics == Semantics::Sim && !g.ssrcs.is_empty());
    let primaries: Vec<u32> = match simulcast {
        Some(group) => group.ssrcs.iter().copied().take(limits::ENCODINGS_PER_SOURCE_MAX).collect(),
        None => source.ssrcs.iter().copied().find(|ssrc| !repairs(*ssrc)).into_iter().collect(),
    };
    if primaries.is_empty() {
        return Err(BadSource::NoSsrc);
    }
    let encoding = |(index, ssrc): (usize, &u32)| Encoding {
        ssrc: *ssrc,
        rtx: fids().find(|g| g.ssrcs[0] == *ssrc).map(|g| g.ssrcs[1]),
        layers: vec![SpatialLayer {
            layer: Layer { height: allocation::assumed_height(index), active: false },
            heard: None,
        }],
        structure: None,
    };
    let encodings: Vec<_> = primaries.iter().enumerate().map(encoding).collect();
    check_unique(&encodings, &mut vec![])?;
    Ok(encodings)
}

/// Checks that no SSRC occurs twice, adding those of `encodings` to `seen`.
pub(crate) fn check_unique(encodings: &[Encoding], seen: &mut Vec<u32>) -> Result<(), BadSource> {
    for ssrc in encodings.iter().flat_map(ssrcs) {
        if ssrc == 0 {
            return Err(BadSource::ZeroSsrc);
        }
        if seen.contains(&ssrc) {
            return Err(BadSource::Duplicate(ssrc));
        }
        seen.push(ssrc);
    }
    Ok(())
}

/// Whether both have the same SSRCs in the same order, those of retransmissions included.
pub(crate) fn same_ssrcs(a: &[Encoding], b: &[Encoding]) -> bool {
    a.iter().map(|e| (e.ssrc, e.rtx)).eq(b.iter().map(|e| (e.ssrc, e.rtx)))
}

pub(crate) fn ssrcs(encoding: &Encoding) -> impl Iterator<Item = u32> + use<> {
    [Some(encoding.ssrc), encoding.rtx].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmpp::jingle::source::SsrcGroup;

    fn source(ssrcs: &[u32], groups: &[(Semantics, &[u32])]) -> MediaSource {
        let group = |(semantics, ssrcs): &(Semantics, &[u32])| SsrcGroup {
            semantics: *semantics,
            ssrcs: ssrcs.to_vec(),
        };
        MediaSource {
            kind: Kind::Video,
            id: "a-v0".to_owned(),
            video_type: None,
            ssrcs: ssrcs.to_vec(),
            groups: groups.iter().map(group).collect(),
        }
    }

    #[track_caller]
    fn check(
        ssrcs: &[u32],
        groups: &[(Semantics, &[u32])],
        expected: Result<&[(u32, Option<u32>)], BadSource>,
    ) {
        let found = encodings(&source(ssrcs, groups));
        let found = found.map(|e| e.iter().map(|e| (e.ssrc, e.rtx)).collect::<Vec<_>>());
        assert_eq!(found, expected.map(<[_]>::to_vec));
    }

    #[test]
    fn simulcast_and_plain_sources() {
        use Semantics::{Fid, Sim};
        check(
            &[1, 2, 3, 11, 12, 13],
            &[(Sim, &[1, 2, 3]), (Fid, &[1, 11]), (Fid, &[2, 12]), (Fid, &[3, 13])],
            Ok(&[(1, Some(11)), (2, Some(12)), (3, Some(13))]),
        );
        check(&[11, 1], &[(Fid, &[1, 11])], Ok(&[(1, Some(11))]));
        check(&[7], &[], Ok(&[(7, None)]));
        check(&[1, 11], &[(Fid, &[1, 11, 12])], Ok(&[(1, None)]));
    }

    #[test]
    fn bad_ones_are_refused() {
        use Semantics::{Fid, Sim};
        check(&[], &[], Err(BadSource::NoSsrc));
        check(&[0], &[], Err(BadSource::ZeroSsrc));
        check(&[1], &[(Sim, &[1, 1])], Err(BadSource::Duplicate(1)));
        check(&[1, 2], &[(Sim, &[1, 2]), (Fid, &[1, 2])], Err(BadSource::Duplicate(2)));
        check(&[1], &[(Fid, &[1, 1])], Err(BadSource::NoSsrc));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn a_key_picture_tells_the_layers() {
        let now = Instant::now();
        let mut encoding = encodings(&source(&[7], &[])).expect("good").remove(0);
        let structure = Structure::of_heights(vec![90, 0, 360]);
        let part = |spatial| Some(Part { spatial, end: true });
        assert!(encoding.learn(now, None, part(0), Some(structure.clone())));
        assert!(!encoding.learn(now, None, part(0), Some(structure)), "nothing new");
        let heights: Vec<_> = encoding.layers.iter().map(|s| s.layer.height).collect();
        assert_eq!(heights, [90, 360, 360]);
        assert!(!encoding.learn(now, None, part(9), None), "a layer nobody told of");
        assert!(encoding.learn(now, Some(100), part(0), None));
    }

    #[test]
    fn heights_are_assumed_low_to_high() {
        let heights: Vec<_> = encodings(&source(&[], &[(Semantics::Sim, &[1, 2, 3])]))
            .expect("good")
            .iter()
            .map(|e| e.layers[0].layer.height)
            .collect();
        assert_eq!(heights, [180, 360, 720]);
    }
}
