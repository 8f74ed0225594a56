//! Elements out of parser events, within the limits: shared by WebSocket frames and TCP streams.

use minidom::rxml::Event;

use crate::{Element, limits, ns};

/// Builds one top-level element after another. Prefixes are resolved on the way and gone afterwards.
#[derive(Debug, Default)]
pub struct Tree {
    open: Vec<Element>,
    elements: usize,
}

/// Which limit or rule an element broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    #[error("elements are nested deeper than {}", limits::DEPTH_MAX)]
    TooDeep,
    #[error("an element has more than {} attributes", limits::ATTRIBUTES_MAX)]
    TooManyAttributes,
    #[error("a stanza has more than {} elements", limits::ELEMENTS_MAX)]
    TooManyElements,
    /// RFC 6120 section 4.8.1: that namespace is for the stream and its own elements
    #[error("an element of the stream is within another element")]
    StreamWithin,
}

impl Tree {
    /// Takes one event; gives the top-level element that it completed.
    ///
    /// # Errors
    /// [`TreeError`]; the tree is of no use afterwards.
    pub fn handle(&mut self, event: Event) -> Result<Option<Element>, TreeError> {
        match event {
            Event::XmlDeclaration(..) => Ok(None),
            Event::StartElement(_, (space, name), attributes) => {
                self.elements += 1;
                // the tree is dropped and written by recursion, so its depth is bounded here, once
                if self.open.len() >= limits::DEPTH_MAX {
                    return Err(TreeError::TooDeep);
                }
                if self.elements > limits::ELEMENTS_MAX {
                    return Err(TreeError::TooManyElements);
                }
                if attributes.len() > limits::ATTRIBUTES_MAX {
                    return Err(TreeError::TooManyAttributes);
                }
                // COMPAT: clients look for a stream error anywhere within a stanza, and give their session up for it
                if !self.open.is_empty() && space.as_str() == ns::STREAM {
                    return Err(TreeError::StreamWithin);
                }
                let mut element = Element::bare(name.as_str(), space.as_str());
                *element.attrs_mut() = attributes;
                self.open.push(element);
                Ok(None)
            }
            Event::Text(_, text) => {
                if let Some(element) = self.open.last_mut() {
                    element.append_text(text);
                }
                Ok(None)
            }
            Event::EndElement(_) => Ok(self.close()),
        }
    }

    /// No element is half open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn close(&mut self) -> Option<Element> {
        let element = self.open.pop()?;
        match self.open.last_mut() {
            Some(parent) => {
                parent.append_child(element);
                None
            }
            None => {
                self.elements = 0;
                Some(element)
            }
        }
    }
}
