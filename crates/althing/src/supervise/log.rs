//! The end of a child's log, for the operator who asks why it died.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

const LINES_MAX: usize = 12;
const BYTES_MAX: u64 = 8 << 10;

/// Its last lines, indented; empty where there are none.
pub(super) fn tail(path: &Path) -> String {
    let text = last_bytes(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES_MAX)..];
    last.iter().map(|line| format!("    {line}\n")).collect()
}

fn last_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        assert_eq!(tail(&path), "", "there is no log yet");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(tail(&path), "    one\n    two\n");
        let many: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, many).unwrap();
        let shown = tail(&path);
        assert_eq!(shown.lines().count(), LINES_MAX);
        assert!(shown.ends_with("    line 99999\n"));
    }
}
