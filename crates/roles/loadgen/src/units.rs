//! Amounts with their units, as people write them.

use std::time::Duration;

/// Longer than any run that somebody waits for.
const DAY: Duration = Duration::from_secs(24 * 3600);

const TIMES: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
const OTHERS: [(&str, f64); 8] = [
    ("kb/s", 1e3),
    ("Mb/s", 1e6),
    ("Gb/s", 1e9),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("MB", 1e6),
    ("%", 0.01),
];

/// `500ms`, `30s`, `5m`, `1h`, or seconds; a day at most.
///
/// # Errors
/// With what it may be.
pub fn time(text: &str) -> Result<Duration, String> {
    let seconds = number(text, &TIMES).filter(|seconds| (0.0..=DAY.as_secs_f64()).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("{text:?} is no time: it is 500ms, 30s, 5m or 1h; a day at most"))
}

/// In seconds, bits a second, bytes or parts of one, whatever its unit says.
pub(crate) fn amount(text: &str) -> Option<f64> {
    let units: Vec<(&str, f64)> = OTHERS.into_iter().chain(TIMES).collect();
    number(text, &units)
}

/// `1.2 ms`, `850 ms`, `2.50 s`, `3:05 min`.
pub fn show_time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.01 => format!("{:.1} ms", seconds * 1e3),
        seconds if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 100.0 => format!("{seconds:.2} s"),
        seconds => format!("{}:{:02} min", seconds as u64 / 60, seconds as u64 % 60),
    }
}

/// `512 B`, `3.4 MiB`.
pub fn show_bytes(bytes: f64) -> String {
    let units = [("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)];
    match units.into_iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{} {unit}", rounded(bytes / size)),
        None => format!("{bytes:.0} B"),
    }
}

/// `340 b/s`, `2.3 Mb/s`.
pub fn show_bits(bits_a_second: f64) -> String {
    let units = [("Gb/s", 1e9), ("Mb/s", 1e6), ("kb/s", 1e3)];
    match units.into_iter().find(|(_, size)| bits_a_second >= *size) {
        Some((unit, size)) => format!("{} {unit}", rounded(bits_a_second / size)),
        None => format!("{bits_a_second:.0} b/s"),
    }
}

/// Of one processor.
pub fn show_cpu(seconds_a_second: f64) -> String {
    format!("{:.0} %", seconds_a_second * 100.0)
}

fn rounded(number: f64) -> String {
    if number < 10.0 { format!("{number:.1}") } else { format!("{number:.0}") }
}

fn number(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let text = text.trim();
    let in_unit = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
    let (digits, size) = in_unit.unwrap_or((text, 1.0));
    digits.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let ms = |text| time(text).map(|time| time.as_millis());
        assert_eq!(
            (ms("250ms"), ms("2s"), ms("5m"), ms("1.5")),
            (Ok(250), Ok(2_000), Ok(300_000), Ok(1_500))
        );
        for text in ["", "s", "-1s", "1e9s", "NaN", "5x"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_short() {
        let times = [1_250, 12_400, 2_500_000, 185_000_000].map(Duration::from_micros).map(show_time);
        assert_eq!(times, ["1.2 ms", "12 ms", "2.50 s", "3:05 min"]);
        assert_eq!([0.0, 5_000.0, 3.4 * 1_048_576.0].map(show_bytes), ["0 B", "4.9 KiB", "3.4 MiB"]);
        assert_eq!([340.0, 2.34e6, 1.2e9].map(show_bits), ["340 b/s", "2.3 Mb/s", "1.2 Gb/s"]);
        assert_eq!(show_cpu(1.434), "143 %");
    }

    #[test]
    fn amounts_have_the_unit_that_stands_there() {
        let all = ["2 s", "5%", "3Mb/s", "512MiB", "7", "1m"].map(amount);
        assert_eq!(all, [Some(2.0), Some(0.05), Some(3e6), Some(536_870_912.0), Some(7.0), Some(60.0)]);
        assert_eq!((amount("x"), amount("inf"), amount("")), (None, None, None));
    }
}
