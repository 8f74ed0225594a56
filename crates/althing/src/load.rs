//! `althing load`: simulated participants against any server, shown as they come and summed up at the end.

mod media;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use loadgen::{Progress, Report, Roll, Threshold};

use crate::flags::Load;
use crate::{open_files, print};

pub(crate) fn run(flags: &Load) -> anyhow::Result<()> {
    let load = flags.load()?;
    let participants = load.crowd.rooms.saturating_mul(load.crowd.participants);
    let sockets = participants.saturating_mul(1 + flags.media.sockets());
    open_files::raise(usize::try_from(sockets).unwrap_or(usize::MAX));
    let on_terminal = std::io::stderr().is_terminal();
    let mut rolls = 0;
    let report = loadgen::run(&load, |progress| {
        if let Some(roll) = progress.roll.filter(|roll| roll.is_over() && roll.number > rolls) {
            rolls = roll.number;
            print::aside(&format!("{}{}", if on_terminal { "\r\x1b[K" } else { "" }, called(&roll)));
        }
        show(progress, on_terminal);
    })?;
    if on_terminal {
        print::aside("");
    }
    if let Some(file) = &flags.json {
        let text = format!("{:#}\n", report.to_json());
        std::fs::write(file, text).with_context(|| format!("could not write {}", file.display()))?;
    }
    print::text(&table(&report))?;
    judge(&report, &flags.fail_if)
}

/// One line that is written over, or a line each time.
fn show(progress: &Progress, on_terminal: bool) {
    let line = line(progress);
    if on_terminal {
        let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
    } else {
        print::aside(&line);
    }
}

fn line(progress: &Progress) -> String {
    let Progress { total, present, resumed, .. } = progress;
    let (failed, reloads) = (progress.failed(), progress.reloaded());
    let away = progress.lost.saturating_sub(*resumed).saturating_sub(reloads);
    format!(
        "{:>4} s  {present} of {total} in, {failed} failed, {away} away, {resumed} resumed, {reloads} reloads",
        progress.elapsed.as_secs()
    )
}

/// One line, once everybody has answered.
fn called(roll: &Roll) -> String {
    let Roll { number, called, answered, returned, last } = roll;
    let last = duration(*last);
    format!(
        "roll call {number}: {answered} of {called} answered, {returned} came back by a reload, the last after {last}"
    )
}

fn table(report: &Report) -> String {
    let Progress { total, attendances, joined, lost, resumed, .. } = &report.progress;
    let lines = &report.lines;
    let mut text = format!("joined   {joined} of {attendances} page loads of {total} participants\n");
    for (what, reasons) in [("failed", &report.progress.failures), ("reload", &report.progress.reloads)] {
        for (reason, count) in reasons {
            text.push_str(&format!("{what}   {count}: {reason}\n"));
        }
    }
    text.push_str(&format!(
        "streams  {lost} broke, {resumed} resumed, {} reloads\n",
        report.progress.reloaded()
    ));
    text.push_str(&format!(
        "chat     {} lines said, {} heard, {} lost, {} doubled, {} out of order\n",
        lines.said, lines.heard, lines.lost, lines.doubled, lines.late
    ));
    text.push_str(&media::summary(report));
    text.push_str(&format!("own CPU  {:.2} s in {:.1} s\n\n", report.cpu, report.elapsed.as_secs_f64()));
    text.push_str(&print::table(&["TIME", "COUNT", "P50", "P95", "P99", "MAX"], &times(report)));
    text
}

fn times(report: &Report) -> Vec<Vec<String>> {
    let names = [
        ("join", "join"),
        ("resume", "break to resumed"),
        ("delay", "chat delay"),
        ("call", "answer to a roll call"),
        ("silence", "longest silence"),
        ("gap", "longest gap of probes"),
    ];
    let row = |(name, shown): (&str, &str)| {
        let times = report.times(name).filter(|times| times.count() > 0)?;
        let quantiles = [0.5, 0.95, 0.99].map(|part| times.quantile(part).unwrap_or_default());
        let cells = quantiles.into_iter().chain([times.max()]).map(duration);
        Some([shown.to_owned(), times.count().to_string()].into_iter().chain(cells).collect())
    };
    names.into_iter().chain(media::TIMES).filter_map(row).collect()
}

fn duration(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}

/// The exit code.
fn judge(report: &Report, thresholds: &[Threshold]) -> anyhow::Result<()> {
    let crossed = thresholds.iter().filter_map(|threshold| {
        let value = threshold.crossed_by(report)?;
        Some(format!("{threshold} (it is {value:.3})"))
    });
    let crossed: Vec<String> = crossed.collect();
    if !crossed.is_empty() {
        bail!("the run fails: {}", crossed.join(", "));
    }
    if report.progress.joined == 0 {
        let first = report.progress.failures.keys().next().map_or("nobody tried", String::as_str);
        bail!("nobody got in: {first}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_is_in_and_who_is_away() {
        let progress = Progress { total: 9, present: 8, lost: 3, resumed: 2, ..Progress::default() };
        assert_eq!(line(&progress), "   0 s  8 of 9 in, 0 failed, 1 away, 2 resumed, 0 reloads");
    }

    #[test]
    fn a_roll_call_is_told_when_it_is_over() {
        let last = Duration::from_millis(312);
        let roll = Roll { number: 2, called: 9, answered: 8, returned: 1, last };
        let told = "roll call 2: 8 of 9 answered, 1 came back by a reload, the last after 312.0 ms";
        assert_eq!(called(&roll), told);
    }

    #[test]
    fn times_are_short() {
        assert_eq!(duration(Duration::from_micros(1_250)), "1.2 ms");
        assert_eq!(duration(Duration::from_millis(2_500)), "2.50 s");
    }
}
