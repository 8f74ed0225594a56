//! XMPP words: streams, JIDs and stanzas, one module per RFC or XEP. No clock, no I/O.

pub mod jingle;

pub use jid;
pub use minidom::Element;
