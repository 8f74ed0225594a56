//! Writing elements by hand.

use minidom::rxml::{Namespace, NcName};

use crate::Element;

/// Starts an element: `elem("ping", ns::PING).build()`.
pub fn elem(name: &str, ns: &str) -> Builder {
    Builder { element: Element::bare(name, ns) }
}

/// See [`elem`].
#[derive(Clone, Debug)]
pub struct Builder {
    element: Element,
}

impl Builder {
    /// Sets an attribute; `name` is a literal of ours and a valid name.
    #[must_use]
    pub fn attr(mut self, name: &'static str, value: impl Into<String>) -> Self {
        set_attr(&mut self.element, name, value);
        self
    }

    /// Sets an attribute where there is a value.
    #[must_use]
    pub fn attr_opt(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    #[must_use]
    pub fn child(mut self, child: impl Into<Element>) -> Self {
        self.element.append_child(child.into());
        self
    }

    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = impl Into<Element>>) -> Self {
        for child in children {
            self.element.append_child(child.into());
        }
        self
    }

    /// Appends text; empty text is none, `<a/>` and not `<a></a>`.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.element.append_text(text);
        }
        self
    }

    #[must_use]
    pub fn build(self) -> Element {
        self.element
    }
}

impl From<Builder> for Element {
    fn from(builder: Builder) -> Self {
        builder.element
    }
}

/// Sets or replaces an attribute; `name` is a literal of ours and a valid name.
pub fn set_attr(element: &mut Element, name: &'static str, value: impl Into<String>) {
    let name = NcName::try_from(name).expect("attribute names are literals of ours, valid ones");
    element.attrs_mut().insert(Namespace::NONE, name, value.into());
}

/// Removes an attribute where it is.
pub fn remove_attr(element: &mut Element, name: &str) {
    element.attrs_mut().remove(&Namespace::NONE, name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::to_text;

    #[test]
    fn it_builds_what_it_is_told() {
        let element = elem("a", "x")
            .attr("k", "1")
            .attr("k", "2")
            .attr_opt("n", None::<String>)
            .child(elem("b", "x").text("t"));
        assert_eq!(to_text(&element.build()), r#"<a xmlns="x" k="2"><b>t</b></a>"#);
    }

    #[test]
    fn an_attribute_can_be_taken_away() {
        let mut element = elem("a", "x").attr("to", "1").build();
        remove_attr(&mut element, "to");
        remove_attr(&mut element, "to");
        assert_eq!(to_text(&element), r#"<a xmlns="x"/>"#);
    }
}
