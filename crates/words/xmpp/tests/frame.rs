//! Frames and text are each other's inverse, and no text makes the parser panic.

use proptest::prelude::*;
use xmpp::text::{Stencil, to_text};
use xmpp::{Element, elem, frame, ns};

/// Text that XML can carry.
fn text() -> impl Strategy<Value = String> {
    "[ -~\\t\\n\\rüß€😀]{0,30}"
}

fn element() -> impl Strategy<Value = Element> {
    let namespace = prop_oneof![Just(ns::CLIENT), Just(ns::MUC_USER), Just("urn:x")];
    let name = prop_oneof![Just("a"), Just("iq"), Just("e2ee.enabled"), Just("stats-id")];
    let leaf = (name, namespace, text(), proptest::option::of(text()))
        .prop_map(|(name, ns, text, id)| elem(name, ns).attr_opt("id", id).text(text).build());
    leaf.prop_recursive(5, 40, 4, |inner| {
        let children = proptest::collection::vec(inner.clone(), 0..4);
        (inner, children).prop_map(|(mut element, children)| {
            for child in children {
                element.append_child(child);
            }
            element
        })
    })
}

/// One element as a client might write it, with every namespace bound to a prefix.
fn document() -> impl Strategy<Value = String> {
    let name = || {
        prop_oneof![
            12 => "(p:|q:|xml:|)(a|x|xmlns|iq)".boxed(),
            1 => "[a-zé·α𐀀ⰰ][a-z0-9é·.-]{0,3}".boxed(),
        ]
    };
    let space = || {
        prop_oneof![
            4 => Just(ns::CLIENT),
            4 => Just("urn:x&#10;&amp;"),
            1 => Just(ns::XMLNS),
            1 => Just(ns::XML),
            1 => Just(ns::STREAM),
            1 => Just(""),
        ]
    };
    let text =
        || "([ -%'-;=?-~\\t\\n\\rß€😀]|&lt;|&#13;|&#9;|&quot;|&amp;){0,6}".prop_map(|t| t.replace('\'', ""));
    let attribute = (name(), text()).prop_map(|(name, value)| format!(" {name}='{value}'"));
    let attributes = proptest::collection::vec(attribute, 0..3).prop_map(|all| all.concat());
    let tag = (name(), proptest::option::of(space()), attributes).prop_map(|(name, space, attributes)| {
        let space = space.map(|space| format!(" xmlns='{space}'")).unwrap_or_default();
        (format!("{name}{space}{attributes}"), name)
    });
    let leaf = (tag, text(), any::<bool>()).prop_map(|((tag, name), text, cdata)| {
        let cdata = if cdata { "<![CDATA[]]>" } else { "" };
        format!("<{tag}>{text}{cdata}</{name}>")
    });
    let inner = leaf.prop_recursive(3, 8, 3, move |inner| {
        (proptest::collection::vec(inner, 0..3), space())
            .prop_map(|(children, space)| format!("<a xmlns='{space}'>{}</a>", children.concat()))
    });
    (inner, space(), space()).prop_map(|(inner, p, q)| {
        format!("<c:a xmlns:c='{}' xmlns:p='{p}' xmlns:q='{q}'>{inner}</c:a>", ns::CLIENT)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(element in element()) {
        let text = to_text(&element);
        let back = frame::parse(&text).expect("our own text is a frame");
        prop_assert_eq!(to_text(&back), text);
    }

    #[test]
    fn a_stencil_is_the_text_with_a_receiver(element in element(), to in text()) {
        let mut with_to = element.clone();
        xmpp::build::set_attr(&mut with_to, "to", to.as_str());
        let filled = frame::parse(&Stencil::new(&element).fill(&to)).expect("a filled stencil is a frame");
        prop_assert_eq!(to_text(&filled), to_text(&with_to));
    }

    #[test]
    fn whatever_is_read_is_written_and_read_again(text in document()) {
        if let Ok(element) = frame::parse(&text) {
            let written = to_text(&element);
            prop_assert_eq!(frame::parse(&written).expect(&written), element, "{}", written);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = frame::parse(&text);
    }

    #[test]
    fn nothing_that_looks_like_xml_makes_it_panic(
        text in "(<[/?!]?[a-c:]{0,3}( [a-c:]{1,3}=['\"][a-c<&;#0-9]{0,4}['\"])?/?>|[&;#x0-9a]{0,4}|<!\\[CDATA\\[|\\]\\]>){0,12}"
    ) {
        if let Ok(element) = frame::parse(&text) {
            prop_assert_eq!(frame::parse(&to_text(&element)), Ok(element));
        }
    }
}
