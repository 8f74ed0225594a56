//! The `<error/>` of a refused request, to and from XML.

use xmpp::jingle::xml::Read;
use xmpp::jingle::{Malformed, Problem};
use xmpp::text::to_text;
use xmpp::{Element, elem};

use crate::request::parse;
use crate::{Condition, NS, Reason, Refusal};

/// RFC 6120 section 8.3.3
const NS_STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
const NS_CLIENT: &str = "jabber:client";

impl Refusal {
    /// A refusal without a reason of colibri2.
    pub fn new(condition: Condition, text: impl Into<String>) -> Self {
        Self { condition, reason: None, text: text.into(), endpoint: None }
    }

    /// Reads the `<error/>` of an IQ, in any namespace. A condition that colibri2 does not use counts as
    /// [`Condition::InternalServerError`], an unknown reason as [`Reason::Unspecified`].
    ///
    /// # Errors
    /// Where it is no `<error/>` or a value is too long.
    pub fn from_element(element: &Element) -> Result<Self, Malformed> {
        if element.name() != "error" {
            return Err(Malformed::new(element, Problem::Unexpected));
        }
        let condition = element
            .children()
            .filter(|child| child.has_ns(NS_STANZAS))
            .find_map(|child| Condition::from_word(child.name()))
            .unwrap_or(Condition::InternalServerError);
        let text = element.get_child("text", NS_STANZAS).map(Element::text).unwrap_or_default();
        let endpoint = element.get_child("endpoint", NS).map(|endpoint| endpoint.need("id")).transpose()?;
        let reason = element
            .get_child("error", NS)
            .and_then(|reason| reason.attr("reason"))
            .map(|word| Reason::from_word(word).unwrap_or(Reason::Unspecified));
        Ok(Self { condition, reason, text, endpoint })
    }

    /// Writes the `<error/>` of an IQ, in the namespace `jabber:client`.
    pub fn to_element(&self) -> Element {
        let text = Some(&self.text).filter(|text| !text.is_empty());
        elem("error", NS_CLIENT)
            .attr("type", self.condition.error_type())
            .child(elem(self.condition.as_str(), NS_STANZAS))
            .children(text.map(|text| elem("text", NS_STANZAS).text(text).build()))
            .children(self.reason.map(|r| elem("error", NS).attr("reason", r.as_str()).build()))
            .children(self.endpoint.as_ref().map(|id| elem("endpoint", NS).attr("id", id).build()))
            .build()
    }

    /// Reads an error from its text.
    ///
    /// # Errors
    /// As [`Self::from_element`], and where the text is too long or not one element.
    pub fn from_text(text: &str) -> Result<Self, Malformed> {
        Self::from_element(&parse(text)?)
    }

    /// Writes an error as text.
    pub fn to_text(&self) -> String {
        to_text(&self.to_element())
    }
}

impl Condition {
    const ALL: [Self; 7] = [
        Self::BadRequest,
        Self::Conflict,
        Self::FeatureNotImplemented,
        Self::InternalServerError,
        Self::ItemNotFound,
        Self::ServiceUnavailable,
        Self::ResourceConstraint,
    ];

    /// The name of the condition's element.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Conflict => "conflict",
            Self::FeatureNotImplemented => "feature-not-implemented",
            Self::InternalServerError => "internal-server-error",
            Self::ItemNotFound => "item-not-found",
            Self::ServiceUnavailable => "service-unavailable",
            Self::ResourceConstraint => "resource-constraint",
        }
    }

    /// The error's `type` that RFC 6120 section 8.3.3 recommends.
    pub fn error_type(self) -> &'static str {
        match self {
            Self::BadRequest => "modify",
            Self::ResourceConstraint => "wait",
            Self::Conflict
            | Self::FeatureNotImplemented
            | Self::InternalServerError
            | Self::ItemNotFound
            | Self::ServiceUnavailable => "cancel",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.as_str() == word)
    }
}

impl Reason {
    const ALL: [Self; 6] = [
        Self::ConferenceNotFound,
        Self::ConferenceAlreadyExists,
        Self::FeatureNotImplemented,
        Self::GracefulShutdown,
        Self::UnknownEndpoint,
        Self::Unspecified,
    ];

    /// As in the attribute `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConferenceNotFound => "conference_not_found",
            Self::ConferenceAlreadyExists => "conference_already_exists",
            Self::FeatureNotImplemented => "feature_not_implemented",
            Self::GracefulShutdown => "graceful_shutdown",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::Unspecified => "unspecified",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}
