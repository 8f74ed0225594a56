//! What only the server says: a client that says it speaks for somebody else.
//!
//! COMPAT: clients search a whole stanza for some of these and take the first that they find, however deep. So a child
//! that has one anywhere within is dropped as a whole.

use xmpp::{Element, ns};

/// In presences. `x` and `flip_device` are searched for by name alone.
pub(super) fn in_presence(child: &Element) -> bool {
    anywhere(child, &|element| {
        matches!(element.name(), "x" | "flip_device" | "identity" | "ignore" | "delay" | "permissions")
            || element.has_ns(ns::MUC_USER)
            || element.has_ns(ns::FOCUS)
    })
}

/// In messages to the room and to occupants: who speaks, when, and by which invitation.
pub(super) fn in_message(child: &Element) -> bool {
    anywhere(child, &|element| {
        matches!(element.name(), "delay" | "display-name" | "addresses")
            || [ns::MUC_USER, ns::DELAY, ns::LEGACY_DELAY, ns::NICK, ns::DISPLAY_NAME, ns::ADDRESS]
                .iter()
                .any(|space| element.has_ns(*space))
    })
}

/// Deep elements were refused when they were read.
fn anywhere(element: &Element, is: &impl Fn(&Element) -> bool) -> bool {
    is(element) || element.children().any(|child| anywhere(child, is))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(of: fn(&Element) -> bool, child: &str, expected: bool) {
        for text in [child.to_owned(), format!("<a><b>text{child}</b></a>"), format!("<a><y/>{child}</a>")] {
            let stanza = xmpp::frame::parse(&format!("<z xmlns='jabber:client'>{text}</z>")).unwrap();
            assert_eq!(of(stanza.children().next().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn presences_are_searched_to_the_bottom() {
        for child in [
            "<x xmlns='http://jabber.org/protocol/muc#user'><item role='moderator'/></x>",
            "<x xmlns='vcard-temp:x:update'/>",
            "<item xmlns='http://jabber.org/protocol/muc#user'/>",
            "<flip_device/>",
            "<flip_device xmlns='urn:y'/>",
            "<identity/>",
            "<ignore xmlns='http://jitsi.org/jitmeet/'/>",
            "<delay xmlns='urn:xmpp:delay'/>",
            "<permissions xmlns='http://jitsi.org/jitmeet'/>",
            "<conference-properties xmlns='http://jitsi.org/protocol/focus'/>",
        ] {
            check(in_presence, child, true);
        }
        for child in ["<jitsi_participant_x>1</jitsi_participant_x>", "<nick xmlns='n'>x</nick>", "<item/>"] {
            check(in_presence, child, false);
        }
    }

    #[test]
    fn messages_are_searched_to_the_bottom() {
        for child in [
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
            "<status xmlns='http://jabber.org/protocol/muc#user' code='104'/>",
            "<delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00Z'/>",
            "<delay stamp='1970-01-01T00:00:00Z'/>",
            "<y xmlns='jabber:x:delay' stamp='19700101T00:00:00'/>",
            "<nick xmlns='http://jabber.org/protocol/nick'>Queen</nick>",
            "<display-name xmlns='http://jitsi.org/protocol/display-name' source='visitor'>Queen</display-name>",
            "<addresses xmlns='http://jabber.org/protocol/address'><address type='ofrom' jid='a@b'/></addresses>",
        ] {
            check(in_message, child, true);
        }
        for child in
            ["<body>x</body>", "<x xmlns='jabber:x:oob'/>", "<reply to='a'/>", "<store xmlns='urn:h'/>"]
        {
            check(in_message, child, false);
        }
    }
}
