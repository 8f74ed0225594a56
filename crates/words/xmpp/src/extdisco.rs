//! External services: STUN and TURN (XEP-0215).

use crate::build::Builder;
use crate::{Element, elem, ns};

/// `<service/>`; credentials are the caller's to add. The transport is `udp` or `tcp`.
pub fn service(kind: &str, host: &str, port: u16, transport: &str) -> Builder {
    elem("service", ns::EXTDISCO)
        .attr("type", kind)
        .attr("host", host)
        .attr("port", port.to_string())
        .attr("transport", transport)
}

/// `<services/>`
pub fn services(children: impl IntoIterator<Item = Element>) -> Element {
    elem("services", ns::EXTDISCO).children(children).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::to_text;

    #[test]
    fn a_service_tells_where_it_is() {
        let list = services([service("turns", "turn.x", 443, "tcp").attr("username", "u").build()]);
        assert_eq!(
            to_text(&list),
            "<services xmlns=\"urn:xmpp:extdisco:2\"><service host=\"turn.x\" port=\"443\" transport=\"tcp\" \
             type=\"turns\" username=\"u\"/></services>"
        );
    }
}
