//! A stream over TCP (RFC 6120 section 4): bytes in, stream header, top-level elements and footer out.
//!
//! The reader takes the bytes as they arrive and holds at most one unfinished element, within the limits of
//! [`crate::limits`]. After SASL the client opens a new stream on the same connection: [`Reader::restart`].

use minidom::rxml::error::EndOrError;
use minidom::rxml::{AttrMap, Event, Namespace, Parse, Parser, WithOptions};

use crate::tree::{Tree, TreeError};
use crate::{Element, frame, limits, ns};

/// What a client says at the top level of its stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Open(Header),
    Element(Element),
    /// `</stream:stream>`
    Close,
}

/// The attributes of `<stream:stream>` that matter to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub to: Option<String>,
    pub version: Option<String>,
}

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("an element has more than {limit} bytes", limit = limits::STANZA_BYTES_MAX)]
    TooBig,
    #[error("the stream does not begin with a stream header of jabber:client")]
    NoHeader,
    #[error("there is text between the elements")]
    StrayText,
    /// not well-formed, or one of the things that XMPP forbids
    #[error("the stream is not restricted XML: {0}")]
    Malformed(String),
    #[error(transparent)]
    Limit(#[from] TreeError),
}

impl StreamError {
    /// The stream error condition that says it (RFC 6120 section 4.9.3).
    pub fn condition(&self) -> &'static str {
        match self {
            Self::TooBig | Self::Limit(_) => "policy-violation",
            Self::NoHeader => "invalid-namespace",
            Self::StrayText => "bad-format",
            Self::Malformed(_) => "not-well-formed",
        }
    }
}

/// Call [`Reader::push`] with what arrived, then [`Reader::next`] until it gives `None`.
#[derive(Debug)]
pub struct Reader {
    parser: Parser,
    tree: Tree,
    /// arrived, not parsed yet
    buffer: Vec<u8>,
    /// of `buffer`
    parsed: usize,
    /// parsed since the last top-level element
    pending: usize,
    opened: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            parser: Parser::with_options(frame::options()),
            tree: Tree::default(),
            buffer: Vec::new(),
            parsed: 0,
            pending: 0,
            opened: false,
        }
    }
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.parsed);
        self.parsed = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next thing that was said; `None` where more bytes are needed.
    ///
    /// # Errors
    /// [`StreamError`]; the reader is of no use afterwards.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator that ends goes on here with the next bytes"
    )]
    pub fn next(&mut self) -> Result<Option<Said>, StreamError> {
        // the parser would wait for the end of such a text
        let first = self.buffer.get(self.parsed).filter(|_| !self.opened && self.pending == 0);
        if first.is_some_and(|byte| *byte != b'<' && !byte.is_ascii_whitespace()) {
            return Err(StreamError::Malformed("it begins with text".to_owned()));
        }
        loop {
            let Some(event) = self.event()? else { return Ok(None) };
            if let Some(said) = self.said(event)? {
                self.pending = 0;
                return Ok(Some(said));
            }
        }
    }

    /// A new stream begins with what comes next (RFC 6120 section 6.4.6).
    pub fn restart(&mut self) {
        let rest = self.buffer.split_off(self.parsed);
        *self = Self { buffer: rest, ..Self::default() };
    }

    fn event(&mut self) -> Result<Option<Event>, StreamError> {
        let mut rest = &self.buffer[self.parsed..];
        let before = rest.len();
        let parsed = self.parser.parse(&mut rest, false);
        let taken = before - rest.len();
        self.parsed += taken;
        self.pending += taken;
        if self.pending > limits::STANZA_BYTES_MAX {
            return Err(StreamError::TooBig);
        }
        match parsed {
            Ok(event) => Ok(event),
            Err(EndOrError::NeedMoreData) => Ok(None),
            Err(EndOrError::Error(error)) => Err(StreamError::Malformed(error.to_string())),
        }
    }

    fn said(&mut self, event: Event) -> Result<Option<Said>, StreamError> {
        match event {
            Event::XmlDeclaration(..) => Ok(None),
            Event::StartElement(_, (space, name), attributes) if !self.opened => {
                if space.as_str() != ns::STREAM || name.as_str() != "stream" {
                    return Err(StreamError::NoHeader);
                }
                self.opened = true;
                Ok(Some(Said::Open(header(&attributes))))
            }
            Event::EndElement(_) if self.tree.is_empty() => Ok(Some(Said::Close)),
            Event::Text(_, text) if self.tree.is_empty() => {
                // white space keeps the connection alive (RFC 6120 section 4.6.1)
                self.pending = 0;
                if text.trim().is_empty() { Ok(None) } else { Err(StreamError::StrayText) }
            }
            inner => Ok(self.tree.handle(inner)?.map(Said::Element)),
        }
    }
}

fn header(attributes: &AttrMap) -> Header {
    let attribute = |name: &str| attributes.get(&Namespace::NONE, name).cloned();
    Header { to: attribute("to"), version: attribute("version") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                        xmlns:stream='http://etherx.jabber.org/streams' to='auth.x' version='1.0'>";

    #[test]
    fn a_stream_is_read_however_it_is_cut() {
        let text = format!(
            "{OPEN} <iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>\n<presence/></stream:stream>"
        );
        let whole = check(&[text.as_bytes()]).unwrap();
        let names: Vec<_> = whole.iter().map(name).collect();
        assert_eq!(names, ["open auth.x", "iq", "presence", "close"]);
        for size in [1, 2, 3, 7, 64] {
            let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
            assert_eq!(check(&pieces).unwrap(), whole, "in pieces of {size}");
        }
    }

    #[test]
    fn elements_inherit_the_namespaces_of_the_header() {
        let said = check(&[OPEN.as_bytes(), b"<stream:error/><iq/>"]).unwrap();
        let [_, Said::Element(error), Said::Element(iq)] = &said[..] else { panic!("{said:?}") };
        assert!(error.is("error", ns::STREAM) && iq.is("iq", ns::CLIENT));
    }

    #[test]
    fn a_new_stream_begins_after_the_restart() {
        let mut reader = Reader::new();
        reader.push(format!("{OPEN}<auth xmlns='s'/>{OPEN}<iq/>").as_bytes());
        assert_eq!(name(&reader.next().unwrap().unwrap()), "open auth.x");
        assert_eq!(name(&reader.next().unwrap().unwrap()), "auth");
        reader.restart();
        assert_eq!(name(&reader.next().unwrap().unwrap()), "open auth.x");
        assert_eq!(name(&reader.next().unwrap().unwrap()), "iq");
        assert_eq!(reader.next(), Ok(None));
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for (text, condition) in [
            ("<stream/>", "invalid-namespace"),
            ("<iq xmlns='jabber:client'/>", "invalid-namespace"),
            ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
            ("\u{16}\u{3}\u{1}", "not-well-formed"),
            ("<!DOCTYPE x> <x/>", "not-well-formed"),
        ] {
            let refused = check(&[text.as_bytes()]).expect_err(text);
            assert_eq!(refused.condition(), condition, "{text}");
        }
        for (text, condition) in [
            ("hello", "bad-format"),
            ("<a></b>", "not-well-formed"),
            ("<!-- -->", "not-well-formed"),
            ("<?php?>", "not-well-formed"),
            ("&lol;", "not-well-formed"),
        ] {
            let refused = check(&[OPEN.as_bytes(), text.as_bytes(), b"<x/>"]).unwrap_err();
            assert_eq!(refused.condition(), condition, "{text}");
        }
    }

    #[test]
    fn an_element_without_end_is_cut_off() {
        let endless = [OPEN, "<message><body>"].concat();
        let chunk = "x".repeat(10_000);
        let mut reader = Reader::new();
        reader.push(endless.as_bytes());
        let refused = (0..100).find_map(|_| {
            reader.push(chunk.as_bytes());
            loop {
                match reader.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            }
        });
        assert_eq!(refused, Some(StreamError::TooBig));
    }

    #[test]
    fn many_small_elements_are_no_big_one() {
        let mut reader = Reader::new();
        reader.push(OPEN.as_bytes());
        for _ in 0..100 {
            reader.push(format!("<message>{}</message> ", "x".repeat(10_000)).as_bytes());
            while reader.next().unwrap().is_some() {}
        }
        assert!(reader.buffer.len() <= 10_100, "{}", reader.buffer.len());
    }

    #[test]
    fn a_deep_chain_is_refused() {
        let chain = "<a>".repeat(limits::DEPTH_MAX + 1);
        let refused = check(&[OPEN.as_bytes(), chain.as_bytes()]).unwrap_err();
        assert_eq!(refused, StreamError::Limit(TreeError::TooDeep));
    }

    fn check(pieces: &[&[u8]]) -> Result<Vec<Said>, StreamError> {
        let mut reader = Reader::new();
        let mut said = Vec::new();
        for piece in pieces {
            reader.push(piece);
            while let Some(one) = reader.next()? {
                said.push(one);
            }
        }
        Ok(said)
    }

    fn name(said: &Said) -> String {
        match said {
            Said::Open(header) => format!("open {}", header.to.as_deref().unwrap_or_default()),
            Said::Element(element) => element.name().to_owned(),
            Said::Close => "close".to_owned(),
        }
    }
}
