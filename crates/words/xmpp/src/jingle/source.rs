//! Media sources and their groups (XEP-0339 with Jitsi's names, video types and owners).

use super::limits::{GROUP_MEMBERS_MAX, GROUPS_MAX, SOURCES_MAX};
use super::ns;
use super::rtp::{Kind, expect, required};
use super::xml::{Malformed, Problem, Read, push_bounded};
use crate::{Element, elem};

/// One synchronisation source as a client signals it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub ssrc: u32,
    /// source name, `<endpoint>-a0`, `<endpoint>-v0`, ...
    pub name: Option<String>,
    pub msid: Option<String>,
    pub video_type: Option<VideoType>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoType {
    Camera,
    Desktop,
    DesktopHighFps,
    None,
}

/// `<ssrc-group/>`: the members' order is low to high for `Sim`, primary and repair for `Fid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsrcGroup {
    pub semantics: Semantics,
    pub ssrcs: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Semantics {
    Fid,
    Sim,
    FecFr,
}

/// All sources of one media of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSources {
    pub kind: Kind,
    pub sources: Vec<Source>,
    pub groups: Vec<SsrcGroup>,
}

impl Source {
    /// Reads `<source/>`.
    ///
    /// # Errors
    /// Where `ssrc` is missing or not in 0..=2^32-1, or a value is too long.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        expect(element, "source", ns::SSMA)?;
        let mut msid = None;
        for parameter in element.children().filter(|child| child.name() == "parameter") {
            if parameter.attr("name") == Some("msid") {
                msid = parameter.text_of("value")?.filter(|value| !value.is_empty());
            }
        }
        Ok(Self {
            ssrc: required(element, "ssrc")?,
            name: element.text_of("name")?.filter(|name| !name.is_empty()),
            msid,
            video_type: element.attr("videoType").and_then(VideoType::from_word),
        })
    }

    /// Writes `<source/>`.
    pub fn to_element(&self) -> Element {
        let msid = self
            .msid
            .as_deref()
            .map(|msid| elem("parameter", ns::SSMA).attr("name", "msid").attr("value", msid).build());
        elem("source", ns::SSMA)
            .attr("ssrc", self.ssrc.to_string())
            .attr_opt("name", self.name.as_deref())
            .attr_opt("videoType", self.video_type.map(VideoType::as_str))
            .children(msid)
            .build()
    }
}

impl VideoType {
    /// As in the attribute `videoType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Desktop => "desktop",
            Self::DesktopHighFps => "desktop_high_fps",
            Self::None => "none",
        }
    }

    /// In any case; `disabled` is another word for `none`. `None` where the word is unknown.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "camera" => Some(Self::Camera),
            "desktop" => Some(Self::Desktop),
            "desktop_high_fps" => Some(Self::DesktopHighFps),
            "none" | "disabled" => Some(Self::None),
            _ => None,
        }
    }
}

impl SsrcGroup {
    /// Reads `<ssrc-group/>`; `None` where its semantics are not known.
    ///
    /// # Errors
    /// Where `semantics` is missing, or a member has no `ssrc` or there are too many.
    pub fn from_element(element: &Element) -> Result<Option<Self>, Malformed> {
        expect(element, "ssrc-group", ns::SSMA)?;
        let Some(semantics) = Semantics::from_word(&element.need("semantics")?) else { return Ok(None) };
        let mut ssrcs = Vec::new();
        for member in element.children().filter(|child| child.is("source", ns::SSMA)) {
            push_bounded(&mut ssrcs, required(member, "ssrc")?, GROUP_MEMBERS_MAX, element, "source")?;
        }
        Ok(Some(Self { semantics, ssrcs }))
    }

    /// Writes `<ssrc-group/>`.
    pub fn to_element(&self) -> Element {
        let members =
            self.ssrcs.iter().map(|ssrc| elem("source", ns::SSMA).attr("ssrc", ssrc.to_string()).build());
        elem("ssrc-group", ns::SSMA).attr("semantics", self.semantics.as_str()).children(members).build()
    }
}

impl Semantics {
    /// As in the attribute `semantics` (RFC 5576).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fid => "FID",
            Self::Sim => "SIM",
            Self::FecFr => "FEC-FR",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Fid, Self::Sim, Self::FecFr].into_iter().find(|semantics| semantics.as_str() == word)
    }
}

impl MediaSources {
    /// Reads the sources and groups among the children of a Jingle `<description/>`. Groups without members
    /// are passed over.
    ///
    /// # Errors
    /// Where `media` is neither audio nor video, or a source or group does not fit, or there are too many.
    pub fn from_description(description: &Element) -> Result<Self, Malformed> {
        expect(description, "description", ns::RTP)?;
        let kind = Kind::from_word(&description.need("media")?)
            .ok_or_else(|| Malformed::new(description, Problem::Invalid("media")))?;
        let (sources, groups) = read_children(description)?;
        Ok(Self { kind, sources, groups })
    }

    /// Writes them: sources first, then groups.
    pub fn to_children(&self) -> Vec<Element> {
        let sources = self.sources.iter().map(Source::to_element);
        sources.chain(self.groups.iter().map(SsrcGroup::to_element)).collect()
    }
}

/// Sources and groups among the children of any element, in document order.
///
/// # Errors
/// Where one does not fit, or there are too many.
pub fn read_children(parent: &Element) -> Result<(Vec<Source>, Vec<SsrcGroup>), Malformed> {
    let (mut sources, mut groups) = (Vec::new(), Vec::new());
    for child in parent.children() {
        if child.is("source", ns::SSMA) {
            push_bounded(&mut sources, Source::from_element(child)?, SOURCES_MAX, parent, "source")?;
        } else if child.is("ssrc-group", ns::SSMA)
            && let Some(group) = SsrcGroup::from_element(child)?.filter(|group| !group.ssrcs.is_empty())
        {
            push_bounded(&mut groups, group, GROUPS_MAX, parent, "ssrc-group")?;
        }
    }
    Ok((sources, groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(children: &str) -> Element {
        format!("<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'>{children}</description>")
            .parse()
            .expect("XML of the test")
    }

    #[test]
    fn a_camera_with_its_repair_stream() {
        let element = description(
            "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='4294967295' name='a-v0' videoType='camera'>\
             <parameter name='msid' value='s t'/></source>\
             <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='2' name='a-v0'/>\
             <ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'><source ssrc='4294967295'/>\
             <source ssrc='2'/></ssrc-group>",
        );
        let read = MediaSources::from_description(&element).expect("sources");
        assert_eq!(read.sources[0].ssrc, u32::MAX);
        assert_eq!(read.sources[0].msid.as_deref(), Some("s t"));
        assert_eq!(read.sources[0].video_type, Some(VideoType::Camera));
        assert_eq!(read.groups, [SsrcGroup { semantics: Semantics::Fid, ssrcs: vec![u32::MAX, 2] }]);
        let again = elem("description", ns::RTP).attr("media", "video").children(read.to_children()).build();
        assert_eq!(MediaSources::from_description(&again), Ok(read));
    }

    #[test]
    fn ssrcs_out_of_range_are_refused() {
        for ssrc in ["4294967296", "-1", "", "1e3", "99999999999999999999999"] {
            let xml = format!("<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='{ssrc}'/>");
            assert!(MediaSources::from_description(&description(&xml)).is_err(), "{ssrc}");
        }
    }

    #[test]
    fn unknown_and_empty_groups_are_passed_over() {
        let read = MediaSources::from_description(&description(
            "<ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='LS'><source ssrc='1'/></ssrc-group>\
             <ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='SIM'/>",
        ));
        assert_eq!(read.expect("sources").groups, []);
    }

    #[test]
    fn too_many_are_refused() {
        let one = "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1'/>";
        assert!(MediaSources::from_description(&description(&one.repeat(SOURCES_MAX))).is_ok());
        assert!(MediaSources::from_description(&description(&one.repeat(SOURCES_MAX + 1))).is_err());
    }
}
