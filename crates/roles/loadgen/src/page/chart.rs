//! A plot as SVG: lines, areas or bars over time, or over a time on a logarithmic axis.

use std::fmt::Write as _;

use super::Escaped;
use super::axis::{Axis, Unit};

pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) unit: Unit,
    pub(super) across: Across,
    pub(super) lines: Vec<Line>,
    /// moments with their names
    pub(super) moments: Vec<(f64, &'static str)>,
}

/// What goes from left to right.
#[derive(Clone, Copy)]
pub(super) enum Across {
    /// from zero to so many seconds
    Time(f64),
    /// seconds, from and to, in powers of ten
    Log(f64, f64),
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) form: Form,
    /// of the palette
    pub(super) colour: usize,
    /// without a value there is a gap
    pub(super) points: Vec<(f64, Option<f64>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Line,
    /// a line of many points, none of which is marked
    Curve,
    /// a line with what is below it
    Area,
    /// each as wide as the time since the one before
    Bars,
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 38.0;
/// Of the palette in the style.
const COLOURS: usize = 6;
/// Points that are marked one by one, at most.
const DOTS_MAX: usize = 150;

impl Chart {
    /// A figure with its title, its legend and its picture.
    pub(super) fn to_html(&self) -> String {
        let mut html = format!("<figure>\n<figcaption><b>{}</b>", self.title);
        for line in self.lines.iter().filter(|_| self.lines.len() > 1) {
            let _ = write!(
                html,
                " <span class=\"key c{}\">{}</span>",
                line.colour % COLOURS,
                Escaped(&line.name)
            );
        }
        let _ = write!(
            html,
            "</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            self.title
        );
        let values = self.lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, value)| *value));
        let plane = Plane { across: self.across, up: Axis::up_to(values.fold(0.0, f64::max), self.unit) };
        html.push_str(&plane.grid());
        html.push_str(&plane.moments(&self.moments));
        self.lines.iter().for_each(|line| html.push_str(&plane.draw(line)));
        html.push_str("</svg>\n</figure>\n");
        html
    }
}

struct Plane {
    across: Across,
    up: Axis,
}

impl Plane {
    fn x(&self, value: f64) -> f64 {
        let part = match self.across {
            Across::Time(max) => value / max.max(1.0),
            Across::Log(from, to) => (value.max(from) / from).ln() / (to / from).ln(),
        };
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value / self.up.max).clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }

    fn grid(&self) -> String {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let mut svg = String::new();
        for (value, text) in &self.up.marks {
            let y = self.y(*value);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                 <text class=\"up\" x=\"{:.0}\" y=\"{:.1}\">{text}</text>",
                LEFT - 6.0,
                y + 3.5
            );
        }
        let (marks, label) = self.marks_across();
        for (value, text) in marks {
            let x = self.x(value);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1} {bottom}v4\"/>\
                 <text x=\"{x:.1}\" y=\"{:.0}\">{text}</text>",
                bottom + 16.0
            );
        }
        let (middle, centre) = ((TOP + bottom) / 2.0, (LEFT + right) / 2.0);
        let _ = writeln!(
            svg,
            "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>\
             <text class=\"label\" x=\"{centre:.0}\" y=\"{:.0}\">{label}</text>\
             <text class=\"label\" transform=\"translate(12 {middle:.0}) rotate(-90)\">{}</text>",
            HEIGHT - 5.0,
            self.up.label
        );
        svg
    }

    fn marks_across(&self) -> (Vec<(f64, String)>, &'static str) {
        match self.across {
            Across::Time(max) => {
                let axis = Axis::time(max);
                (
                    axis.marks,
                    if axis.label == "minutes" {
                        "minutes since the start"
                    } else {
                        "seconds since the start"
                    },
                )
            }
            Across::Log(from, to) => {
                let powers = (-6..6).map(|power| 10_f64.powi(power));
                let within = powers.filter(|value| *value >= from * 0.999 && *value <= to * 1.001);
                (within.map(|value| (value, power_of_ten(value))).collect(), "time")
            }
        }
    }

    fn moments(&self, moments: &[(f64, &str)]) -> String {
        let mut svg = String::new();
        for (at, name) in moments {
            let x = self.x(*at);
            // beside its line, on the side where there is room
            let (anchor, dx) = if x > WIDTH / 2.0 { ("end", -4.0) } else { ("start", 4.0) };
            let _ = writeln!(
                svg,
                "<path class=\"moment\" d=\"M{x:.1} {TOP}V{:.0}\"/>\
                 <text class=\"moment\" x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{name}</text>",
                HEIGHT - BOTTOM,
                x + dx,
                TOP + 8.0
            );
        }
        svg
    }

    fn draw(&self, line: &Line) -> String {
        let colour = line.colour % COLOURS;
        if line.form == Form::Bars {
            return format!("<path class=\"bars c{colour}\" d=\"{}\"/>\n", self.bars(&line.points));
        }
        let mut svg = String::new();
        for run in line.points.split(|(_, value)| value.is_none()).filter(|run| !run.is_empty()) {
            let known = run.iter().filter_map(|(at, value)| Some((self.x(*at), self.y((*value)?))));
            let known: Vec<(f64, f64)> = known.collect();
            let path: Vec<String> = known.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            let path = path.join("L");
            if let (Form::Area, Some(first), Some(last)) = (line.form, known.first(), known.last()) {
                let bottom = HEIGHT - BOTTOM;
                let _ = writeln!(
                    svg,
                    "<path class=\"area c{colour}\" d=\"M{:.1} {bottom}L{path}L{:.1} {bottom}Z\"/>",
                    first.0, last.0
                );
            }
            let _ = writeln!(svg, "<path class=\"line c{colour}\" d=\"M{path}\"/>");
            if known.len() == 1 || line.form == Form::Line && line.points.len() <= DOTS_MAX {
                let dots: String = known.iter().map(|(x, y)| format!("M{x:.1} {y:.1}h0")).collect();
                let _ = writeln!(svg, "<path class=\"dots c{colour}\" d=\"{dots}\"/>");
            }
        }
        svg
    }

    fn bars(&self, points: &[(f64, Option<f64>)]) -> String {
        let mut before = 0.0;
        let mut path = String::new();
        for (at, value) in points {
            let (from, to, top) = (self.x(before), self.x(*at), self.y(value.unwrap_or(0.0)));
            before = *at;
            if value.is_some_and(|value| value > 0.0) {
                let gap = if to - from > 4.0 { 0.5 } else { 0.0 };
                let (from, to, bottom) = (from + gap, (to - gap).max(from + 0.8), HEIGHT - BOTTOM);
                let _ = write!(path, "M{from:.1} {bottom}V{top:.1}H{to:.1}V{bottom}Z");
            }
        }
        path
    }
}

fn power_of_ten(seconds: f64) -> String {
    let micros = (seconds * 1e6).round() as u64;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{} s", micros / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(form: Form, points: &[(f64, Option<f64>)]) -> String {
        let line = Line { name: "a < b".to_owned(), form, colour: 2, points: points.to_vec() };
        let other = Line { name: "other".to_owned(), form: Form::Line, colour: 1, points: Vec::new() };
        let lines = vec![line, other];
        let across = Across::Time(10.0);
        Chart { title: "T", unit: Unit::Count("n"), across, lines, moments: vec![(5.0, "half")] }.to_html()
    }

    #[test]
    fn a_gap_parts_a_line() {
        let html = chart(Form::Line, &[(0.0, Some(0.0)), (5.0, Some(4.0)), (6.0, None), (10.0, Some(2.0))]);
        assert!(html.contains("M52.0 182.0L299.0 12.0\""), "{html}");
        assert_eq!(html.matches("class=\"line c2\"").count(), 2);
        assert!(html.contains("a &lt; b") && html.contains(">half<"));
    }

    #[test]
    fn bars_stand_between_their_times() {
        let html = chart(Form::Bars, &[(5.0, Some(4.0)), (10.0, Some(0.0))]);
        assert!(html.contains("d=\"M52.5 182V12.0H298.5V182Z\""), "{html}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing_and_no_number_is_none() {
        for form in [Form::Line, Form::Curve, Form::Area, Form::Bars] {
            for points in [&[][..], &[(0.0, None)], &[(0.0, Some(0.0))]] {
                let html = chart(form, points);
                assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
            }
        }
    }

    #[test]
    fn powers_of_ten_have_units() {
        assert_eq!([0.000_1, 0.01, 10.0].map(power_of_ten), ["100 µs", "10 ms", "10 s"]);
    }
}
