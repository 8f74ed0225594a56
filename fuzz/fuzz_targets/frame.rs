//! A WebSocket text frame of a client: no text makes the parser panic, and what it accepts can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::{frame, text};

fuzz_target!(|text: &str| {
    let Ok(element) = frame::parse(text) else { return };
    let written = text::to_text(&element);
    if let Ok(again) = frame::parse(&written) {
        assert_eq!(element, again, "what was read is not what was written: {written}");
    }
});
