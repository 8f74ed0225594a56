//! The report as one page that needs nothing else: plots over time, tables, and no script.

mod axis;
mod browsers;
mod chart;
mod plots;
mod summary;

use std::fmt;

use service::clock::Clock;

use crate::report::Report;
use crate::run::Load;
use crate::threshold::Threshold;

/// What a page tells beside the figures.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// what kind of load it was
    pub title: &'a str,
    pub load: &'a Load,
    pub thresholds: &'a [Threshold],
    pub version: &'a str,
}

const STYLE: &str = include_str!("style.css");

/// HTML, with its style and its pictures inside.
pub fn page(report: &Report, about: &About<'_>) -> String {
    let body = [
        summary::head(report, about, &date(Clock.millis() / 1_000)),
        summary::tiles(report),
        summary::verdicts(report, about.thresholds),
        summary::troubles(&report.progress),
        plots::all(report, about),
        browsers::one_by_one(report),
        summary::times(report),
        summary::servers(&report.servers),
        summary::parameters(about),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} · load</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{}</main>\n</body>\n</html>\n",
        Escaped(about.title),
        body.concat()
    )
}

/// Text in HTML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['&', '<', '>', '"', '\'']) {
            let Some((last, escaped)) =
                part.char_indices().next_back().and_then(|(at, c)| Some((at, escape(c)?)))
            else {
                f.write_str(part)?;
                continue;
            };
            write!(f, "{}{escaped}", &part[..last])?;
        }
        Ok(())
    }
}

fn escape(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\'' => "&#39;",
        _ => return None,
    })
}

/// Of seconds since 1970: `2026-11-21 09:46 UTC`.
fn date(seconds: u64) -> String {
    let (days, minutes) = (seconds / 86_400, seconds % 86_400 / 60);
    // civil_from_days of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms"
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let (of_month, month) = (of_year - (153 * from_march + 2) / 5 + 1, (from_march + 2) % 12 + 1);
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{of_month:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(Escaped("a<b> & \"c\" 'd' ü").to_string(), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; ü");
        assert_eq!(
            (Escaped("").to_string(), Escaped("&&").to_string()),
            (String::new(), "&amp;&amp;".to_owned())
        );
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59 UTC"),
            (1_795_254_360, "2026-11-21 09:46 UTC"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }
}
