//! Small rooms: a file that grows past a page of screens is cut by feature.

use std::path::Path;

use anyhow::Result;

use crate::root::{files, root};

/// Lines at which `tidy` speaks up.
const LINES_WARNED: usize = 500;
/// Lines at which `tidy` refuses; tests are only warned about.
const LINES_MAX: usize = 800;

/// Files that may be longer, each with its reason.
const ALLOWED: &[(&str, &str)] = &[];

const EXTENSIONS: &[&str] = &["rs", "ts", "tsx", "mjs", "js", "css"];

pub(crate) fn breaches() -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for path in files()?.into_iter().filter(|path| is_source(path)) {
        let lines = std::fs::read_to_string(root().join(&path))?.lines().count();
        let allowed = ALLOWED.iter().any(|(name, _)| path == Path::new(name));
        if lines > LINES_MAX && !allowed && !is_test(&path) {
            breaches.push(format!(
                "{}: {lines} lines, {LINES_MAX} is the end: cut it by feature",
                path.display()
            ));
        } else if lines > LINES_WARNED && !allowed {
            println!("tidy: {} has {lines} lines: a plan gone wrong?", path.display());
        }
    }
    Ok(breaches)
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.components().any(|part| part.as_os_str() == "tests");
    folder || name == "tests.rs" || name.contains(".test.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_sources_from_tests() {
        assert!(is_source(Path::new("web/src/ui/tile.tsx")));
        assert!(!is_source(Path::new("Cargo.lock")));
        assert!(is_test(Path::new("crates/machines/sfu/tests/nack.rs")));
        assert!(is_test(Path::new("web/src/protocol/jingle.test.ts")));
        assert!(!is_test(Path::new("crates/machines/sfu/src/latest.rs")));
    }
}
