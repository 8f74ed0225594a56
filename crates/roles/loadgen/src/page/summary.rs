//! What a page says in words and tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::{About, Escaped, browsers};
use crate::report::{Report, TIMES};
use crate::tally::Progress;
use crate::threshold::Threshold;
use crate::units::{show_bytes, show_cpu, show_time};
use crate::watch::Server;

pub(super) fn head(report: &Report, about: &About<'_>, date: &str) -> String {
    let (badge, class) = match about.thresholds {
        _ if report.progress.joined == 0 => ("nobody got in", "bad"),
        [] => ("no thresholds", ""),
        thresholds if thresholds.iter().any(|threshold| threshold.crossed_by(report).is_some()) => {
            ("fails", "bad")
        }
        _ => ("passes", "good"),
    };
    format!(
        "<header><h1>{}</h1><span class=\"badge {class}\">{badge}</span>\n<p>{} · {date} · {} · althing load {}</p></header>\n",
        Escaped(about.title),
        Escaped(&about.load.target.url),
        show_time(report.elapsed),
        Escaped(about.version)
    )
}

pub(super) fn tiles(report: &Report) -> String {
    let progress = &report.progress;
    let bad_if = |bad: bool| if bad { "bad" } else { "" };
    let mut tiles = vec![
        ("joined", format!("{} of {}", progress.joined, progress.attendances), ""),
        ("never got in", progress.failed().to_string(), bad_if(progress.failed() > 0)),
        ("reloads", progress.reloaded().to_string(), bad_if(progress.reloaded() > 0)),
    ];
    if let Some(join) = progress.join {
        tiles.push(("join time, p95", show_time(join.p95), ""));
    }
    if progress.lost > 0 {
        tiles.push(("streams resumed", format!("{} of {}", progress.resumed, progress.lost), ""));
    }
    if let Some(delay) = progress.delay {
        tiles.push(("chat delay, p95", show_time(delay.p95), ""));
    }
    if report.lines.said > 0 {
        tiles.push(("chat lines lost", report.lines.lost.to_string(), bad_if(report.lines.lost > 0)));
    }
    if report.series.iter().any(|sample| sample.flow.is_some()) {
        let (loss, delay) = (report.figure("media.loss"), report.figure("media.delay.p95"));
        tiles.push(("media loss", format!("{:.2} %", loss.unwrap_or_default() * 100.0), ""));
        let delay = Duration::from_secs_f64(delay.unwrap_or_default());
        tiles.push(("media delay, p95", show_time(delay), ""));
    }
    tiles.extend(browsers::tiles(report));
    if !report.servers.is_empty() {
        let memory = report.figure("server.memory").unwrap_or_default();
        tiles.push(("server processor", show_cpu(report.figure("server.cpu").unwrap_or_default()), ""));
        tiles.push(("server memory", show_bytes(memory), ""));
    }
    let tile = |(name, value, class)| {
        format!("<div class=\"tile {class}\"><span>{name}</span><b>{value}</b></div>\n")
    };
    format!("<section class=\"tiles\">\n{}</section>\n", tiles.into_iter().map(tile).collect::<String>())
}

pub(super) fn verdicts(report: &Report, thresholds: &[Threshold]) -> String {
    let row = |threshold: &Threshold| {
        let value = report.figure(threshold.figure()).unwrap_or_default();
        let (class, verdict) = match threshold.crossed_by(report) {
            Some(_) => ("bad", "fails"),
            None => ("good", "ok"),
        };
        format!(
            "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"{class}\"><b>{verdict}</b></td></tr>\n",
            Escaped(&threshold.to_string()),
            shown(value)
        )
    };
    let rows: String = thresholds.iter().map(row).collect();
    section("Thresholds", &["it fails if", "#it is", "verdict"], &rows)
}

/// Three decimals where there are any.
fn shown(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

pub(super) fn troubles(progress: &Progress) -> String {
    let mut rows = String::new();
    let mut add = |what: &str, reasons: &BTreeMap<String, u64>| {
        for (reason, count) in reasons {
            let advice =
                progress.advice.get(reason).map(|advice| format!("<small>try: {}</small>", Escaped(advice)));
            let _ = writeln!(
                rows,
                "<tr><td class=\"number\">{count}</td><td>{what}</td><td>{}{}</td></tr>",
                Escaped(reason),
                advice.unwrap_or_default()
            );
        }
    };
    add("never got in", &progress.failures);
    add("reload", &progress.reloads);
    if let Some(first) = &progress.first {
        let _ = writeln!(
            rows,
            "<tr><td class=\"number\">first</td><td>after {}</td><td>{}<small>in {}</small></td></tr>",
            show_time(first.at),
            Escaped(&first.reason),
            Escaped(&first.room)
        );
    }
    section("Troubles", &["#count", "what", "why"], &rows)
}

pub(super) fn times(report: &Report) -> String {
    let row = |(name, shown): (&str, &str)| {
        let times = report.times(name).filter(|times| times.count() > 0)?;
        let quantiles = [0.5, 0.95, 0.99].map(|part| times.quantile(part).unwrap_or_default());
        let cells = quantiles.into_iter().chain([times.max()]).map(show_time);
        let cells: String = [times.count().to_string()]
            .into_iter()
            .chain(cells)
            .map(|cell| format!("<td class=\"number\">{cell}</td>"))
            .collect();
        Some(format!("<tr><td>{shown}</td>{cells}</tr>\n"))
    };
    let rows: String = TIMES.into_iter().filter_map(row).collect();
    section("Times", &["time", "#count", "#median", "#p95", "#p99", "#longest"], &rows)
}

pub(super) fn servers(servers: &[Server]) -> String {
    let row = |server: &Server| {
        let gone = server
            .gone
            .as_ref()
            .map(|(at, why)| format!("<small>gone after {}: {}</small>", show_time(*at), Escaped(why)));
        let cells = [
            show_cpu(server.cpu_mean()),
            show_cpu(server.cpu_max),
            format!("{:.1} s", server.cpu_seconds),
            show_bytes(server.memory_max_bytes as f64),
        ];
        let cells: String = cells.iter().map(|cell| format!("<td class=\"number\">{cell}</td>")).collect();
        format!("<tr><td>{}{}</td>{cells}</tr>\n", Escaped(&server.name), gone.unwrap_or_default())
    };
    let rows: String = servers.iter().map(row).collect();
    let head = ["server", "#processor, mean", "#at most", "#in all", "#memory, most"];
    section("What it cost", &head, &rows)
}

pub(super) fn parameters(about: &About<'_>) -> String {
    let load = about.load;
    let crowd = &load.crowd;
    let time = |time: Option<Duration>| time.map_or_else(|| "no".to_owned(), show_time);
    let chat = load
        .chat
        .map_or_else(|| "no".to_owned(), |every| format!("a line every {} of each", show_time(every)));
    let all = [
        ("rooms", crowd.rooms.to_string()),
        ("participants in each", crowd.participants.to_string()),
        ("of all of them, browsers", load.browsers.count.to_string()),
        ("joins a second", crowd.join_rate.to_string()),
        ("departures a second", crowd.churn_rate.to_string()),
        ("all cut, after the last join", time(crowd.cut_at)),
        ("from the last join to the end", show_time(crowd.duration)),
        ("chat", chat),
        ("a probe of each, every", time(load.probe)),
        ("seed", crowd.seed.to_string()),
    ];
    let rows: String =
        all.iter().map(|(name, value)| format!("<tr><td>{name}</td><td>{value}</td></tr>\n")).collect();
    section("The load", &["what", "how much"], &rows)
}

/// Nothing without rows. `#` marks a column of numbers.
pub(super) fn section(title: &str, head: &[&str], rows: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cell = |name: &&str| match name.strip_prefix('#') {
        Some(name) => format!("<th class=\"number\">{name}</th>"),
        None => format!("<th>{name}</th>"),
    };
    let head: String = head.iter().map(cell).collect();
    format!("<h2>{title}</h2>\n<div class=\"scroll\"><table>\n<tr>{head}</tr>\n{rows}</table></div>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_without_rows_is_none() {
        assert_eq!(section("T", &["a"], ""), "");
        assert!(section("T", &["#a"], "<tr></tr>").contains("<th class=\"number\">a</th>"));
    }

    #[test]
    fn troubles_are_told_with_their_advice() {
        let progress = Progress {
            failures: BTreeMap::from([("a < b".to_owned(), 3)]),
            advice: BTreeMap::from([("a < b".to_owned(), "c & d")]),
            ..Progress::default()
        };
        let html = troubles(&progress);
        assert!(html.contains("a &lt; b<small>try: c &amp; d</small>"), "{html}");
        assert_eq!(troubles(&Progress::default()), "");
    }

    #[test]
    fn an_empty_report_has_its_tiles() {
        let html = tiles(&Report::empty());
        assert!(html.contains("0 of 0") && !html.contains("chat"), "{html}");
    }
}
