//! What a frame is, from the start tag of its one element (RFC 7395 section 3.3).
//!
//! Nearly every frame is told apart by its first few words. What is written in an unusual way (a prefix, a character
//! reference, a declaration) is parsed as a whole, so that nobody counts otherwise than the server does.

use crate::sm::Gap;
use crate::{frame, ns};

/// As far as a splice wants to know.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// it is counted (XEP-0198 section 4)
    Stanza,
    Open,
    Close,
    StreamError,
    Auth,
    /// a mechanism of more than one step: what was said cannot be said again
    Steps,
    /// SASL
    Failure,
    Enable {
        resume: bool,
    },
    /// `token` where the stream can be resumed
    Enabled {
        token: Option<String>,
    },
    Resume {
        previd: String,
        h: u32,
    },
    /// `h` is `None` where it is missing or no number
    Resumed {
        h: Option<u32>,
        lost: Option<Gap>,
    },
    /// XEP-0198
    Failed,
    Request,
    Ack {
        h: Option<u32>,
    },
    Other,
}

/// Most of what a server sends begins like this.
const USUAL: [&str; 3] = [
    r#"<message xmlns="jabber:client""#,
    r#"<presence xmlns="jabber:client""#,
    r#"<iq xmlns="jabber:client""#,
];

impl Seen {
    pub(super) fn of(text: &str) -> Self {
        if USUAL.iter().any(|usual| text.starts_with(usual)) {
            return Self::Stanza;
        }
        match Tag::of(text) {
            Some(tag) => Self::of_tag(tag.name, tag.ns, |name| tag.attribute(name)),
            None => Self::of_whole(text),
        }
    }

    fn of_whole(text: &str) -> Self {
        match frame::parse(text) {
            Ok(element) => Self::of_tag(element.name(), &element.ns(), |name| element.attr(name)),
            // the server ends a stream over it
            Err(_) => Self::Other,
        }
    }

    fn of_tag<'a>(name: &str, ns: &str, attribute: impl Fn(&'static str) -> Option<&'a str>) -> Self {
        let number = |name| attribute(name).and_then(|value| value.parse().ok());
        let is_true = |name| matches!(attribute(name), Some("true" | "1"));
        match (ns, name) {
            (ns::CLIENT, "iq" | "presence" | "message") => Self::Stanza,
            (ns::SM, "r") => Self::Request,
            (ns::SM, "a") => Self::Ack { h: number("h") },
            (ns::SM, "enable") => Self::Enable { resume: is_true("resume") },
            (ns::SM, "enabled") => {
                let token = attribute("id").filter(|id| !id.is_empty() && is_true("resume"));
                Self::Enabled { token: token.map(str::to_owned) }
            }
            (ns::SM, "resume") => match (attribute("previd"), number("h")) {
                (Some(previd), Some(h)) => Self::Resume { previd: previd.to_owned(), h },
                _ => Self::Other,
            },
            (ns::SM, "resumed") => {
                let gap = |(known, until)| Gap { known, until };
                Self::Resumed { h: number("h"), lost: number("known").zip(number("until")).map(gap) }
            }
            (ns::SM, "failed") => Self::Failed,
            (ns::FRAMING, "open") => Self::Open,
            (ns::FRAMING, "close") => Self::Close,
            (ns::STREAM, "error") => Self::StreamError,
            (ns::SASL, "auth") => Self::Auth,
            (ns::SASL, "challenge" | "response") => Self::Steps,
            (ns::SASL, "failure") => Self::Failure,
            _ => Self::Other,
        }
    }
}

/// A start tag as nearly everybody writes it.
struct Tag<'a> {
    name: &'a str,
    ns: &'a str,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// `None`: it is to be parsed as a whole.
    fn of(text: &'a str) -> Option<Self> {
        let inner = text.trim_ascii_start().strip_prefix('<')?;
        let end = inner.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))?;
        let (name, attributes) = inner.split_at(end);
        let is_plain = |byte: u8| byte.is_ascii_alphabetic();
        if name.is_empty() || !name.bytes().all(is_plain) {
            return None;
        }
        let tag = Self { name, ns: "", attributes };
        let ns = tag.attribute("xmlns")?;
        Some(Self { ns, ..tag })
    }

    /// `None` too where a reference would have to be resolved: for `xmlns` the whole is parsed then, and no other value
    /// that is asked for ever has one.
    fn attribute(&self, wanted: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_ascii_start();
            let (name, after) = rest.split_once('=')?;
            if name.contains(['<', '>', '/']) {
                return None;
            }
            let after = after.trim_ascii_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = after[1..].split_once(quote)?;
            if name.trim_ascii_end() == wanted {
                return (!value.contains('&')).then_some(value);
            }
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sm::{self, Nonza};
    use crate::stanza::Kind;
    use crate::text::to_text;

    fn check(text: &str, expected: Seen) {
        assert_eq!(Seen::of(text), expected, "{text}");
    }

    #[test]
    fn stanzas_are_those_of_a_client() {
        for text in [
            r#"<message xmlns="jabber:client" from="a"><body>1</body></message>"#,
            r#"<presence xmlns="jabber:client"/>"#,
            r#"<iq type="get" to="meet.example" id="a:sendIQ" xmlns="jabber:client"><ping xmlns="urn:xmpp:ping"/></iq>"#,
            "<message\n xmlns = 'jabber:client'>x</message>",
            " <iq a='>' xmlns='jabber:client'/>",
            "<c:iq xmlns:c='jabber:client'/>",
            "<message xmlns='jabber&#58;client'/>",
            "<?xml version='1.0'?><iq xmlns='jabber:client'/>",
        ] {
            check(text, Seen::Stanza);
        }
        for text in [
            "<iq xmlns='jabber:server'/>",
            "<iq/>",
            "<iqs xmlns='jabber:client'/>",
            "<iq a='xmlns=\"jabber:client\"'/>",
            "<a:iq xmlns:a='urn:x' xmlns='jabber:client'/>",
            "",
            " ",
            "<",
            "<iq",
            "<iq xmlns",
            "<iq xmlns=",
            "<iq xmlns='jabber:client",
            "text",
            "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>",
        ] {
            check(text, Seen::Other);
        }
    }

    #[test]
    fn what_a_stream_says_of_itself_is_read() {
        let framing = |name: &str| format!("<{name} xmlns=\"{}\" version=\"1.0\"/>", ns::FRAMING);
        check(&framing("open"), Seen::Open);
        check(&framing("close"), Seen::Close);
        check(&crate::stream_error::text("conflict"), Seen::StreamError);
        let sasl = |name: &str| format!("<{name} xmlns='{}'/>", ns::SASL);
        check(&sasl("auth"), Seen::Auth);
        check(&sasl("challenge"), Seen::Steps);
        check(&sasl("response"), Seen::Steps);
        check(&sasl("failure"), Seen::Failure);
        check(&sasl("success"), Seen::Other);
    }

    #[test]
    fn stream_management_is_read() {
        check("<enable xmlns='urn:xmpp:sm:3' resume='true'/>", Seen::Enable { resume: true });
        check("<enable xmlns='urn:xmpp:sm:3'/>", Seen::Enable { resume: false });
        let token = |token: &str| Seen::Enabled { token: Some(token.to_owned()) };
        check(&to_text(&sm::enabled(Some("T-1"), 90)), token("T-1"));
        check("<s:enabled xmlns:s='urn:xmpp:sm:3' resume='1' id='a&amp;b'/>", token("a&b"));
        check(&to_text(&sm::enabled(None, 90)), Seen::Enabled { token: None });
        check("<enabled xmlns='urn:xmpp:sm:3' id='' resume='true'/>", Seen::Enabled { token: None });
        let resume = Seen::Resume { previd: "T".to_owned(), h: 4_294_967_295 };
        check("<resume h='4294967295' previd='T' xmlns='urn:xmpp:sm:3'/>", resume);
        check("<resume h='-1' previd='T' xmlns='urn:xmpp:sm:3'/>", Seen::Other);
        check(&to_text(&sm::resumed(7, "T", None)), Seen::Resumed { h: Some(7), lost: None });
        let lost = Some(Gap { known: 5, until: 6 });
        check(&to_text(&sm::resumed(7, "T", lost)), Seen::Resumed { h: Some(7), lost });
        check(&to_text(&sm::failed("item-not-found")), Seen::Failed);
        check(&to_text(&sm::request()), Seen::Request);
        check(&to_text(&sm::ack(7)), Seen::Ack { h: Some(7) });
        check("<a xmlns='urn:xmpp:sm:3' h='4294967296'/>", Seen::Ack { h: None });
        check("<a xmlns='urn:xmpp:sm:2' h='1'/>", Seen::Other);
    }

    /// What a scan says is what the server's parser says.
    fn check_agrees(text: &str) {
        let Ok(element) = frame::parse(text) else { return };
        let is_stanza = Kind::of(&element).is_some();
        assert_eq!(Seen::of(text) == Seen::Stanza, is_stanza, "{text}");
        let is_request = Nonza::of(&element) == Some(Nonza::Request);
        assert_eq!(Seen::of(text) == Seen::Request, is_request, "{text}");
    }

    proptest::proptest! {
        #[test]
        fn a_scan_and_a_parser_agree(
            name in "(c:)?(iq|message|presence|r|x)",
            before in proptest::collection::vec("(id|to|xmlns:c|c:xmlns) ?= ?('[^'<&]{0,9}'|\"jabber:client\"|'urn:xmpp:sm:3')", 0..3),
            ns in "( xmlns=('jabber:client'|\"urn:xmpp:sm:3\"|'jabber&#58;client'|'x'))?",
            end in "(/>|></[a-z]+>| />)",
        ) {
            let attributes: String = before.iter().map(|attribute| format!(" {attribute}")).collect();
            check_agrees(&format!("<{name}{attributes}{ns}{end}"));
        }

        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,60}", tail in "<[a-z= '\"&>é]{0,40}") {
            let _ = (Seen::of(&text), Seen::of(&tail));
        }
    }
}
