//! The three stanzas (RFC 6120 section 8) and the answers to them.

use crate::build::Builder;
use crate::stanza_error::StanzaError;
use crate::{Element, elem, ns};

/// What a top-level element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Iq,
    Presence,
    Message,
}

impl Kind {
    /// `None` where `element` is no stanza of a client.
    pub fn of(element: &Element) -> Option<Self> {
        if !element.has_ns(ns::CLIENT) {
            return None;
        }
        match element.name() {
            "iq" => Some(Self::Iq),
            "presence" => Some(Self::Presence),
            "message" => Some(Self::Message),
            _ => None,
        }
    }
}

/// An empty result for `request`: same id, `from` and `to` swapped. Where the request had no `to` the answer has
/// no `from`.
pub fn result(request: &Element) -> Builder {
    answer(request, "result")
}

/// The error for a stanza of any kind, without the stanza's own children (RFC 6120 section 8.3.1 leaves that
/// open, and nobody reads them).
pub fn error(request: &Element, error: &StanzaError) -> Element {
    answer(request, "error").child(error.to_element()).build()
}

/// May this stanza be answered with an error? Never an error with an error, never a result.
pub fn may_be_refused(stanza: &Element) -> bool {
    !matches!(stanza.attr("type"), Some("error" | "result"))
}

/// A request waits for an answer.
pub fn is_request(iq: &Element) -> bool {
    matches!(iq.attr("type"), Some("get" | "set"))
}

fn answer(request: &Element, kind: &'static str) -> Builder {
    elem(request.name(), ns::CLIENT)
        .attr("type", kind)
        .attr_opt("id", request.attr("id"))
        .attr_opt("from", request.attr("to"))
        .attr_opt("to", request.attr("from"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanza_error::Condition;
    use crate::text::to_text;

    #[test]
    fn an_answer_goes_back_with_the_same_id() {
        let iq = elem("iq", ns::CLIENT)
            .attr("type", "get")
            .attr("id", "7")
            .attr("to", "b")
            .attr("from", "a")
            .build();
        assert_eq!(
            to_text(&result(&iq).build()),
            r#"<iq xmlns="jabber:client" from="b" id="7" to="a" type="result"/>"#
        );
        let refusal = error(&iq, &Condition::NotAllowed.into());
        assert_eq!((refusal.attr("type"), refusal.attr("id")), (Some("error"), Some("7")));
    }

    #[test]
    fn errors_and_results_are_never_refused() {
        let of = |kind: &str| elem("iq", ns::CLIENT).attr("type", kind).build();
        assert!(may_be_refused(&of("get")) && is_request(&of("set")));
        assert!(
            !may_be_refused(&of("error")) && !may_be_refused(&of("result")) && !is_request(&of("result"))
        );
    }

    #[test]
    fn only_the_three_are_stanzas() {
        assert_eq!(Kind::of(&elem("iq", ns::CLIENT).build()), Some(Kind::Iq));
        assert_eq!(Kind::of(&elem("iq", "jabber:server").build()), None);
        assert_eq!(Kind::of(&elem("open", ns::CLIENT).build()), None);
    }
}
