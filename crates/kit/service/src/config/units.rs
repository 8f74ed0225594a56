//! Durations and sizes as people write them.

use std::time::Duration;

/// `500ms`, `90s`, `5min`, `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write a number with ms, s, min or h, such as \"90s\"");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// `512`, `16KiB`, `1MiB`: bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("{text:?} is no size; write a number of bytes, or one with KiB or MiB, such as \"16KiB\"");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let bytes = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return Err(wrong()),
    };
    number.checked_mul(bytes).ok_or_else(wrong)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check =
            |text: &str, millis: u64| assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        check("500ms", 500);
        check("90s", 90_000);
        check("5 min", 300_000);
        check(" 1h ", 3_600_000);
        check("0s", 0);
    }

    #[test]
    fn sizes() {
        let check = |text: &str, bytes: u64| assert_eq!(size(text), Ok(bytes), "{text}");
        check("512", 512);
        check("16KiB", 16_384);
        check("1 MiB", 1_048_576);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in
            ["", "s", "90", "-1s", "1.5h", "10 parsecs", "99999999999999999999s", "18446744073709551615h"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "KiB", "16kb", "-4", "18446744073709551615MiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
