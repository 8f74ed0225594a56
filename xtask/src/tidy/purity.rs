//! Words and machines reach no clock, file, thread or socket through the standard library either.

use std::path::Path;

use anyhow::Result;

use crate::root::{files, root};

const FORBIDDEN: &[&str] = &[
    "std::env::",
    "std::fs::",
    "std::process::",
    "std::thread",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "Instant::now",
    "SystemTime::now",
    "thread_rng",
];

pub(crate) fn breaches() -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for path in files()?.into_iter().filter(|path| is_pure(path)) {
        let text = std::fs::read_to_string(root().join(&path))?;
        breaches.extend(found(&text).map(|(line, word)| {
            format!(
                "{}:{line}: `{word}`: time, chance and files are arguments in words and machines",
                path.display()
            )
        }));
    }
    Ok(breaches)
}

/// Sources of words and machines; their tests and examples may read files and take a clock.
fn is_pure(path: &Path) -> bool {
    let inside = path.starts_with("crates/words") || path.starts_with("crates/machines");
    let test = path
        .components()
        .any(|part| ["examples", "tests", "tests.rs"].iter().any(|name| part.as_os_str() == *name));
    inside && !test && path.extension().is_some_and(|extension| extension == "rs")
}

fn found(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")).flat_map(
        |(number, line)| {
            FORBIDDEN.iter().filter(|word| line.contains(**word)).map(move |word| (number + 1, *word))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_clock_in_code_but_not_in_words_about_it_nor_in_tests() {
        let text = "// Instant::now is not ours\nlet now = Instant::now();\n#[cfg(test)]\nmod tests { Instant::now(); }";
        assert_eq!(found(text).collect::<Vec<_>>(), [(2, "Instant::now")]);
    }

    #[test]
    fn looks_at_sources_of_machines_alone() {
        assert!(is_pure(Path::new("crates/machines/sfu/src/lib.rs")));
        assert!(!is_pure(Path::new("crates/machines/sfu/tests/nack.rs")));
        assert!(!is_pure(Path::new("crates/machines/sfu/examples/forward.rs")));
        assert!(!is_pure(Path::new("crates/roles/bridge/src/lib.rs")));
    }
}
