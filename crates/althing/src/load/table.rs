//! What came out, as text.

use loadgen::units::{show_bytes, show_cpu, show_time};
use loadgen::{Progress, Report, Threshold};

use super::{browsers, media};
use crate::print;

pub(crate) fn of(report: &Report, thresholds: &[Threshold]) -> String {
    let Progress { total, attendances, joined, lost, resumed, .. } = &report.progress;
    let lines = &report.lines;
    let mut text = format!("joined   {joined} of {attendances} page loads of {total} participants\n");
    text.push_str(&troubles(&report.progress));
    text.push_str(&format!(
        "streams  {lost} broke, {resumed} resumed, {} reloads\n",
        report.progress.reloaded()
    ));
    text.push_str(&format!(
        "chat     {} lines said, {} heard, {} lost, {} doubled, {} out of order\n",
        lines.said, lines.heard, lines.lost, lines.doubled, lines.late
    ));
    text.push_str(&media::summary(report));
    text.push_str(&browsers::summary(report));
    text.push_str(&format!("own CPU  {:.2} s in {:.1} s\n", report.cpu, report.elapsed.as_secs_f64()));
    for server in &report.servers {
        let (cpu, max) = (show_cpu(server.cpu_mean()), show_cpu(server.cpu_max));
        let memory = show_bytes(server.memory_max_bytes as f64);
        text.push_str(&format!(
            "server   {}: CPU {cpu}, at most {max}; memory at most {memory}\n",
            server.name
        ));
        if let Some((at, why)) = &server.gone {
            text.push_str(&format!("         gone after {}: {why}\n", show_time(*at)));
        }
    }
    text.push('\n');
    text.push_str(&print::table(&["TIME", "COUNT", "P50", "P95", "P99", "MAX"], &times(report)));
    if !thresholds.is_empty() {
        text.push('\n');
        text.push_str(&print::table(&["FAILS IF", "IT IS", ""], &verdicts(report, thresholds)));
    }
    text
}

/// Each reason with its count and what to try, and who was the first.
fn troubles(progress: &Progress) -> String {
    let mut text = String::new();
    for (what, reasons) in [("failed", &progress.failures), ("reload", &progress.reloads)] {
        for (reason, count) in reasons {
            text.push_str(&format!("{what}   {count}: {reason}\n"));
            if let Some(advice) = progress.advice.get(reason) {
                text.push_str(&format!("         try: {advice}\n"));
            }
        }
    }
    if let Some(first) = &progress.first {
        let (at, room, reason) = (show_time(first.at), &first.room, &first.reason);
        text.push_str(&format!("first    after {at}, in {room}: {reason}\n"));
    }
    text
}

fn times(report: &Report) -> Vec<Vec<String>> {
    let row = |(name, shown): (&str, &str)| {
        let times = report.times(name).filter(|times| times.count() > 0)?;
        let quantiles = [0.5, 0.95, 0.99].map(|part| times.quantile(part).unwrap_or_default());
        let cells = quantiles.into_iter().chain([times.max()]).map(show_time);
        Some([shown.to_owned(), times.count().to_string()].into_iter().chain(cells).collect())
    };
    loadgen::TIMES.into_iter().filter_map(row).collect()
}

fn verdicts(report: &Report, thresholds: &[Threshold]) -> Vec<Vec<String>> {
    let row = |threshold: &Threshold| {
        let value = report.figure(threshold.figure()).unwrap_or_default();
        let verdict = if threshold.crossed_by(report).is_some() { "FAILS" } else { "ok" };
        vec![threshold.to_string(), format!("{value:.3}"), verdict.to_owned()]
    };
    thresholds.iter().map(row).collect()
}
