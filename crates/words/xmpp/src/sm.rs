//! Stream management (XEP-0198).

use crate::{Element, elem, ns};

/// What a client says about its stream. Not counted, ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nonza {
    Enable {
        resume: bool,
    },
    /// `<r/>`
    Request,
    /// `<a/>`; `None` where `h` is missing or no number
    Ack {
        h: Option<u32>,
    },
    Other,
}

impl Nonza {
    /// `None` where `element` is not of this namespace.
    pub fn of(element: &Element) -> Option<Self> {
        if !element.has_ns(ns::SM) {
            return None;
        }
        Some(match element.name() {
            "enable" => Self::Enable { resume: matches!(element.attr("resume"), Some("true" | "1")) },
            "r" => Self::Request,
            "a" => Self::Ack { h: element.attr("h").and_then(|h| h.parse().ok()) },
            _ => Self::Other,
        })
    }
}

/// `<enabled/>`: with a token the stream can be resumed for `max` seconds.
pub fn enabled(token: Option<&str>, max: u64) -> Element {
    let enabled = elem("enabled", ns::SM);
    match token {
        Some(token) => enabled.attr("id", token).attr("resume", "true").attr("max", max.to_string()).build(),
        None => enabled.build(),
    }
}

/// `<resumed/>`: `h` of the client's stanzas are taken.
///
/// `lost` is said in attributes of our own.
pub fn resumed(h: u32, previd: &str, lost: Option<Gap>) -> Element {
    let resumed = elem("resumed", ns::SM).attr("h", h.to_string()).attr("previd", previd);
    match lost {
        Some(Gap { known, until }) => {
            resumed.attr("known", known.to_string()).attr("until", until.to_string()).build()
        }
        None => resumed.build(),
    }
}

/// Stanzas that a client may have been sent and that its server does not remember: [`FILLER`] stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// the last number before them
    pub known: u32,
    /// the last of them
    pub until: u32,
}

/// A stanza that counts and says nothing: in place of one whose content is lost, or was shown already. An answer to
/// nothing that was asked is passed over by every client.
pub const FILLER: &str = r#"<iq xmlns="jabber:client" id="lost" type="result"/>"#;

/// `<failed/>` with a stanza error condition, e.g. `item-not-found`.
pub fn failed(condition: &'static str) -> Element {
    elem("failed", ns::SM).child(elem(condition, ns::STANZAS)).build()
}

/// `<a/>`: `h` stanzas of the receiver are taken.
pub fn ack(h: u32) -> Element {
    elem("a", ns::SM).attr("h", h.to_string()).build()
}

/// `<r/>`: how many have you got?
pub fn request() -> Element {
    elem("r", ns::SM).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::parse;
    use crate::text::to_text;

    fn read(text: &str) -> Option<Nonza> {
        Nonza::of(&parse(text).unwrap())
    }

    #[test]
    fn nonzas_are_read() {
        assert_eq!(
            read("<enable xmlns='urn:xmpp:sm:3' resume='true'/>"),
            Some(Nonza::Enable { resume: true })
        );
        assert_eq!(read("<enable xmlns='urn:xmpp:sm:3'/>"), Some(Nonza::Enable { resume: false }));
        assert_eq!(read("<r xmlns='urn:xmpp:sm:3'/>"), Some(Nonza::Request));
        assert_eq!(read("<a xmlns='urn:xmpp:sm:3' h='7'/>"), Some(Nonza::Ack { h: Some(7) }));
        assert_eq!(read("<r xmlns='urn:xmpp:sm:2'/>"), None);
    }

    #[test]
    fn an_ack_that_is_no_number_is_told() {
        for h in ["", "-1", "4294967296", "x"] {
            assert_eq!(read(&format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>")), Some(Nonza::Ack { h: None }));
        }
    }

    #[test]
    fn they_are_written_as_clients_read_them() {
        assert_eq!(
            to_text(&enabled(Some("T"), 90)),
            r#"<enabled xmlns="urn:xmpp:sm:3" id="T" max="90" resume="true"/>"#
        );
        assert_eq!(to_text(&resumed(3, "T", None)), r#"<resumed xmlns="urn:xmpp:sm:3" h="3" previd="T"/>"#);
        assert_eq!(
            to_text(&resumed(3, "T", Some(Gap { known: 7, until: 9 }))),
            r#"<resumed xmlns="urn:xmpp:sm:3" h="3" known="7" previd="T" until="9"/>"#
        );
        assert_eq!(to_text(&parse(FILLER).unwrap()), FILLER);
        assert_eq!(
            to_text(&failed("item-not-found")),
            "<failed xmlns=\"urn:xmpp:sm:3\"><item-not-found xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></failed>"
        );
    }
}
