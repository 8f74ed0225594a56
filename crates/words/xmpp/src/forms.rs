//! Data forms (XEP-0004).

use crate::{Element, elem, ns};

/// One `<field/>` to write.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub var: &'a str,
    /// `hidden`, `boolean`, ...; `None` in a result
    pub kind: Option<&'a str>,
    pub value: &'a str,
}

/// `<x xmlns='jabber:x:data'/>` of the given type (`form`, `result`) with its FORM_TYPE.
pub fn form(kind: &'static str, form_type: &str, fields: &[Field<'_>]) -> Element {
    let form_type = Field { var: "FORM_TYPE", kind: Some("hidden"), value: form_type };
    elem("x", ns::DATA)
        .attr("type", kind)
        .children(std::iter::once(&form_type).chain(fields).map(field))
        .build()
}

/// The first value of each field of a submitted form; `None` where a field is named but has no value.
pub fn values(form: &Element) -> impl Iterator<Item = (&str, Option<String>)> {
    form.children().filter(|child| child.is("field", ns::DATA)).filter_map(|field| {
        let value = field.get_child("value", ns::DATA).map(Element::text);
        Some((field.attr("var")?, value))
    })
}

/// A boolean as the clients write it (XEP-0004 section 3.3: `1`, `true`, `0`, `false`).
pub fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

fn field(field: &Field<'_>) -> Element {
    elem("field", ns::DATA)
        .attr("var", field.var)
        .attr_opt("type", field.kind)
        .child(elem("value", ns::DATA).text(field.value))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let form = form("form", "t", &[Field { var: "a", kind: Some("boolean"), value: "1" }]);
        let read: Vec<_> = values(&form).collect();
        assert_eq!(read, [("FORM_TYPE", Some("t".to_owned())), ("a", Some("1".to_owned()))]);
        assert_eq!(form.attr("type"), Some("form"));
    }

    #[test]
    fn fields_without_name_or_value_do_no_harm() {
        let form = elem("x", ns::DATA)
            .child(elem("field", ns::DATA))
            .child(elem("field", ns::DATA).attr("var", "b"))
            .child(elem("junk", ns::DATA))
            .build();
        assert_eq!(values(&form).collect::<Vec<_>>(), [("b", None)]);
    }

    #[test]
    fn booleans_have_two_spellings() {
        assert_eq!(
            ["1", "true", "0", "false", "yes"].map(boolean),
            [Some(true), Some(true), Some(false), Some(false), None]
        );
    }
}
