//! Reading elements: attributes by name, values with a limit, and the one error of this family.

use super::limits::VALUE_BYTES_MAX;
use crate::Element;

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
    use crate::elem;

    #[test]
    fn values_have_a_limit() {
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        let element = elem("a", "n").attr("b", long).attr("c", "").build();
        assert!(element.text_of("b").is_err());
        assert!(element.need("c").is_err());
        assert_eq!(element.text_of("d"), Ok(None));
    }
}
