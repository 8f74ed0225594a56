//! Elements out of parser events, within the limits: shared by WebSocket frames and TCP streams.

use minidom::rxml::{AttrMap, Event, Namespace, NcName};

use crate::{Element, limits, names, ns};

/// Builds one top-level element after another. Prefixes are resolved on the way and gone afterwards.
#[derive(Debug, Default)]
pub struct Tree {
    open: Vec<Element>,
    elements: usize,
    /// of namespaces, as they are repeated when the elements are written
    namespaces: usize,
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
    #[error(
        "the namespaces of a stanza, each written where it changes, have more than {} bytes",
        limits::NAMESPACES_BYTES_MAX
    )]
    Namespaces,
    /// RFC 6120 section 4.8.1: that namespace is for the stream and its own elements
    #[error("an element of the stream is within another element")]
    StreamWithin,
    /// Namespaces in XML 1.0, section 3
    #[error("an element or attribute is in a namespace that is reserved for XML itself")]
    Reserved,
    #[error("a name has characters that not every XML parser takes")]
    Name,
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
                self.namespaces += self.namespaces_of(space.as_str(), &attributes);
                self.check(space.as_str(), name.as_str(), &attributes)?;
                let mut element = Element::bare(name.as_str(), space.as_str());
                *element.attrs_mut() = attributes;
                self.open.push(element);
                Ok(None)
            }
            Event::Text(_, text) => {
                if let Some(element) = self.open.last_mut().filter(|_| !text.is_empty()) {
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

    fn check(&self, space: &str, name: &str, attributes: &AttrMap) -> Result<(), TreeError> {
        // the tree is dropped and written by recursion, so its depth is bounded here, once
        if self.open.len() >= limits::DEPTH_MAX {
            return Err(TreeError::TooDeep);
        }
        if self.elements > limits::ELEMENTS_MAX {
            return Err(TreeError::TooManyElements);
        }
        // a prefix is bound once and used often: without a bound a frame would grow a thousandfold when it is written
        if self.namespaces > limits::NAMESPACES_BYTES_MAX {
            return Err(TreeError::Namespaces);
        }
        if attributes.len() > limits::ATTRIBUTES_MAX {
            return Err(TreeError::TooManyAttributes);
        }
        // COMPAT: clients look for a stream error anywhere within a stanza, and give their session up for it
        if !self.open.is_empty() && space == ns::STREAM {
            return Err(TreeError::StreamWithin);
        }
        if matches!(space, ns::XML | ns::XMLNS) || attributes.iter().any(is_reserved) {
            return Err(TreeError::Reserved);
        }
        let mut names = attributes.iter().map(|((_, name), _)| name.as_str());
        if !names::is_plain(name) || !names.all(names::is_plain) {
            return Err(TreeError::Name);
        }
        Ok(())
    }

    fn namespaces_of(&self, space: &str, attributes: &AttrMap) -> usize {
        let inherited = self.open.last().is_some_and(|parent| parent.has_ns(space));
        let of_attributes: usize = attributes.iter().map(|((space, _), _)| space.as_str().len()).sum();
        of_attributes + if inherited { 0 } else { space.len() }
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
                self.namespaces = 0;
                Some(element)
            }
        }
    }
}

/// COMPAT: clients select elements by an attribute `xmlns` of whatever namespace, so nobody else's may have that name.
fn is_reserved(((space, name), _): ((&Namespace, &NcName), &String)) -> bool {
    space.as_str() == ns::XMLNS || name.as_str() == "xmlns"
}
