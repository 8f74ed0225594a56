//! Elements as text, the way Jitsi clients read it: no prefixes, `xmlns` repeated where it changes.

use crate::{Element, ns};

/// The element as one frame or stanza.
pub fn to_text(element: &Element) -> String {
    to_text_within(element, "")
}

/// The element as a child of something whose default namespace is `parent`.
pub fn to_text_within(element: &Element, parent: &str) -> String {
    let mut out = String::with_capacity(256);
    write(&mut out, element, parent);
    out
}

/// One text for many receivers: everything but the `to` attribute is serialised once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stencil {
    text: String,
    /// where ` to="..."` goes
    gap: usize,
}

impl Stencil {
    /// `element` has no `to`.
    pub fn new(element: &Element) -> Self {
        Self { text: to_text(element), gap: 1 + element.name().len() }
    }

    /// As [`Stencil::new`], with text that was serialised before (see [`to_text_within`]) ahead of its children.
    pub fn with_inner(element: &Element, inner: &str) -> Self {
        let name = element.name();
        let mut bare = element.clone();
        let children: String = bare
            .take_nodes()
            .iter()
            .filter_map(|node| Some(to_text_within(node.as_element()?, &element.ns())))
            .collect();
        let open = to_text(&bare);
        let open = open.strip_suffix("/>").unwrap_or(&open);
        Self { text: format!("{open}>{inner}{children}</{name}>"), gap: 1 + name.len() }
    }

    /// The text for one receiver.
    pub fn fill(&self, to: &str) -> String {
        let mut out = String::with_capacity(self.text.len() + to.len() + 16);
        out.push_str(&self.text[..self.gap]);
        attribute(&mut out, "to", to);
        out.push_str(&self.text[self.gap..]);
        out
    }
}

fn write(out: &mut String, element: &Element, parent: &str) {
    let own = element.ns();
    out.push('<');
    out.push_str(element.name());
    if own != parent {
        attribute(out, "xmlns", &own);
    }
    for (number, ((space, name), value)) in element.attrs().iter().enumerate() {
        if space.is_none() {
            attribute(out, name, value);
        } else if space.as_str() == ns::XML {
            attribute(out, &format!("xml:{name}"), value);
        } else {
            attribute(out, &format!("xmlns:a{number}"), space);
            attribute(out, &format!("a{number}:{name}"), value);
        }
    }
    if element.nodes().next().is_none() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    for node in element.nodes() {
        match (node.as_element(), node.as_text()) {
            (Some(child), _) => write(out, child, &own),
            (None, text) => escape(out, text.unwrap_or_default(), false),
        }
    }
    out.push_str("</");
    out.push_str(element.name());
    out.push('>');
}

fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value, true);
    out.push('"');
}

/// What XML cannot carry becomes U+FFFD: the text may come from JSON or from a file.
fn escape(out: &mut String, text: &str, quoted: bool) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if quoted => out.push_str("&quot;"),
            '\t' | '\n' if !quoted => out.push(c),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{elem, frame};

    #[test]
    fn xmlns_is_repeated_exactly_where_it_changes() {
        let iq = elem("iq", ns::CLIENT)
            .child(elem("a", "one").child(elem("b", "one")).child(elem("c", "two")))
            .child(elem("d", ns::CLIENT));
        assert_eq!(
            to_text(&iq.build()),
            r#"<iq xmlns="jabber:client"><a xmlns="one"><b/><c xmlns="two"/></a><d/></iq>"#
        );
    }

    #[test]
    fn whatever_the_text_it_comes_back() {
        let nasty = "a<b>&\"'\t\r\n]]> ü \u{1f600}";
        let element = elem("a", "x").attr("k", nasty).text(nasty).build();
        let back = frame::parse(&to_text(&element)).unwrap();
        assert_eq!((back.attr("k"), back.text().as_str()), (Some(nasty), nasty));
    }

    #[test]
    fn what_xml_cannot_carry_is_replaced() {
        let element = elem("a", "x").attr("k", "\0").text("\u{b}\u{ffff}").build();
        assert_eq!(to_text(&element), "<a xmlns=\"x\" k=\"\u{fffd}\">\u{fffd}\u{fffd}</a>");
    }

    #[test]
    fn a_stencil_differs_in_its_receiver_only() {
        let presence =
            elem("presence", ns::CLIENT).attr("from", "r/a").child(elem("x", ns::MUC_USER)).build();
        let text = Stencil::new(&presence).fill("b@x/\"&");
        let back = frame::parse(&text).unwrap();
        assert_eq!(back.attr("to"), Some("b@x/\"&"));
        assert_eq!(back.attr("from"), Some("r/a"));
        assert!(back.has_child("x", ns::MUC_USER));
    }

    #[test]
    fn a_stencil_takes_text_that_is_there_already() {
        let inner = to_text_within(&elem("nick", ns::NICK).text("<Ann>").build(), ns::CLIENT);
        let presence =
            elem("presence", ns::CLIENT).attr("from", "r/a").child(elem("x", ns::MUC_USER)).build();
        assert_eq!(
            Stencil::with_inner(&presence, &inner).fill("b"),
            "<presence to=\"b\" xmlns=\"jabber:client\" from=\"r/a\">\
             <nick xmlns=\"http://jabber.org/protocol/nick\">&lt;Ann&gt;</nick>\
             <x xmlns=\"http://jabber.org/protocol/muc#user\"/></presence>"
        );
    }
}
