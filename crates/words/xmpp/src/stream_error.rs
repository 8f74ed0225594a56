//! Stream errors (RFC 6120 section 4.9), as a WebSocket frame.
//!
//! COMPAT: a Jitsi client that gets one gives its session up for good; never send one to a stream that shall
//! be resumed.

use crate::ns;

/// The frame for a condition of RFC 6120 section 4.9.3, e.g. `not-well-formed`. It carries the one prefix that
/// clients expect, `stream:`, declared in the same frame.
pub fn text(condition: &'static str) -> String {
    format!(
        "<stream:error xmlns:stream=\"{}\"><{condition} xmlns=\"{}\"/></stream:error>",
        ns::STREAM,
        ns::STREAMS
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_frame() {
        let element = crate::frame::parse(&text("not-well-formed")).unwrap();
        assert!(element.is("error", ns::STREAM) && element.has_child("not-well-formed", ns::STREAMS));
    }
}
