//! The sources of one participant, as state; towards clients as JSON, towards the bridge as named sources.

use colibri::MediaSource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use xmpp::jingle::rtp::Kind;
use xmpp::jingle::source::{MediaSources, Semantics, SsrcGroup, VideoType};

/// Sources and groups in the order in which they were signalled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SourceSet {
    pub(super) sources: Vec<Source>,
    pub(super) groups: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) media: Media,
    pub(super) ssrc: u32,
    pub(super) name: String,
    pub(super) msid: Option<String>,
    /// a word of [`VideoType`]
    pub(super) video_type: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) media: Media,
    pub(super) semantics: GroupKind,
    pub(super) ssrcs: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Media {
    Audio,
    Video,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum GroupKind {
    Fid,
    Sim,
    FecFr,
}

impl SourceSet {
    pub(super) fn has(&self, ssrc: u32) -> bool {
        self.sources.iter().any(|source| source.ssrc == ssrc)
    }

    /// What a client signalled; a source without a name gets the first name of its media.
    pub(super) fn from_signalled(nick: &str, signalled: &[MediaSources]) -> Self {
        let mut set = Self::default();
        for MediaSources { kind, sources, groups } in signalled {
            let (media, letter) = match kind {
                Kind::Audio => (Media::Audio, 'a'),
                Kind::Video => (Media::Video, 'v'),
            };
            set.sources.extend(sources.iter().map(|source| Source {
                media,
                ssrc: source.ssrc,
                name: source.name.clone().unwrap_or_else(|| format!("{nick}-{letter}0")),
                msid: source.msid.clone(),
                video_type: source.video_type.map(|kind| kind.as_str().to_owned()),
            }));
            for SsrcGroup { semantics, ssrcs } in groups {
                let group = Group { media, semantics: GroupKind::from(*semantics), ssrcs: ssrcs.clone() };
                if !set.groups.contains(&group) {
                    set.groups.push(group);
                }
            }
        }
        set
    }

    /// The feedback sources of a bridge, named and labelled as clients expect them.
    pub(super) fn from_bridge(sources: &[MediaSource]) -> Self {
        let feedback = sources.iter().filter_map(|source| {
            let (media, msid) = match source.kind {
                Kind::Audio => (Media::Audio, "mixedmslabel mixedlabelaudio0"),
                Kind::Video => (Media::Video, "mixedmslabel mixedlabelvideo0"),
            };
            Some(Source {
                media,
                ssrc: *source.ssrcs.first()?,
                name: source.id.clone(),
                msid: Some(msid.to_owned()),
                video_type: None,
            })
        });
        Self { sources: feedback.collect(), groups: Vec::new() }
    }

    /// Without these SSRCs and without the groups that hold one of them.
    pub(super) fn without(&self, ssrcs: &[u32]) -> Self {
        Self {
            sources: self.sources.iter().filter(|source| !ssrcs.contains(&source.ssrc)).cloned().collect(),
            groups: self
                .groups
                .iter()
                .filter(|group| !group.ssrcs.iter().any(|ssrc| ssrcs.contains(ssrc)))
                .cloned()
                .collect(),
        }
    }

    /// What a receiver is told: of simulcast only the first encoding, with its repair stream; without RTX
    /// no repair streams at all.
    pub(super) fn for_receiver(&self, rtx: bool) -> Self {
        let mut hidden: Vec<u32> = Vec::new();
        for group in self.groups.iter().filter(|group| group.semantics == GroupKind::Sim) {
            hidden.extend(group.ssrcs.iter().skip(1));
        }
        for group in self.groups.iter().filter(|group| group.semantics == GroupKind::Fid) {
            let primary_hidden = group.ssrcs.first().is_some_and(|primary| hidden.contains(primary));
            if primary_hidden || !rtx {
                hidden.extend(group.ssrcs.iter().skip(1));
            }
        }
        let kept = |ssrc: &u32| !hidden.contains(ssrc);
        Self {
            sources: self.sources.iter().filter(|source| kept(&source.ssrc)).cloned().collect(),
            groups: self
                .groups
                .iter()
                .filter(|group| group.semantics != GroupKind::Sim && group.ssrcs.iter().all(kept))
                .cloned()
                .collect(),
        }
    }

    /// What is here and not, or not the same, in `other`.
    pub(super) fn minus(&self, other: &Self) -> Self {
        Self {
            sources: self.sources.iter().filter(|source| !other.sources.contains(source)).cloned().collect(),
            groups: self.groups.iter().filter(|group| !other.groups.contains(group)).cloned().collect(),
        }
    }

    /// The full set for the bridge, by source name.
    pub(super) fn to_colibri(&self) -> Vec<MediaSource> {
        let mut named: Vec<MediaSource> = Vec::new();
        for source in &self.sources {
            let kind = source.media.kind();
            let at = named.iter().position(|known| known.id == source.name && known.kind == kind);
            let at = at.unwrap_or_else(|| {
                let video_type = source.video_type.as_deref().and_then(VideoType::from_word);
                let id = source.name.clone();
                named.push(MediaSource { kind, id, video_type, ssrcs: Vec::new(), groups: Vec::new() });
                named.len() - 1
            });
            named[at].ssrcs.push(source.ssrc);
        }
        for group in &self.groups {
            let owner =
                named.iter_mut().find(|known| group.ssrcs.first().is_some_and(|s| known.ssrcs.contains(s)));
            if let Some(owner) = owner {
                owner
                    .groups
                    .push(SsrcGroup { semantics: group.semantics.into(), ssrcs: group.ssrcs.clone() });
            }
        }
        named
    }

    /// lib-jitsi-meet's compact form: video sources, video groups, audio sources, audio groups; trailing empty
    /// lists are left out.
    pub(super) fn to_json(&self) -> Value {
        let mut lists = Vec::new();
        for media in [Media::Video, Media::Audio] {
            let sources = self.sources.iter().filter(|source| source.media == media).map(Source::to_json);
            lists.push(Value::Array(sources.collect()));
            let groups = self.groups.iter().filter(|group| group.media == media).filter_map(Group::to_json);
            lists.push(Value::Array(groups.collect()));
        }
        while lists.last().is_some_and(|list| list == &json!([])) {
            lists.pop();
        }
        Value::Array(lists)
    }
}

impl Source {
    fn to_json(&self) -> Value {
        let mut object = json!({"s": self.ssrc, "n": self.name});
        if let Some(msid) = &self.msid {
            object["m"] = json!(msid);
        }
        if self.video_type.as_deref().is_some_and(|kind| kind.starts_with("desktop")) {
            object["v"] = json!("d");
        }
        object
    }
}

impl Group {
    /// The compact form has no word for FEC.
    fn to_json(&self) -> Option<Value> {
        let word = match self.semantics {
            GroupKind::Fid => "f",
            GroupKind::Sim => "s",
            GroupKind::FecFr => return None,
        };
        let members = self.ssrcs.iter().map(|ssrc| json!(ssrc));
        Some(Value::Array([json!(word)].into_iter().chain(members).collect()))
    }
}

impl Media {
    fn kind(self) -> Kind {
        match self {
            Self::Audio => Kind::Audio,
            Self::Video => Kind::Video,
        }
    }
}

impl From<Semantics> for GroupKind {
    fn from(semantics: Semantics) -> Self {
        match semantics {
            Semantics::Fid => Self::Fid,
            Semantics::Sim => Self::Sim,
            Semantics::FecFr => Self::FecFr,
        }
    }
}

impl From<GroupKind> for Semantics {
    fn from(kind: GroupKind) -> Self {
        match kind {
            GroupKind::Fid => Self::Fid,
            GroupKind::Sim => Self::Sim,
            GroupKind::FecFr => Self::FecFr,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A source of the test: `v1` is video with SSRC 1, `a2` audio with SSRC 2; the msid follows the name.
    pub(crate) fn source(word: &str, name: &str) -> Source {
        let media = if word.starts_with('a') { Media::Audio } else { Media::Video };
        let ssrc = word[1..].parse().expect("an SSRC");
        Source { media, ssrc, name: name.to_owned(), msid: Some(format!("ms {name}")), video_type: None }
    }

    pub(crate) fn group(semantics: GroupKind, ssrcs: &[u32]) -> Group {
        Group { media: Media::Video, semantics, ssrcs: ssrcs.to_vec() }
    }

    /// Three encodings with their repair streams, and a microphone.
    pub(crate) fn simulcast() -> SourceSet {
        let mut sources: Vec<Source> =
            ["v1", "v2", "v3", "v11", "v12", "v13"].iter().map(|word| source(word, "x-v0")).collect();
        sources.push(source("a9", "x-a0"));
        let groups = vec![
            group(GroupKind::Sim, &[1, 2, 3]),
            group(GroupKind::Fid, &[1, 11]),
            group(GroupKind::Fid, &[2, 12]),
            group(GroupKind::Fid, &[3, 13]),
        ];
        SourceSet { sources, groups }
    }

    fn ssrcs(set: &SourceSet) -> Vec<u32> {
        set.sources.iter().map(|source| source.ssrc).collect()
    }

    #[test]
    fn receivers_are_told_the_first_encoding_only() {
        let told = simulcast().for_receiver(true);
        assert_eq!(ssrcs(&told), [1, 11, 9]);
        assert_eq!(told.groups, [group(GroupKind::Fid, &[1, 11])]);
        let without_rtx = simulcast().for_receiver(false);
        assert_eq!(ssrcs(&without_rtx), [1, 9]);
        assert_eq!(without_rtx.groups, []);
    }

    #[test]
    fn json_is_compact() {
        let mut set = simulcast().for_receiver(true);
        set.sources[0].video_type = Some("desktop".to_owned());
        assert_eq!(
            set.to_json(),
            json!([
                [{"s":1,"n":"x-v0","m":"ms x-v0","v":"d"},{"s":11,"n":"x-v0","m":"ms x-v0"}],
                [["f",1,11]],
                [{"s":9,"n":"x-a0","m":"ms x-a0"}]
            ])
        );
        assert_eq!(SourceSet::default().to_json(), json!([]));
    }

    #[test]
    fn the_bridge_gets_everything_by_name() {
        let named = simulcast().to_colibri();
        assert_eq!(
            (named[0].id.as_str(), named[0].ssrcs.as_slice()),
            ("x-v0", [1, 2, 3, 11, 12, 13].as_slice())
        );
        assert_eq!(named[0].groups.len(), 4);
        assert_eq!((named[1].id.as_str(), named[1].ssrcs.as_slice()), ("x-a0", [9].as_slice()));
    }

    #[test]
    fn a_removed_ssrc_takes_its_groups_along() {
        let left = simulcast().without(&[3, 13]);
        assert_eq!(ssrcs(&left), [1, 2, 11, 12, 9]);
        assert_eq!(left.groups, [group(GroupKind::Fid, &[1, 11]), group(GroupKind::Fid, &[2, 12])]);
    }
}
