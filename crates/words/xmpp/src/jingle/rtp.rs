//! Payload types and header extensions of a media description (XEP-0167, XEP-0293, XEP-0294).

use super::limits::{EXTENSIONS_MAX, FEEDBACKS_MAX, PARAMETERS_MAX, PAYLOAD_TYPES_MAX};
use super::ns;
use super::xml::{Malformed, Problem, Read, push_bounded};
use crate::{Element, elem};

/// Audio or video: the two media that a bridge forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Audio,
    Video,
}

/// `<payload-type/>` with its parameters and feedback, in document order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadType {
    /// 0..=127
    pub id: u8,
    pub name: String,
    /// Hz
    pub clockrate: u32,
    /// 1 where the attribute is absent
    pub channels: u8,
    /// name (empty where the attribute is absent) and value
    pub parameters: Vec<(String, String)>,
    pub feedback: Vec<Feedback>,
}

/// `<rtcp-fb/>`, e.g. `nack` with the subtype `pli`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub kind: String,
    pub subtype: Option<String>,
}

/// `<rtp-hdrext/>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderExtension {
    /// 1..=14 in the one-byte form
    pub id: u8,
    pub uri: String,
}

/// What a `<description/>` or a colibri `<media/>` says of one media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    pub payload_types: Vec<PayloadType>,
    pub extensions: Vec<HeaderExtension>,
    pub extmap_allow_mixed: bool,
}

impl Kind {
    /// As in the attributes `media` and `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }

    /// `None` for anything that is neither.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "audio" => Some(Self::Audio),
            "video" => Some(Self::Video),
            _ => None,
        }
    }
}

impl PayloadType {
    /// Reads `<payload-type/>`.
    ///
    /// # Errors
    /// Where `id` (0..=127) or `clockrate` is missing or no number, or there is too much of anything.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        expect(element, "payload-type", ns::RTP)?;
        let id: u8 = required(element, "id")?;
        if id > 127 {
            return Err(Malformed::new(element, Problem::Invalid("id")));
        }
        let mut read = Self {
            id,
            name: element.text_of("name")?.unwrap_or_default(),
            clockrate: required(element, "clockrate")?,
            channels: element.parsed("channels")?.unwrap_or(1),
            parameters: Vec::new(),
            feedback: Vec::new(),
        };
        for child in element.children() {
            if child.is("parameter", ns::RTP) {
                let pair =
                    (child.text_of("name")?.unwrap_or_default(), child.text_of("value")?.unwrap_or_default());
                push_bounded(&mut read.parameters, pair, PARAMETERS_MAX, element, "parameter")?;
            } else if child.is("rtcp-fb", ns::RTCP_FB) {
                let feedback = Feedback { kind: child.need("type")?, subtype: child.text_of("subtype")? };
                push_bounded(&mut read.feedback, feedback, FEEDBACKS_MAX, element, "rtcp-fb")?;
            }
        }
        Ok(read)
    }

    /// Writes `<payload-type/>`.
    pub fn to_element(&self) -> Element {
        let parameters = self.parameters.iter().map(|(name, value)| {
            let name = Some(name).filter(|name| !name.is_empty());
            elem("parameter", ns::RTP).attr_opt("name", name.map(String::as_str)).attr("value", value).build()
        });
        let feedback = self.feedback.iter().map(|feedback| {
            elem("rtcp-fb", ns::RTCP_FB)
                .attr("type", &feedback.kind)
                .attr_opt("subtype", feedback.subtype.as_deref())
                .build()
        });
        elem("payload-type", ns::RTP)
            .attr("id", self.id.to_string())
            .attr("name", &self.name)
            .attr("clockrate", self.clockrate.to_string())
            .attr_opt("channels", (self.channels != 1).then(|| self.channels.to_string()))
            .children(parameters)
            .children(feedback)
            .build()
    }
}

impl HeaderExtension {
    /// Reads `<rtp-hdrext/>`.
    ///
    /// # Errors
    /// Where `id` (1..=255) or `uri` is missing or does not fit.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        expect(element, "rtp-hdrext", ns::RTP_HDREXT)?;
        let id: u8 = required(element, "id")?;
        if id == 0 {
            return Err(Malformed::new(element, Problem::Invalid("id")));
        }
        Ok(Self { id, uri: element.need("uri")? })
    }

    /// Writes `<rtp-hdrext/>`.
    pub fn to_element(&self) -> Element {
        elem("rtp-hdrext", ns::RTP_HDREXT).attr("id", self.id.to_string()).attr("uri", &self.uri).build()
    }
}

impl Description {
    /// Reads the children of a Jingle `<description/>` or of a colibri `<media/>`.
    ///
    /// # Errors
    /// Where a payload type or an extension does not fit, or there are too many.
    pub fn from_children_of(parent: &Element) -> Result<Self, Malformed> {
        let mut read = Self::default();
        for child in parent.children() {
            if child.is("payload-type", ns::RTP) {
                let payload_type = PayloadType::from_element(child)?;
                push_bounded(
                    &mut read.payload_types,
                    payload_type,
                    PAYLOAD_TYPES_MAX,
                    parent,
                    "payload-type",
                )?;
            } else if child.is("rtp-hdrext", ns::RTP_HDREXT) {
                let extension = HeaderExtension::from_element(child)?;
                push_bounded(&mut read.extensions, extension, EXTENSIONS_MAX, parent, "rtp-hdrext")?;
            } else if child.is("extmap-allow-mixed", ns::RTP_HDREXT) {
                read.extmap_allow_mixed = true;
            }
        }
        Ok(read)
    }

    /// Writes those children: payload types, extensions, `<extmap-allow-mixed/>`.
    pub fn to_children(&self) -> Vec<Element> {
        let mixed = self.extmap_allow_mixed.then(|| elem("extmap-allow-mixed", ns::RTP_HDREXT).build());
        let payload_types = self.payload_types.iter().map(PayloadType::to_element);
        payload_types.chain(self.extensions.iter().map(HeaderExtension::to_element)).chain(mixed).collect()
    }
}

/// The element has this name and namespace.
pub(super) fn expect(element: &Element, name: &str, namespace: &str) -> Result<(), Malformed> {
    if element.is(name, namespace) { Ok(()) } else { Err(Malformed::new(element, Problem::Unexpected)) }
}

/// A number that must be there.
pub(super) fn required<T: std::str::FromStr>(element: &Element, name: &'static str) -> Result<T, Malformed> {
    element.parsed(name)?.ok_or_else(|| Malformed::new(element, Problem::Missing(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(xml: &str) -> PayloadType {
        let element: Element = xml.parse().expect("XML of the test");
        let read = PayloadType::from_element(&element).expect("a payload type");
        assert_eq!(read.to_element(), element);
        read
    }

    #[test]
    fn h264_keeps_its_oddly_named_parameter() {
        let value = "42e01f;level-asymmetry-allowed=1;packetization-mode=1;";
        let h264 = check(&format!(
            "<payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' id='107' name='H264' clockrate='90000'>\
             <parameter name='profile-level-id' value='{value}'/>\
             <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack' subtype='pli'/></payload-type>"
        ));
        assert_eq!(h264.parameters, [("profile-level-id".to_owned(), value.to_owned())]);
        assert_eq!(h264.feedback, [Feedback { kind: "nack".to_owned(), subtype: Some("pli".to_owned()) }]);
    }

    #[test]
    fn a_parameter_may_be_without_a_name() {
        let red = check(
            "<payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' id='112' name='red' clockrate='48000' channels='2'>\
             <parameter value='111/111'/></payload-type>",
        );
        assert_eq!(red.parameters, [(String::new(), "111/111".to_owned())]);
        assert_eq!(red.channels, 2);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for attributes in
            ["id='128' clockrate='1'", "id='-1' clockrate='1'", "clockrate='1'", "id='1'", "id='x'"]
        {
            let xml = format!("<payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' {attributes}/>");
            let element: Element = xml.parse().expect("XML of the test");
            assert!(PayloadType::from_element(&element).is_err(), "{attributes}");
        }
    }

    #[test]
    fn every_foreign_namespace_is_written_where_it_begins() {
        let description = Description {
            extensions: vec![HeaderExtension { id: 10, uri: "urn:mid".to_owned() }],
            extmap_allow_mixed: true,
            ..Description::default()
        };
        let parent = elem("description", ns::RTP).children(description.to_children()).build();
        let text = String::from(&parent);
        assert_eq!(text.matches("xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'").count(), 2, "{text}");
        assert_eq!(Description::from_children_of(&parent), Ok(description));
    }
}
