//! `<sources/>` with its named sources, to and from XML.

use xmpp::jingle::rtp::Kind;
use xmpp::jingle::source::{Source, read_children};
use xmpp::jingle::xml::Read;
use xmpp::jingle::{Malformed, Problem};
use xmpp::{Element, elem};

use crate::limits::{MEDIA_SOURCES_MAX, SSRCS_MAX};
use crate::request::read_all;
use crate::{MediaSource, NS};

/// Reads `<sources/>`.
pub(crate) fn read_sources(element: &Element) -> Result<Vec<MediaSource>, Malformed> {
    read_all(element, "media-source", MEDIA_SOURCES_MAX, MediaSource::from_element)
}

/// Writes `<sources/>`; without any source it means that there are none.
pub(crate) fn sources_element(sources: &[MediaSource]) -> Element {
    elem("sources", NS).children(sources.iter().map(MediaSource::to_element)).build()
}

impl MediaSource {
    /// Reads `<media-source/>`. The video type is that of the first `<source/>` that tells one; an unknown one
    /// is passed over.
    fn from_element(element: &Element) -> Result<Self, Malformed> {
        let kind = Kind::from_word(&element.need("type")?)
            .ok_or_else(|| Malformed::new(element, Problem::Invalid("type")))?;
        let (sources, groups) = read_children(element)?;
        if sources.len() > SSRCS_MAX {
            return Err(Malformed::new(element, Problem::TooMany("source")));
        }
        Ok(Self {
            kind,
            id: element.need("id")?,
            video_type: sources.iter().find_map(|source| source.video_type),
            ssrcs: sources.iter().map(|source| source.ssrc).collect(),
            groups,
        })
    }

    fn to_element(&self) -> Element {
        let sources = self.ssrcs.iter().map(|ssrc| {
            let name = Some(self.id.clone());
            Source { ssrc: *ssrc, name, msid: None, video_type: self.video_type }.to_element()
        });
        elem("media-source", NS)
            .attr("type", self.kind.as_str())
            .attr("id", &self.id)
            .children(sources)
            .children(self.groups.iter().map(|group| group.to_element()))
            .build()
    }
}
