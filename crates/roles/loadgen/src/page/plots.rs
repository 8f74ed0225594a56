//! Which plots there are: those that have something to show.

use super::About;
use super::axis::Unit;
use super::chart::{Across, Chart, Form, Line};
use crate::histogram::Histogram;
use crate::media::Flow;
use crate::report::{Report, TIMES};
use crate::series::{Sample, Spread};
use crate::watch::Usage;

/// Those whose distributions are drawn.
const DISTRIBUTIONS: [&str; 6] =
    ["join", "resume", "delay", "media.first_packet", "media.audio.delay", "media.video.delay"];
/// The left end of that plot, in seconds, unless the shortest is longer.
const SHORTEST: f64 = 1e-4;

pub(super) fn all(report: &Report, about: &About<'_>) -> String {
    if report.series.is_empty() {
        return String::new();
    }
    let series = &report.series;
    let plots = [
        Some(people(series)),
        Some(joins(series)),
        spreads("Join time", series, |sample| sample.join),
        streams(series),
        spreads("Chat delay", series, |sample| sample.delay),
        bit_rates(series),
        flows("Media: loss", Unit::Part, series, |flow| flow.loss),
        spreads("Media: delay", series, |sample| sample.flow?.delay),
        frames(series),
        servers("Server: processor", Unit::Cpu, report, |usage| usage.cpu),
        servers("Server: memory", Unit::Bytes, report, |usage| usage.memory_bytes as f64),
        distributions(report),
    ];
    let (end, moments) = (report.elapsed.as_secs_f64(), moments(about));
    let mut html = "<section class=\"plots\">\n".to_owned();
    for mut plot in plots.into_iter().flatten() {
        if matches!(plot.across, Across::Time(_)) {
            (plot.across, plot.moments) = (Across::Time(end), moments.clone());
        }
        html.push_str(&plot.to_html());
    }
    html.push_str("</section>\n");
    html
}

/// What the plan does to everybody.
fn moments(about: &About<'_>) -> Vec<(f64, &'static str)> {
    let crowd = about.load.crowd;
    let Ok(plan) = crowd.plan() else { return Vec::new() };
    let all_in = plan.last_join();
    let cut = crowd.cut_at.map(|at| ((all_in + at).as_secs_f64(), "all cut"));
    [Some((all_in.as_secs_f64(), "last join due")), cut].into_iter().flatten().collect()
}

fn over_time(title: &'static str, unit: Unit, lines: Vec<Line>) -> Chart {
    Chart { title, unit, across: Across::Time(0.0), lines, moments: Vec::new() }
}

fn line(
    name: &str,
    form: Form,
    colour: usize,
    series: &[Sample],
    value: impl Fn(&Sample) -> Option<f64>,
) -> Line {
    let points = series.iter().map(|sample| (sample.at.as_secs_f64(), value(sample))).collect();
    Line { name: name.to_owned(), form, colour, points }
}

fn people(series: &[Sample]) -> Chart {
    let mut present = line("in the room", Form::Area, 0, series, |sample| Some(sample.present as f64));
    present.points.insert(0, (0.0, Some(0.0)));
    over_time("People in their rooms", Unit::Count("people"), vec![present])
}

/// So many in each second, of what is counted by interval.
fn rates(series: &[Sample], name: &str, colour: usize, count: impl Fn(&Sample) -> u64) -> Line {
    let mut rates = line(name, Form::Bars, colour, series, |sample| Some(count(sample) as f64));
    let mut before = 0.0;
    for (at, value) in &mut rates.points {
        // an interval that ends with the run may be very short
        let seconds = (*at - before).max(0.5);
        *value = value.map(|value| value / seconds);
        before = *at;
    }
    rates
}

fn joins(series: &[Sample]) -> Chart {
    let mut lines = vec![rates(series, "joins", 0, |sample| sample.joins)];
    if series.iter().any(|sample| sample.failed > 0) {
        lines.push(rates(series, "failures", 3, |sample| sample.failed));
    }
    over_time("Joins a second", Unit::Count("a second"), lines)
}

type Count = fn(&Sample) -> u64;

/// Those that were lost, came back, or did not.
fn streams(series: &[Sample]) -> Option<Chart> {
    let counts: [(&str, usize, Count); 3] = [
        ("lost", 2, |sample| sample.lost),
        ("resumed", 1, |sample| sample.resumed),
        ("reloads", 3, |sample| sample.reloads),
    ];
    let with = counts.into_iter().filter(|(_, _, count)| series.iter().any(|sample| count(sample) > 0));
    let lines: Vec<Line> = with.map(|(name, colour, count)| rates(series, name, colour, count)).collect();
    (!lines.is_empty()).then(|| over_time("Streams a second", Unit::Count("a second"), lines))
}

fn spreads(title: &'static str, series: &[Sample], of: fn(&Sample) -> Option<Spread>) -> Option<Chart> {
    series.iter().any(|sample| of(sample).is_some()).then(|| {
        let p95 =
            line("95th percentile", Form::Line, 2, series, |sample| Some(of(sample)?.p95.as_secs_f64()));
        let p50 = line("median", Form::Line, 0, series, |sample| Some(of(sample)?.p50.as_secs_f64()));
        over_time(title, Unit::Seconds, vec![p95, p50])
    })
}

fn bit_rates(series: &[Sample]) -> Option<Chart> {
    let rate = |name, colour, of: fn(Flow) -> f64| {
        line(name, Form::Line, colour, series, move |sample| sample.flow.map(of))
    };
    let lines = vec![
        rate("to everybody", 0, |flow| flow.received_bps),
        rate("from everybody", 1, |flow| flow.sent_bps),
    ];
    flowed(series).then(|| over_time("Media: bit rate", Unit::Bits, lines))
}

fn flows(title: &'static str, unit: Unit, series: &[Sample], of: fn(Flow) -> f64) -> Option<Chart> {
    let lines = vec![line("", Form::Area, 3, series, |sample| sample.flow.map(of))];
    flowed(series).then(|| over_time(title, unit, lines))
}

/// What browsers decode, all of them together, and what stood still.
fn frames(series: &[Sample]) -> Option<Chart> {
    let decoded = |sample: &Sample| sample.browsers.map(|sight| sight.frames_ps);
    let mut lines = vec![line("frames decoded", Form::Area, 1, series, decoded)];
    if series.iter().any(|sample| sample.browsers.is_some_and(|sight| sight.freezes > 0)) {
        lines.push(rates(series, "freezes", 3, |sample| sample.browsers.map_or(0, |sight| sight.freezes)));
    }
    let title = "Browsers: frames decoded a second";
    series
        .iter()
        .any(|sample| sample.browsers.is_some())
        .then(|| over_time(title, Unit::Count("a second"), lines))
}

fn flowed(series: &[Sample]) -> bool {
    series.iter().any(|sample| sample.flow.is_some())
}

fn servers(title: &'static str, unit: Unit, report: &Report, value: fn(Usage) -> f64) -> Option<Chart> {
    let of = |(index, server): (usize, &crate::watch::Server)| {
        let usage = |sample: &Sample| sample.servers.get(index).copied().flatten().map(value);
        line(&server.name, Form::Line, index, &report.series, usage)
    };
    let lines: Vec<Line> = report.servers.iter().enumerate().map(of).collect();
    (!lines.is_empty()).then(|| over_time(title, unit, lines))
}

/// How many took no longer than that.
fn distributions(report: &Report) -> Option<Chart> {
    let shown = TIMES.into_iter().filter(|(name, _)| DISTRIBUTIONS.contains(name)).enumerate();
    let with = shown.filter_map(|(colour, (name, shown))| {
        let times = report.times(name).filter(|times| times.count() > 1)?;
        Some(Line { name: shown.to_owned(), form: Form::Curve, colour, points: shares(times) })
    });
    let lines: Vec<Line> = with.collect();
    let all = || lines.iter().flat_map(|line| line.points.iter().map(|(at, _)| *at));
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let from = 10_f64.powf(least.max(SHORTEST).log10().floor());
    let to = 10_f64.powf(most.max(from * 1.1).log10().ceil());
    let across = Across::Log(from, to);
    let title = "How many took no longer";
    (!lines.is_empty()).then(|| Chart { title, unit: Unit::Part, across, lines, moments: Vec::new() })
}

fn shares(times: &Histogram) -> Vec<(f64, Option<f64>)> {
    let (all, mut below) = (times.count().max(1) as f64, 0);
    let share = |(end, count): (u64, u64)| {
        below += count;
        (end as f64 / 1e6, Some(below as f64 / all))
    };
    times.classes().map(share).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::browsers::Sight;

    fn sample(second: u64) -> Sample {
        Sample { at: Duration::from_secs(second), joins: 10, present: 10 * second, ..Sample::default() }
    }

    #[test]
    fn counts_become_rates() {
        let series = [
            Sample { at: Duration::from_secs(2), ..sample(2) },
            Sample { at: Duration::from_secs(3), ..sample(3) },
        ];
        let rates = rates(&series, "joins", 0, |sample| sample.joins);
        assert_eq!(rates.points, [(2.0, Some(5.0)), (3.0, Some(10.0))]);
    }

    #[test]
    fn what_never_happened_has_no_plot() {
        let series = [sample(1)];
        assert!(streams(&series).is_none());
        assert!(spreads("x", &series, |sample| sample.join).is_none());
        assert!(frames(&series).is_none());
        assert!(streams(&[Sample { lost: 1, ..sample(1) }]).is_some_and(|chart| chart.lines.len() == 1));
    }

    #[test]
    fn what_browsers_decode_is_drawn_and_freezes_where_there_are_any() {
        let seen = |freezes| Sample {
            browsers: Some(Sight { frames_ps: 60.0, freezes, ..Sight::default() }),
            ..sample(1)
        };
        let chart = frames(&[sample(1), seen(0)]).unwrap();
        assert_eq!(
            (chart.lines.len(), &chart.lines[0].points[..]),
            (1, &[(1.0, None), (1.0, Some(60.0))][..])
        );
        assert_eq!(frames(&[seen(0), seen(2)]).unwrap().lines.len(), 2);
    }

    #[test]
    fn shares_end_with_everybody() {
        let mut times = Histogram::default();
        (1..=4).for_each(|ms| times.add(Duration::from_millis(ms)));
        let shares = shares(&times);
        assert_eq!((shares.len(), shares[1].1, shares[3].1), (4, Some(0.5), Some(1.0)));
    }
}
