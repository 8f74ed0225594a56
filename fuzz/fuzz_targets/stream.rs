//! A TCP stream of a bridge, in pieces of the size that the first byte says: the reader gives elements or an error, and
//! never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::tcp::Reader;

fuzz_target!(|input: &[u8]| {
    let Some((size, stream)) = input.split_first() else { return };
    let mut reader = Reader::new();
    for piece in stream.chunks(usize::from(*size).max(1)) {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});
