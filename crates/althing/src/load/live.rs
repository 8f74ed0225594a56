//! How far the run is: a few lines that are written over, or a line every few seconds where there is no terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use loadgen::units::{show_bits, show_bytes, show_cpu, show_time};
use loadgen::{Flow, Progress, Roll, Server, Spread};

use super::browsers;
use crate::print;

/// Between two lines without a terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);
/// Reasons that are shown, those that happened most.
const REASONS_SHOWN: usize = 4;
const COLUMNS_DEFAULT: usize = 80;
const COLUMNS_MAX: usize = 120;

pub(crate) struct Display {
    title: String,
    form: Form,
    told_first: bool,
    /// the last roll call that was told
    told_roll: usize,
}

enum Form {
    /// so many lines stand there
    Terminal { drawn: usize },
    /// the next line is due then, or when everybody is in for the first time
    Plain { next: Duration, full_told: bool },
}

impl Display {
    pub(crate) fn new(title: &str) -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let plain = !std::io::stderr().is_terminal() || is_dumb || is_set("NO_COLOR") || is_set("CI");
        let form = if plain {
            Form::Plain { next: Duration::ZERO, full_told: false }
        } else {
            Form::Terminal { drawn: 0 }
        };
        Self { title: title.to_owned(), form, told_first: false, told_roll: 0 }
    }

    pub(crate) fn show(&mut self, progress: &Progress) {
        if let Some(roll) = progress.roll.filter(|roll| roll.is_over() && roll.number > self.told_roll) {
            self.told_roll = roll.number;
            self.tell(&called(&roll));
        }
        match &mut self.form {
            Form::Terminal { drawn } => *drawn = draw(&self.title, progress, *drawn),
            Form::Plain { next, full_told } => {
                let full = progress.present == u64::from(progress.total) && !*full_told;
                if progress.elapsed >= *next || full {
                    *next = progress.elapsed + PLAIN_INTERVAL;
                    *full_told |= full;
                    print::aside(&line(progress));
                }
                if let Some(first) = progress.first.as_ref().filter(|_| !self.told_first) {
                    self.told_first = true;
                    print::aside(&format!(
                        "{:>4} s  the first in trouble: {}",
                        first.at.as_secs(),
                        first.reason
                    ));
                }
            }
        }
    }

    /// A line that stays, above what is written over.
    fn tell(&mut self, line: &str) {
        if let Form::Terminal { drawn } = &mut self.form {
            let lines = std::mem::take(drawn);
            let up = if lines > 0 { format!("\x1b[{lines}A\x1b[J") } else { String::new() };
            let _ = write!(std::io::stderr(), "{up}");
        }
        print::aside(line);
    }

    /// What stands there stays.
    pub(crate) fn end(self) {
        if let Form::Terminal { drawn: 1.. } = self.form {
            print::aside("");
        }
    }
}

/// Over what stands there; gives how many lines stand there now.
fn draw(title: &str, progress: &Progress, drawn: usize) -> usize {
    let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    let columns = if columns == 0 { COLUMNS_DEFAULT } else { columns.min(COLUMNS_MAX) };
    let lines = lines(title, progress, columns);
    let up = if drawn > 0 { format!("\x1b[{drawn}A") } else { String::new() };
    let shown: String = lines.iter().map(|line| format!("\r{}\x1b[K\n", coloured(line))).collect();
    // what stood below, from a longer list of reasons
    let _ = write!(std::io::stderr(), "{up}{shown}\x1b[J");
    lines.len()
}

/// The first word is dim, troubles are red.
fn coloured(line: &str) -> String {
    let trouble = ["failed", "reload", "gone"].iter().any(|word| line.starts_with(word));
    match line.split_at_checked(LABEL) {
        Some((label, rest)) if trouble => format!("\x1b[31m{label}{rest}\x1b[0m"),
        Some((label, rest)) if label.ends_with(' ') && !label.starts_with('━') => {
            format!("\x1b[2m{label}\x1b[0m{rest}")
        }
        _ => line.to_owned(),
    }
}

/// Columns of the words on the left.
const LABEL: usize = 9;

fn lines(title: &str, progress: &Progress, columns: usize) -> Vec<String> {
    let Progress { total, present, resumed, lost, .. } = progress;
    let (failed, reloads) = (progress.failed(), progress.reloaded());
    let clock = format!("{} of {}", clock(progress.elapsed), clock(progress.end.max(progress.elapsed)));
    let gap = columns.saturating_sub(title.chars().count() + clock.chars().count()).max(2);
    let mut lines = vec![format!("{title}{}{clock}", " ".repeat(gap)), bar(progress, columns)];
    let mut add = |label: &str, text: String| lines.push(format!("{label:LABEL$}{text}"));
    add("in", format!("{present} of {total}   {failed} failed, {} away, {reloads} reloads", away(progress)));
    if let Some(join) = progress.join {
        add("join", spread(join));
    }
    if *lost > 0 {
        add("streams", format!("{lost} broke, {resumed} resumed"));
    }
    if let Some(delay) = progress.delay {
        add("chat", format!("{}   {} heard", spread(delay), progress.heard));
    }
    if let Some(flow) = progress.flow {
        add("media", media(flow));
    }
    if let Some(sight) = progress.browsers {
        add("browsers", browsers::sight(sight));
    }
    for server in &progress.servers {
        add(if server.gone.is_some() { "gone" } else { "server" }, usage(server));
    }
    for (label, reasons) in [("failed", &progress.failures), ("reload", &progress.reloads)] {
        let mut most: Vec<(&String, &u64)> = reasons.iter().collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        most.into_iter().take(REASONS_SHOWN).for_each(|(why, count)| add(label, format!("{count}: {why}")));
    }
    lines.into_iter().map(|line| line.chars().take(columns).collect()).collect()
}

fn bar(progress: &Progress, columns: usize) -> String {
    let part = progress.elapsed.as_secs_f64() / progress.end.as_secs_f64().max(0.001);
    let done = ((columns as f64 * part.min(1.0)) as usize).min(columns);
    format!("{}{}", "━".repeat(done), "·".repeat(columns - done))
}

/// Whose stream is lost and not given up.
fn away(progress: &Progress) -> u64 {
    progress.lost.saturating_sub(progress.resumed).saturating_sub(progress.reloaded())
}

fn spread(spread: Spread) -> String {
    let Spread { p50, p95, max, .. } = spread;
    format!("p50 {}, p95 {}, max {}", show_time(p50), show_time(p95), show_time(max))
}

fn media(flow: Flow) -> String {
    let (sent, received) = (show_bits(flow.sent_bps), show_bits(flow.received_bps));
    let delay = flow.delay.map(|delay| format!(", delay p95 {}", show_time(delay.p95)));
    format!("{sent} sent, {received} received, loss {:.2} %{}", flow.loss * 100.0, delay.unwrap_or_default())
}

fn usage(server: &Server) -> String {
    match (&server.gone, server.latest) {
        (Some((_, why)), _) => format!("{}: {why}", server.name),
        (None, Some(usage)) => {
            format!(
                "{}: CPU {}, memory {}",
                server.name,
                show_cpu(usage.cpu),
                show_bytes(usage.memory_bytes as f64)
            )
        }
        (None, None) => server.name.clone(),
    }
}

fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

/// One line, once everybody has answered.
fn called(roll: &Roll) -> String {
    let Roll { number, called, answered, returned, last } = roll;
    let last = show_time(*last);
    format!(
        "roll call {number}: {answered} of {called} answered, {returned} came back by a reload, the last after {last}"
    )
}

fn line(progress: &Progress) -> String {
    let Progress { total, present, resumed, .. } = progress;
    let (failed, reloads) = (progress.failed(), progress.reloaded());
    let mut line = format!(
        "{:>4} s  {present} of {total} in, {failed} failed, {} away, {resumed} resumed, {reloads} reloads",
        progress.elapsed.as_secs(),
        away(progress)
    );
    for (what, spread) in [("join", progress.join), ("chat", progress.delay)] {
        line.extend(spread.map(|spread| format!("; {what} p95 {}", show_time(spread.p95))));
    }
    line.extend(progress.flow.map(|flow| format!("; {}", media(flow))));
    line.extend(progress.browsers.map(|sight| format!("; browsers: {}", browsers::sight(sight))));
    line.extend(progress.servers.iter().map(|server| format!("; {}", usage(server))));
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn progress() -> Progress {
        let spread = Spread { p50: Duration::from_millis(120), ..Spread::default() };
        Progress {
            elapsed: Duration::from_secs(45),
            end: Duration::from_secs(90),
            total: 9,
            present: 8,
            lost: 3,
            resumed: 2,
            join: Some(spread),
            failures: (0..9_u64).map(|n| (format!("reason {n}"), n)).collect(),
            ..Progress::default()
        }
    }

    #[test]
    fn a_line_tells_who_is_in_and_who_is_away() {
        let line = line(&Progress { failures: BTreeMap::new(), join: None, ..progress() });
        assert_eq!(line, "  45 s  8 of 9 in, 0 failed, 1 away, 2 resumed, 0 reloads");
    }

    #[test]
    fn a_roll_call_is_told_when_it_is_over() {
        let last = Duration::from_millis(312);
        let roll = Roll { number: 2, called: 9, answered: 8, returned: 1, last };
        let told = "roll call 2: 8 of 9 answered, 1 came back by a reload, the last after 312 ms";
        assert_eq!(called(&roll), told);
    }

    #[test]
    fn the_terminal_has_the_most_frequent_reasons() {
        let shown = lines("storm", &progress(), 40);
        assert_eq!(shown[0], format!("storm{}0:45 of 1:30", " ".repeat(23)));
        assert_eq!(shown[1].chars().filter(|c| *c == '━').count(), 20);
        let reasons: Vec<&String> = shown.iter().filter(|line| line.starts_with("failed")).collect();
        assert_eq!((reasons.len(), reasons[0].as_str()), (REASONS_SHOWN, "failed   8: reason 8"));
        assert!(shown.iter().any(|line| line == "join     p50 120 ms, p95 0.0 ms, max 0.0"), "{shown:?}");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        for columns in [1, 9, 20, 200] {
            assert!(
                lines("a long title", &progress(), columns)
                    .iter()
                    .all(|line| line.chars().count() <= columns)
            );
        }
    }
}
