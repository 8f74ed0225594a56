//! Names that every XML parser takes.
//!
//! The editions of XML 1.0 differ in the characters of a name: what one browser reads ends the stream of another. The
//! letters here are in all of them, so what passes can be handed on to anybody.

/// Letters beyond ASCII that XML 1.0 has known since its first edition (its appendix B): blocks of living scripts.
const LETTERS: [(char, char); 18] = [
    ('\u{c0}', '\u{d6}'),
    ('\u{d8}', '\u{f6}'),
    ('\u{f8}', '\u{131}'),
    ('\u{388}', '\u{38a}'),
    ('\u{38e}', '\u{3a1}'),
    ('\u{3a3}', '\u{3ce}'),
    ('\u{401}', '\u{40c}'),
    ('\u{40e}', '\u{44f}'),
    ('\u{451}', '\u{45c}'),
    ('\u{5d0}', '\u{5ea}'),
    ('\u{621}', '\u{63a}'),
    ('\u{641}', '\u{64a}'),
    ('\u{905}', '\u{939}'),
    ('\u{e01}', '\u{e2e}'),
    ('\u{3041}', '\u{3094}'),
    ('\u{30a1}', '\u{30fa}'),
    ('\u{4e00}', '\u{9fa5}'),
    ('\u{ac00}', '\u{d7a3}'),
];

/// Whether a local name that one parser took is one for all others.
pub(crate) fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c) || is_letter(c))
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || is_letter(c))
}

fn is_letter(c: char) -> bool {
    LETTERS.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_use_are_plain() {
        for name in
            ["a", "_a", "e2ee.idKey.curve25519", "stats-id", "jitsi_participant_x", "größe", "имя", "名前"]
        {
            assert!(is_plain(name), "{name}");
        }
    }

    #[test]
    fn names_of_one_edition_are_not() {
        // a combining mark first, signs, a letter of Unicode 3, one beyond the basic plane
        for name in
            ["", "1", "-a", ".a", "a:b", "a b", "a\u{b7}", "a×", "ა\u{2c00}", "\u{1f600}", "\u{10000}"]
        {
            assert!(!is_plain(name), "{name}");
        }
    }
}
