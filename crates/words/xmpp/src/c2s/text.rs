//! What the server writes while a stream is negotiated.
//!
//! COMPAT: Jitsi clients look at the first characters of the answer to `<open>`, want `stream:` declared in the very
//! frame that uses it, and read the message of a SASL failure with a regular expression. Hence literal text.

use crate::{Element, elem, ns, stream_error, text::to_text, text::to_text_within};

/// How a stream travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// RFC 7395: one frame, one element
    WebSocket,
    /// RFC 6120: one document
    Tcp,
}

/// What a client may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Features {
    Mechanisms(&'static [&'static str]),
    /// bind, and XEP-0198 where a stream can be resumed
    Resource {
        resumable: bool,
    },
}

impl Framing {
    /// Begins a stream from `domain`.
    pub(super) fn open(self, domain: &str, id: &str) -> String {
        match self {
            Self::WebSocket => {
                let open =
                    elem("open", ns::FRAMING).attr("from", domain).attr("id", id).attr("version", "1.0");
                to_text(&open.build())
            }
            Self::Tcp => {
                // the attributes of a header, with those of an element that holds them
                let holder = to_text_within(&elem("h", "").attr("from", domain).attr("id", id).build(), "");
                let attributes = holder.trim_start_matches("<h").trim_end_matches("/>");
                format!(
                    "<?xml version='1.0'?><stream:stream xmlns=\"{}\" xmlns:stream=\"{}\"{attributes} version=\"1.0\">",
                    ns::CLIENT,
                    ns::STREAM,
                )
            }
        }
    }

    /// Ends a stream.
    pub fn close(self) -> String {
        match self {
            Self::WebSocket => to_text(&elem("close", ns::FRAMING).build()),
            Self::Tcp => "</stream:stream>".to_owned(),
        }
    }

    /// A stream error and the end of the stream. `condition` is one of RFC 6120 section 4.9.3.
    pub fn error(self, condition: &'static str) -> [String; 2] {
        [stream_error::text(condition), self.close()]
    }
}

pub(super) fn features(features: Features) -> String {
    let children = match features {
        Features::Mechanisms(names) => {
            let mechanisms = names.iter().map(|name| elem("mechanism", ns::SASL).text(*name).build());
            to_text_within(&elem("mechanisms", ns::SASL).children(mechanisms).build(), ns::CLIENT)
        }
        Features::Resource { resumable } => {
            let bind = to_text(&elem("bind", ns::BIND).build());
            let sm = if resumable { to_text(&elem("sm", ns::SM).build()) } else { String::new() };
            bind + &sm
        }
    };
    format!(
        "<stream:features xmlns:stream=\"{}\" xmlns=\"{}\">{children}</stream:features>",
        ns::STREAM,
        ns::CLIENT
    )
}

/// The answer to a bind request (RFC 6120 section 7.6.1).
pub fn bound(iq_id: &str, jid: &str) -> Element {
    let bind = elem("bind", ns::BIND).child(elem("jid", ns::BIND).text(jid));
    elem("iq", ns::CLIENT).attr("type", "result").attr("id", iq_id).child(bind).build()
}

pub(super) fn challenge(base64: String) -> String {
    to_text(&elem("challenge", ns::SASL).text(base64).build())
}

/// `data` in base64; empty where the mechanism has nothing to say.
pub(super) fn success(base64: String) -> String {
    let success = elem("success", ns::SASL);
    to_text(&if base64.is_empty() { success } else { success.text(base64) }.build())
}

/// `condition` is one of RFC 6120 section 6.5.
pub(super) fn failure(condition: &'static str, message: &str) -> String {
    let text = elem("text", ns::SASL).text(message);
    to_text(&elem("failure", ns::SASL).child(elem(condition, ns::SASL)).child(text).build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame;

    #[test]
    fn the_answer_to_open_begins_as_clients_want_it() {
        let open = Framing::WebSocket.open("meet.example", "s1");
        assert!(open.starts_with("<open "), "{open}");
        let element = frame::parse(&open).unwrap();
        assert_eq!((element.attr("from"), element.attr("version")), (Some("meet.example"), Some("1.0")));
    }

    #[test]
    fn features_declare_their_prefix_in_the_frame() {
        let text = features(Features::Resource { resumable: true });
        assert!(
            text.starts_with("<stream:features xmlns:stream=\"http://etherx.jabber.org/streams\""),
            "{text}"
        );
        let element = frame::parse(&text).unwrap();
        assert!(element.is("features", ns::STREAM));
        assert!(element.has_child("bind", ns::BIND) && element.has_child("sm", ns::SM));
        assert!(!element.has_child("session", ns::SESSION));
        assert!(text.contains("<bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/>"), "{text}");
    }

    #[test]
    fn a_tcp_header_is_the_beginning_of_a_document() {
        let mut reader = crate::tcp::Reader::new();
        let header = Framing::Tcp.open("a&b", "1");
        reader.push(header.as_bytes());
        assert!(matches!(reader.next(), Ok(Some(crate::tcp::Said::Open(_)))), "{header}");
        assert!(header.contains("from=\"a&amp;b\" id=\"1\""), "{header}");
    }

    #[test]
    fn a_failure_has_the_form_that_clients_cut_the_message_from() {
        assert_eq!(
            failure("not-allowed", "the room & the token differ"),
            "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"><not-allowed/>\
             <text>the room &amp; the token differ</text></failure>"
        );
    }
}
