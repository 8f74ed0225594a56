//! Colibri2 as a bridge or a focus reads it: what is accepted means the same when written and read again.
#![no_main]

use colibri::{Answer, ConferenceModify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(request) = ConferenceModify::from_text(text) {
        // Written out it may be longer than what is read at once.
        if let Ok(again) = ConferenceModify::from_text(&request.to_text()) {
            assert_eq!(request, again);
        }
    }
    let _ = Answer::from_text(text);
});
