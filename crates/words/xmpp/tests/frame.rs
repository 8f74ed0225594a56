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
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = frame::parse(&text);
    }

    #[test]
    fn nothing_that_looks_like_xml_makes_it_panic(
        text in "(<[/?!]?[a-c:]{0,3}( [a-c:]{1,3}=['\"][a-c<&;#0-9]{0,4}['\"])?/?>|[&;#x0-9a]{0,4}|<!\\[CDATA\\[|\\]\\]>){0,12}"
    ) {
        if let Ok(element) = frame::parse(&text) {
            prop_assert!(frame::parse(&to_text(&element)).is_ok());
        }
    }
}
