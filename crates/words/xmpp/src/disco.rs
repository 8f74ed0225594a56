//! Service discovery (XEP-0030).

use crate::{Element, elem, ns};

/// `<identity/>`
pub fn identity(category: &str, kind: &str, name: &str) -> Element {
    elem("identity", ns::DISCO_INFO).attr("category", category).attr("type", kind).attr("name", name).build()
}

/// `<feature/>`
pub fn feature(var: &str) -> Element {
    elem("feature", ns::DISCO_INFO).attr("var", var).build()
}

/// `<query xmlns='...disco#info'/>`, as question (no children) or as answer.
pub fn info(node: Option<&str>, children: impl IntoIterator<Item = Element>) -> Element {
    elem("query", ns::DISCO_INFO).attr_opt("node", node).children(children).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::to_text;

    #[test]
    fn an_answer_names_identities_and_features() {
        let query = info(Some("n"), [identity("server", "im", "x"), feature(ns::PING)]);
        assert_eq!(
            to_text(&query),
            "<query xmlns=\"http://jabber.org/protocol/disco#info\" node=\"n\">\
             <identity category=\"server\" name=\"x\" type=\"im\"/><feature var=\"urn:xmpp:ping\"/></query>"
        );
    }
}
