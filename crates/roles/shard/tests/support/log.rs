//! What the shards of this process write to their logs.

use std::io;
use std::sync::{LazyLock, Mutex, PoisonError};

static SAID: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(Mutex::default);

struct Ear;

impl io::Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SAID.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens from here on.
pub(crate) fn listen() {
    // another test of this process may have begun it
    let _ = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Ear).try_init();
}

/// The lines that have all of `parts`.
pub(crate) fn lines(parts: &[&str]) -> Vec<String> {
    let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let said = String::from_utf8_lossy(&said);
    let found = said.lines().filter(|line| parts.iter().all(|part| line.contains(part)));
    found.map(str::to_owned).collect()
}
