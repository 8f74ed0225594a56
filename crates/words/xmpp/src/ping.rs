//! XMPP ping (XEP-0199).

use crate::{Element, elem, ns};

/// `<ping/>`
pub fn ping() -> Element {
    elem("ping", ns::PING).build()
}

/// Is this IQ a ping?
pub fn is_ping(iq: &Element) -> bool {
    iq.attr("type") == Some("get") && iq.has_child("ping", ns::PING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_a_get() {
        let iq = |kind: &str| elem("iq", ns::CLIENT).attr("type", kind).child(ping()).build();
        assert!(is_ping(&iq("get")));
        assert!(!is_ping(&iq("set")));
    }
}
