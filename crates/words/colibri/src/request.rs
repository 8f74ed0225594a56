//! `<conference-modify/>` and `<conference-modified/>` to and from XML.

use xmpp::jingle::xml::Read;
use xmpp::jingle::{Malformed, Problem};
use xmpp::text::to_text;
use xmpp::{Element, elem};

use crate::limits::ENDPOINTS_MAX;
use crate::source::{read_sources, sources_element};
use crate::{ConferenceModified, ConferenceModify, Endpoint, NS, Refusal};

/// COMPAT: ours; stock bridges and focuses read the attributes that they know by name, and no others.
const EPOCH: &str = "x-owner-epoch";

impl ConferenceModify {
    /// Reads the payload of a request.
    ///
    /// # Errors
    /// [`Malformed`] where the meeting id or an endpoint's id is missing, a value does not fit, or there is
    /// more of anything than [`crate::limits`] allows. Unknown children are passed over.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        expect(element, "conference-modify")?;
        Ok(Self {
            meeting_id: element.need("meeting-id")?,
            name: element.text_of("name")?,
            create: element.flag("create"),
            expire: element.flag("expire"),
            epoch: element.parsed(EPOCH)?,
            endpoints: read_endpoints(element)?,
        })
    }

    /// Writes the payload of a request.
    pub fn to_element(&self) -> Element {
        elem("conference-modify", NS)
            .attr("meeting-id", &self.meeting_id)
            .attr_opt("name", self.name.as_deref())
            .attr_opt("create", self.create.then_some("true"))
            .attr_opt("expire", self.expire.then_some("true"))
            .attr_opt(EPOCH, self.epoch.map(|epoch| epoch.to_string()))
            .children(self.endpoints.iter().map(Endpoint::to_element))
            .build()
    }

    /// Reads a request from its text.
    ///
    /// # Errors
    /// As [`Self::from_element`], and where the text is too long or not one element.
    pub fn from_text(text: &str) -> Result<Self, Malformed> {
        Self::from_element(&parse(text)?)
    }

    /// Writes a request as text.
    pub fn to_text(&self) -> String {
        to_text(&self.to_element())
    }
}

impl ConferenceModified {
    /// Reads the payload of an answer.
    ///
    /// # Errors
    /// As [`ConferenceModify::from_element`].
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        expect(element, "conference-modified")?;
        let sources = element.get_child("sources", NS).map(read_sources).transpose()?;
        Ok(Self { endpoints: read_endpoints(element)?, sources })
    }

    /// Writes the payload of an answer.
    pub fn to_element(&self) -> Element {
        elem("conference-modified", NS)
            .children(self.endpoints.iter().map(Endpoint::to_element))
            .children(self.sources.as_deref().map(sources_element))
            .build()
    }

    /// Reads an answer from its text.
    ///
    /// # Errors
    /// As [`Self::from_element`], and where the text is too long or not one element.
    pub fn from_text(text: &str) -> Result<Self, Malformed> {
        Self::from_element(&parse(text)?)
    }

    /// Writes an answer as text.
    pub fn to_text(&self) -> String {
        to_text(&self.to_element())
    }
}

/// What a bridge answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Modified(ConferenceModified),
    Refused(Refusal),
}

impl Answer {
    /// Reads `<conference-modified/>` or the `<error/>` of an IQ.
    ///
    /// # Errors
    /// Where it is neither, or does not fit.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        if element.name() == "error" {
            Ok(Self::Refused(Refusal::from_element(element)?))
        } else {
            Ok(Self::Modified(ConferenceModified::from_element(element)?))
        }
    }

    /// Reads either from its text.
    ///
    /// # Errors
    /// As [`Self::from_element`], and where the text is too long or not one element.
    pub fn from_text(text: &str) -> Result<Self, Malformed> {
        Self::from_element(&parse(text)?)
    }
}

/// The element of a text within the limits of a stanza.
pub(crate) fn parse(text: &str) -> Result<Element, Malformed> {
    xmpp::frame::parse(text).map_err(|_| Malformed { element: String::new(), problem: Problem::NotXml })
}

/// The element has this name, in colibri2's namespace.
pub(crate) fn expect(element: &Element, name: &str) -> Result<(), Malformed> {
    if element.is(name, NS) { Ok(()) } else { Err(Malformed::new(element, Problem::Unexpected)) }
}

/// All children of one name, at most `max`.
pub(crate) fn read_all<T>(
    parent: &Element,
    name: &'static str,
    max: usize,
    read: impl Fn(&Element) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let children: Vec<_> = parent.children().filter(|child| child.is(name, NS)).take(max + 1).collect();
    if children.len() > max {
        return Err(Malformed::new(parent, Problem::TooMany(name)));
    }
    children.into_iter().map(read).collect()
}

fn read_endpoints(parent: &Element) -> Result<Vec<Endpoint>, Malformed> {
    read_all(parent, "endpoint", ENDPOINTS_MAX, Endpoint::from_element)
}
