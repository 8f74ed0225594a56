//! Jingle as Jitsi speaks it (XEP-0166 with XEP-0167, 0176, 0293, 0294, 0320, 0338, 0339, 0343).
//!
//! Only what travels between the focus, the bridge and the clients is typed. P2P sessions pass through the
//! room as opaque stanzas.

pub mod ice;
pub mod limits;
pub mod ns;
pub mod rtp;
pub mod source;
pub mod xml;

pub use xml::{Malformed, Problem};
