//! Stanza errors (RFC 6120 section 8.3).

use crate::{Element, elem, ns};

/// An `<error/>` to come.
#[derive(Clone, Debug, PartialEq)]
pub struct StanzaError {
    pub kind: ErrorKind,
    pub condition: Condition,
    /// for the human at the other end
    pub text: Option<String>,
    /// an application-specific child
    pub extra: Option<Box<Element>>,
}

/// What the sender may do about it (RFC 6120 section 8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    Auth,
    Cancel,
    Modify,
    Wait,
}

/// The conditions in use (RFC 6120 section 8.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    BadRequest,
    Conflict,
    FeatureNotImplemented,
    Forbidden,
    InternalServerError,
    ItemNotFound,
    JidMalformed,
    NotAcceptable,
    NotAllowed,
    NotAuthorized,
    PolicyViolation,
    RegistrationRequired,
    RemoteServerNotFound,
    ResourceConstraint,
    ServiceUnavailable,
}

impl Condition {
    /// The name of its element.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Conflict => "conflict",
            Self::FeatureNotImplemented => "feature-not-implemented",
            Self::Forbidden => "forbidden",
            Self::InternalServerError => "internal-server-error",
            Self::ItemNotFound => "item-not-found",
            Self::JidMalformed => "jid-malformed",
            Self::NotAcceptable => "not-acceptable",
            Self::NotAllowed => "not-allowed",
            Self::NotAuthorized => "not-authorized",
            Self::PolicyViolation => "policy-violation",
            Self::RegistrationRequired => "registration-required",
            Self::RemoteServerNotFound => "remote-server-not-found",
            Self::ResourceConstraint => "resource-constraint",
            Self::ServiceUnavailable => "service-unavailable",
        }
    }

    /// The kind that RFC 6120 associates with it.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Forbidden | Self::NotAuthorized | Self::RegistrationRequired => ErrorKind::Auth,
            Self::BadRequest | Self::JidMalformed | Self::NotAcceptable | Self::PolicyViolation => {
                ErrorKind::Modify
            }
            Self::ResourceConstraint => ErrorKind::Wait,
            Self::Conflict
            | Self::FeatureNotImplemented
            | Self::InternalServerError
            | Self::ItemNotFound
            | Self::NotAllowed
            | Self::RemoteServerNotFound
            | Self::ServiceUnavailable => ErrorKind::Cancel,
        }
    }
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> Self {
        Self { kind: condition.kind(), condition, text: None, extra: None }
    }
}

impl StanzaError {
    pub fn new(condition: Condition, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::from(condition) }
    }

    /// With an application-specific child.
    #[must_use]
    pub fn with(mut self, extra: Element) -> Self {
        self.extra = Some(Box::new(extra));
        self
    }

    /// With another kind than the usual one of its condition.
    #[must_use]
    pub fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// `<error/>` in the namespace of client stanzas.
    pub fn to_element(&self) -> Element {
        let kind = match self.kind {
            ErrorKind::Auth => "auth",
            ErrorKind::Cancel => "cancel",
            ErrorKind::Modify => "modify",
            ErrorKind::Wait => "wait",
        };
        let text = self.text.as_ref().map(|text| elem("text", ns::STANZAS).text(text).build());
        elem("error", ns::CLIENT)
            .attr("type", kind)
            .child(elem(self.condition.name(), ns::STANZAS))
            .children(text)
            .children(self.extra.as_deref().cloned())
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::to_text;

    #[test]
    fn an_error_says_kind_condition_text_and_extra() {
        let error =
            StanzaError::new(Condition::ItemNotFound, "nobody <here>").with(elem("more", "x").build());
        assert_eq!(
            to_text(&error.to_element()),
            "<error xmlns=\"jabber:client\" type=\"cancel\">\
             <item-not-found xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>\
             <text xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\">nobody &lt;here&gt;</text><more xmlns=\"x\"/></error>"
        );
    }

    #[test]
    fn the_kind_can_be_chosen() {
        let error = StanzaError::from(Condition::ServiceUnavailable).of_kind(ErrorKind::Wait);
        assert_eq!(error.to_element().attr("type"), Some("wait"));
    }
}
