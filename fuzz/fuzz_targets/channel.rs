//! A bridge channel message of a client.
#![no_main]

use colibri::channel::FromClient;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = FromClient::parse(text);
});
