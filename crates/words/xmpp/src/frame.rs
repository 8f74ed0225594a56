//! One WebSocket text frame is one top-level element (RFC 7395 section 3.3).

use minidom::rxml::error::EndOrError;
use minidom::rxml::{Options, Parse, Parser, WithOptions};

use crate::tree::{Tree, TreeError};
use crate::{Element, limits};

/// Why a frame is no element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is over the limit of {limit}", limit = limits::STANZA_BYTES_MAX)]
    TooBig(usize),
    #[error("the frame is empty")]
    Empty,
    #[error("the frame ends within an element")]
    Unfinished,
    #[error("the frame has no namespace: repeat xmlns on every frame")]
    NoNamespace,
    /// not well-formed, or one of the things that XMPP forbids: DTD, processing instruction, comment, a second root
    #[error("the frame is not restricted XML: {0}")]
    Malformed(String),
    #[error(transparent)]
    Limit(#[from] TreeError),
}

impl FrameError {
    /// The stream error condition that says it (RFC 6120 section 4.9.3).
    pub fn condition(&self) -> &'static str {
        match self {
            Self::TooBig(_) | Self::Limit(_) => "policy-violation",
            Self::NoNamespace => "invalid-namespace",
            Self::Empty | Self::Unfinished | Self::Malformed(_) => "not-well-formed",
        }
    }
}

/// Parses the whole of `text` as one element.
///
/// # Errors
/// [`FrameError`]; no text makes it panic.
pub fn parse(text: &str) -> Result<Element, FrameError> {
    if text.len() > limits::STANZA_BYTES_MAX {
        return Err(FrameError::TooBig(text.len()));
    }
    let mut parser = Parser::with_options(options());
    let mut tree = Tree::default();
    let mut root = None;
    let mut rest = text.as_bytes();
    loop {
        match parser.parse(&mut rest, true) {
            Ok(Some(event)) => {
                if let Some(element) = tree.handle(event)? {
                    root = Some(element);
                }
            }
            Ok(None) => break,
            Err(EndOrError::NeedMoreData) => return Err(FrameError::Unfinished),
            Err(EndOrError::Error(_)) if text.trim().is_empty() => return Err(FrameError::Empty),
            Err(EndOrError::Error(error)) => return Err(FrameError::Malformed(error.to_string())),
        }
    }
    match root {
        Some(root) if root.ns().is_empty() => Err(FrameError::NoNamespace),
        Some(root) => Ok(root),
        None => Err(FrameError::Empty),
    }
}

/// The parser's options for any stream of ours.
pub fn options() -> Options {
    Options { max_token_length: limits::TOKEN_BYTES_MAX, ..Options::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ns;
    use crate::text::to_text;

    fn refused(text: &str) -> FrameError {
        parse(text).expect_err("it should be refused")
    }

    #[test]
    fn a_stanza_is_read() {
        let element =
            parse(r#"<iq type="get" id="1" xmlns="jabber:client"><ping xmlns="urn:xmpp:ping"/></iq>"#)
                .unwrap();
        assert_eq!(element.attr("id"), Some("1"));
        assert!(element.has_child("ping", "urn:xmpp:ping"));
    }

    #[test]
    fn prefixes_are_gone_and_namespaces_stay() {
        let element = parse(
            r#"<c:iq xmlns:c="jabber:client" xmlns:p="urn:xmpp:ping"><p:ping p:k="1" xml:lang="en"/></c:iq>"#,
        )
        .unwrap();
        let text = to_text(&element);
        assert!(text.starts_with(r#"<iq xmlns="jabber:client"><ping xmlns="urn:xmpp:ping""#), "{text}");
        assert_eq!(parse(&text).unwrap(), element);
    }

    #[test]
    fn what_xmpp_forbids_is_refused() {
        for text in [
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a xmlns='b'>&x;</a>",
            "<a xmlns='b'>&x;</a>",
            "<?php x?><a xmlns='b'/>",
            "<a xmlns='b'><?x y?></a>",
            "<a xmlns='b'><!-- c --></a>",
            "<a xmlns='b'/><a xmlns='b'/>",
            "<a xmlns='b'/>tail",
            "head<a xmlns='b'/>",
            "<a xmlns='b'></b>",
            "<a xmlns='b' c='1' c='2'/>",
            "<p:a/>",
            "<a xmlns='b'>\u{8}</a>",
            "<a xmlns='b'>&#8;</a>",
            "<a xmlns='b' c='<'/>",
            "<a xmlns:xml='b'/>",
            "{}",
        ] {
            assert!(matches!(refused(text), FrameError::Malformed(_)), "{text}: {:?}", refused(text));
        }
    }

    #[test]
    fn unfinished_empty_and_homeless_frames_are_told_apart() {
        assert!(matches!(refused("<a xmlns='b'>"), FrameError::Unfinished | FrameError::Malformed(_)));
        assert_eq!(refused(""), FrameError::Empty);
        assert_eq!(refused("  "), FrameError::Empty);
        assert_eq!(refused("<a/>"), FrameError::NoNamespace);
    }

    #[test]
    fn a_chain_as_long_as_a_frame_does_not_reach_the_stack() {
        let text = "<a xmlns='b'>".to_owned() + &"<a>".repeat(80_000);
        assert_eq!(refused(&text), FrameError::Limit(TreeError::TooDeep));
    }

    #[test]
    fn the_limits_are_exact() {
        let nested = |depth: usize| {
            format!("<a xmlns='b'>{}{}</a>", "<a>".repeat(depth - 1), "</a>".repeat(depth - 1))
        };
        assert!(parse(&nested(limits::DEPTH_MAX)).is_ok());
        assert_eq!(refused(&nested(limits::DEPTH_MAX + 1)), FrameError::Limit(TreeError::TooDeep));

        let wide = |count: usize| format!("<a xmlns='b'>{}</a>", "<c/>".repeat(count - 1));
        assert!(parse(&wide(limits::ELEMENTS_MAX)).is_ok());
        assert_eq!(refused(&wide(limits::ELEMENTS_MAX + 1)), FrameError::Limit(TreeError::TooManyElements));

        let many = |count: usize| {
            let attributes: String = (0..count).map(|n| format!(" k{n}='v'")).collect();
            format!("<a xmlns='b'{attributes}/>")
        };
        assert!(parse(&many(limits::ATTRIBUTES_MAX)).is_ok());
        assert_eq!(
            refused(&many(limits::ATTRIBUTES_MAX + 1)),
            FrameError::Limit(TreeError::TooManyAttributes)
        );

        let long = |bytes: usize| format!("<a xmlns='b'>{}</a>", "x".repeat(bytes - 17));
        assert_eq!(long(limits::STANZA_BYTES_MAX).len(), limits::STANZA_BYTES_MAX);
        assert!(parse(&long(limits::STANZA_BYTES_MAX)).is_ok());
        let over = limits::STANZA_BYTES_MAX + 1;
        assert_eq!(refused(&long(over)), FrameError::TooBig(over));
    }

    #[test]
    fn elements_of_the_stream_are_within_nothing() {
        let stream = ns::STREAM;
        for text in [
            format!("<message xmlns='jabber:client'><body/><error xmlns='{stream}'/></message>"),
            format!("<message xmlns='jabber:client'><a><b><s:x xmlns:s='{stream}'/></b></a></message>"),
            format!("<s:features xmlns:s='{stream}'><s:a/></s:features>"),
        ] {
            let refusal = refused(&text);
            assert_eq!(refusal, FrameError::Limit(TreeError::StreamWithin), "{text}");
            assert_eq!(refusal.condition(), "policy-violation");
        }
        assert!(parse(&format!("<s:features xmlns:s='{stream}'><a xmlns='b'/></s:features>")).is_ok());
    }

    #[test]
    fn what_is_xmls_own_is_nobodys_to_use() {
        for text in [
            "<a xmlns='b'><xml:c/></a>",
            "<xml:a/>",
            "<a xmlns='b'><c xmlns='http://www.w3.org/2000/xmlns/'/></a>",
            "<a xmlns='b' xmlns:p='http://www.w3.org/2000/xmlns/'><p:c/></a>",
            "<a xmlns='b' xmlns:p='http://www.w3.org/2000/xmlns/' p:c='d'/>",
            "<a xmlns='b' xmlns:p='urn:p' p:xmlns='http://jabber.org/protocol/muc#user'/>",
            "<a xmlns='b' xml:xmlns='c'/>",
        ] {
            let refusal = refused(text);
            let known = matches!(refusal, FrameError::Limit(TreeError::Reserved) | FrameError::Malformed(_));
            assert!(known, "{text}: {refusal:?}");
        }
        assert!(parse("<a xmlns='b' xml:lang='en'/>").is_ok());
    }

    #[test]
    fn nothing_grows_much_when_it_is_written() {
        let long = "n".repeat(50_000);
        let bound =
            |children: usize| format!("<a xmlns='b' xmlns:p='{long}'>{}</a>", "<p:c/>".repeat(children));
        assert!(parse(&bound(10)).is_ok());
        assert_eq!(refused(&bound(11)), FrameError::Limit(TreeError::Namespaces));
        let attributes = "<c p:d=''/>".repeat(11);
        let text = format!("<a xmlns='b' xmlns:p='{long}'>{attributes}</a>");
        assert_eq!(refused(&text), FrameError::Limit(TreeError::Namespaces));
        // who inherits a namespace does not repeat it
        let text = format!("<p:a xmlns:p='{long}'>{}</p:a>", "<p:c/>".repeat(1_000));
        assert!(to_text(&parse(&text).unwrap()).len() < 100_000);
    }

    #[test]
    fn names_are_for_every_parser() {
        for name in ["a\u{b7}", "\u{1f600}", "\u{2c00}"] {
            for text in [
                format!("<a xmlns='b'><{name}/></a>"),
                format!("<a xmlns='b' {name}='c'/>"),
                format!("<{name} xmlns='b'/>"),
            ] {
                assert_eq!(refused(&text), FrameError::Limit(TreeError::Name), "{text}");
            }
        }
    }

    #[test]
    fn every_error_has_a_stream_condition() {
        assert_eq!(refused("<a").condition(), "not-well-formed");
        assert_eq!(refused("<a/>").condition(), "invalid-namespace");
        assert_eq!(FrameError::TooBig(1).condition(), "policy-violation");
    }
}
