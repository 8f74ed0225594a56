//! Reading and building elements: attributes by name, values with a limit, and the one error of this family.

use minidom::element::ElementBuilder;
use minidom::{Element, IntoAttributeValue};
use rxml::NcName;

use super::limits::{DEPTH_MAX, VALUE_BYTES_MAX};

/// An element that cannot be what its name says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("<{element}/>: {problem}")]
pub struct Malformed {
    /// local name of the element
    pub element: String,
    pub problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("unexpected element or namespace")]
    Unexpected,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` has a value that does not fit")]
    Invalid(&'static str),
    #[error("more of `{0}` than are read")]
    TooMany(&'static str),
    #[error("not one well-formed element within the limits")]
    NotXml,
}

impl Malformed {
    pub fn new(element: &Element, problem: Problem) -> Self {
        let name = element.name();
        Self { element: name.chars().take(64).collect(), problem }
    }
}

/// One element from its text: not deeper than [`DEPTH_MAX`] (dropping a deep tree would overflow the stack).
///
/// # Errors
/// [`Problem::NotXml`].
pub fn parse(text: &str) -> Result<Element, Malformed> {
    let not_xml = || Malformed { element: String::new(), problem: Problem::NotXml };
    let mut events = rxml::RawReader::new(text.as_bytes());
    let mut tree = minidom::tree_builder::TreeBuilder::new();
    loop {
        let event = events.read().map_err(|_| not_xml())?.ok_or_else(not_xml)?;
        tree.process_event(event).map_err(|_| not_xml())?;
        if let Some(root) = tree.root.take() {
            return Ok(root);
        }
        if tree.depth() > DEPTH_MAX {
            return Err(not_xml());
        }
    }
}

/// Attributes of an element, read strictly.
pub trait Read {
    /// The value of an attribute, if it is there.
    ///
    /// # Errors
    /// Where it is longer than [`VALUE_BYTES_MAX`].
    fn text_of(&self, name: &'static str) -> Result<Option<String>, Malformed>;

    /// The value of an attribute that must be there and not be empty.
    ///
    /// # Errors
    /// Where it is missing, empty or too long.
    fn need(&self, name: &'static str) -> Result<String, Malformed>;

    /// The value of an attribute as a number or an address, if it is there.
    ///
    /// # Errors
    /// Where it does not parse.
    fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Malformed>;

    /// `true` and `1` are yes; everything else, and absence, is no (XML Schema's boolean, read kindly).
    fn flag(&self, name: &'static str) -> bool;
}

impl Read for Element {
    fn text_of(&self, name: &'static str) -> Result<Option<String>, Malformed> {
        match self.attr(name) {
            Some(value) if value.len() > VALUE_BYTES_MAX => Err(Malformed::new(self, Problem::Invalid(name))),
            value => Ok(value.map(str::to_owned)),
        }
    }

    fn need(&self, name: &'static str) -> Result<String, Malformed> {
        self.text_of(name)?
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Malformed::new(self, Problem::Missing(name)))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Malformed> {
        self.attr(name)
            .map(|value| value.trim().parse().map_err(|_| Malformed::new(self, Problem::Invalid(name))))
            .transpose()
    }

    fn flag(&self, name: &'static str) -> bool {
        matches!(self.attr(name), Some("true" | "1"))
    }
}

/// Building elements with attributes named by literals.
pub trait Build {
    /// Sets an attribute; `None` sets nothing. Characters that XML 1.0 cannot carry are left out.
    #[must_use]
    fn with(self, name: &'static str, value: impl IntoAttributeValue) -> Self;

    /// Sets an attribute to `true`, or does not set it.
    #[must_use]
    fn with_flag(self, name: &'static str, value: bool) -> Self;

    /// Appends text without the characters that XML 1.0 cannot carry.
    #[must_use]
    fn with_text(self, text: &str) -> Self;
}

impl Build for ElementBuilder {
    fn with(self, name: &'static str, value: impl IntoAttributeValue) -> Self {
        let name = NcName::try_from(name).expect("attribute names are literals without a colon");
        self.attr(name, value.into_attribute_value().map(legal))
    }

    fn with_flag(self, name: &'static str, value: bool) -> Self {
        self.with(name, value.then_some("true"))
    }

    fn with_text(self, text: &str) -> Self {
        self.append(legal(text.to_owned()))
    }
}

/// XML 1.0, production 2: without this a control character would fail the serialiser.
fn legal(text: String) -> String {
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    if text.chars().all(fits) { text } else { text.chars().filter(|c| fits(*c)).collect() }
}

/// Pushes unless `max` are there already.
pub(super) fn push_bounded<T>(
    list: &mut Vec<T>,
    item: T,
    max: usize,
    parent: &Element,
    name: &'static str,
) -> Result<(), Malformed> {
    if list.len() >= max {
        return Err(Malformed::new(parent, Problem::TooMany(name)));
    }
    list.push(item);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_carry_is_left_out() {
        let element = Element::builder("a", "n").with("b", "x\u{0}y\u{FFFE}").with_text("\u{1}z<").build();
        assert_eq!(String::from(&element), "<a xmlns='n' b='xy'>z&lt;</a>");
    }

    #[test]
    fn deep_and_broken_text_is_refused() {
        let deep = "<a xmlns='n'>".repeat(100_000);
        for text in
            [deep.as_str(), "", "<a", "text", "<a/>", "<a xmlns='n'></b>", "<!DOCTYPE a><a xmlns='n'/>"]
        {
            assert!(parse(text).is_err(), "{}", &text[..text.len().min(40)]);
        }
        let fits = format!("{}{}", "<a xmlns='n'>".repeat(DEPTH_MAX), "</a>".repeat(DEPTH_MAX));
        assert!(parse(&fits).is_ok());
    }

    #[test]
    fn values_have_a_limit() {
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        let element = Element::builder("a", "n").with("b", long).with("c", "").build();
        assert!(element.text_of("b").is_err());
        assert!(element.need("c").is_err());
        assert_eq!(element.text_of("d"), Ok(None));
    }
}
