//! Where the marks of an axis stand, and what is written beside them.

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// of what
    Count(&'static str),
    Seconds,
    Bytes,
    /// seconds of processor time a second
    Cpu,
    /// of one
    Part,
    /// a second
    Bits,
}

/// From zero to a round number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) max: f64,
    /// values, and how they are written
    pub(super) marks: Vec<(f64, String)>,
    /// what the numbers are
    pub(super) label: &'static str,
}

/// Marks that an axis has, about.
const MARKS: f64 = 4.0;

impl Axis {
    /// That `max` fits on.
    pub(super) fn up_to(max: f64, unit: Unit) -> Self {
        let max = if max.is_finite() && max > 0.0 { max } else { unit.least() };
        let (size, label) = unit.scale(max);
        let step = step(max / size).max(if matches!(unit, Unit::Count(_)) { 1.0 } else { 0.0 });
        let count = (max / size / step).ceil().max(1.0);
        let decimals = if step >= 1.0 { 0 } else { (-step.log10()).ceil().max(0.0) as usize };
        let mark = |n: u32| (f64::from(n) * step * size, format!("{:.decimals$}", f64::from(n) * step));
        Self { max: count * step * size, marks: (0..=count as u32).map(mark).collect(), label }
    }

    /// Time since the beginning, which need not end on a mark.
    pub(super) fn time(seconds: f64) -> Self {
        let max = seconds.max(1.0);
        let (size, label) = if max > 300.0 { (60.0, "minutes") } else { (1.0, "seconds") };
        let step = step(max / size * MARKS / 7.0);
        let decimals = usize::from(step < 1.0);
        let marks = (0..).map(|n| f64::from(n) * step).take_while(|value| value * size <= max);
        Self { max, marks: marks.map(|value| (value * size, format!("{value:.decimals$}"))).collect(), label }
    }
}

impl Unit {
    /// Where nothing is to be shown.
    fn least(self) -> f64 {
        match self {
            Self::Count(_) => 1.0,
            Self::Seconds => 0.001,
            Self::Bytes => 1_048_576.0,
            Self::Cpu | Self::Part => 0.01,
            Self::Bits => 1_000.0,
        }
    }

    fn scale(self, max: f64) -> (f64, &'static str) {
        let fitting = |units: &[(f64, &'static str)]| {
            let last = units.last().copied().unwrap_or((1.0, ""));
            units.iter().copied().find(|(size, _)| max >= *size).unwrap_or(last)
        };
        match self {
            Self::Count(what) => (1.0, what),
            Self::Seconds => fitting(&[(1.0, "s"), (0.001, "ms")]),
            Self::Bytes => fitting(&[(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB")]),
            Self::Cpu => (0.01, "% of one core"),
            Self::Part => (0.01, "%"),
            Self::Bits => fitting(&[(1e9, "Gb/s"), (1e6, "Mb/s"), (1e3, "kb/s")]),
        }
    }
}

/// 1, 2 or 5 times a power of ten.
fn step(max: f64) -> f64 {
    let wanted = (max / MARKS).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(wanted.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= wanted * 0.999_999).unwrap_or(steps[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(max: f64, unit: Unit, marks: &[&str], label: &str) {
        let axis = Axis::up_to(max, unit);
        let written: Vec<&str> = axis.marks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!((written.as_slice(), axis.label), (marks, label), "{max}");
        assert!(axis.max >= max * 0.999_999 || max.is_nan());
    }

    #[test]
    fn marks_are_round_and_units_fit() {
        check(500.0, Unit::Count("people"), &["0", "200", "400", "600"], "people");
        check(3.0, Unit::Count("people"), &["0", "1", "2", "3"], "people");
        check(0.0, Unit::Count("joins"), &["0", "1"], "joins");
        check(0.132, Unit::Seconds, &["0", "50", "100", "150"], "ms");
        check(1.7, Unit::Seconds, &["0.0", "0.5", "1.0", "1.5", "2.0"], "s");
        check(0.000_7, Unit::Seconds, &["0.0", "0.2", "0.4", "0.6", "0.8"], "ms");
        check(1.43, Unit::Cpu, &["0", "50", "100", "150"], "% of one core");
        check(212.0 * 1_048_576.0, Unit::Bytes, &["0", "100", "200", "300"], "MiB");
        check(f64::NAN, Unit::Bits, &["0.0", "0.5", "1.0"], "kb/s");
    }

    #[test]
    fn time_is_in_seconds_or_minutes() {
        let short = Axis::time(42.0);
        assert_eq!((short.marks.len(), short.label, short.max), (5, "seconds", 42.0));
        let long = Axis::time(3_600.0);
        assert_eq!(
            (long.marks.last().map(|(at, text)| (*at, text.as_str())), long.label),
            (Some((3_600.0, "60")), "minutes")
        );
    }
}
