//! XMPP words: streams, JIDs and stanzas, one module per RFC or XEP. No clock, no I/O.
//!
//! Text comes in through [`frame::parse`] (one RFC 7395 frame, hard limits) and leaves through
//! [`text::to_text`]; in between everything is an [`Element`], built with [`elem`]. An element that came in has
//! no prefixes any more, and what goes out repeats `xmlns` wherever it differs from the parent and never uses a
//! prefix: Jitsi clients compare the literal attribute.
//!
//! Where an element means something it has a function that writes it or a type that reads it, in the module of
//! its specification: [`stanza`] and [`stanza_error`] (RFC 6120), [`stream_error`], [`muc`] (XEP-0045),
//! [`disco`] (XEP-0030), [`sm`] (XEP-0198), [`extdisco`] (XEP-0215), [`forms`] (XEP-0004), [`delay`]
//! (XEP-0203), [`ping`] (XEP-0199), [`bosh`] (XEP-0124), [`jingle`] (XEP-0166 and its family).
//!
//! [`c2s`] is the server's side of a login, and [`splice`] keeps a client's stream when its server is another one: two
//! machines that need nothing but words.
//!
//! What this crate refuses to know: who may say what to whom. That is the machines' business.

pub mod bosh;
pub mod build;
pub mod c2s;
pub mod delay;
pub mod disco;
pub mod extdisco;
pub mod forms;
pub mod frame;
pub mod jingle;
pub mod limits;
pub mod muc;
mod names;
pub mod ns;
pub mod ping;
pub mod room;
pub mod sm;
pub mod splice;
pub mod stanza;
pub mod stanza_error;
pub mod stream_error;
pub mod tcp;
pub mod text;
pub mod tree;

pub use build::elem;
pub use jid;
pub use minidom::Element;
