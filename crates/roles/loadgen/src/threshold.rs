//! `join.p95>2s`: what makes a run fail.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail};

use crate::report::Report;
use crate::units::amount;

/// A bound that a figure must not cross.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    figure: String,
    crossed: Crossed,
    /// seconds where it is a time
    bound: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crossed {
    Above,
    AtLeast,
    Below,
    AtMost,
}

const CROSSED: [(&str, Crossed); 4] =
    [(">=", Crossed::AtLeast), ("<=", Crossed::AtMost), (">", Crossed::Above), ("<", Crossed::Below)];

impl FromStr for Threshold {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let split = |(sign, crossed)| text.split_once(sign).map(|(figure, bound)| (figure, crossed, bound));
        let Some((figure, crossed, bound)) = CROSSED.into_iter().find_map(split) else {
            bail!("{text:?} is no threshold: write it as \"join.p95>2s\"");
        };
        let bound = amount(bound).with_context(|| format!("{text:?} has no number, such as 2s or 5"))?;
        let figure = figure.trim().to_owned();
        if !Report::empty().figures().any(|name| name == figure) {
            let names: Vec<String> = Report::empty().figures().map(str::to_owned).collect();
            bail!("{figure:?} is not measured; there are {}", names.join(", "));
        }
        Ok(Self { text: text.to_owned(), figure, crossed, bound })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Threshold {
    /// `join.p95`
    pub fn figure(&self) -> &str {
        &self.figure
    }

    /// The figure, where it crosses the bound.
    pub fn crossed_by(&self, report: &Report) -> Option<f64> {
        let value = report.figure(&self.figure)?;
        let is_crossed = match self.crossed {
            Crossed::Above => value > self.bound,
            Crossed::AtLeast => value >= self.bound,
            Crossed::Below => value < self.bound,
            Crossed::AtMost => value <= self.bound,
        };
        is_crossed.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, figure: &str, crossed: Crossed, bound: f64) {
        let threshold: Threshold = text.parse().unwrap();
        assert_eq!((threshold.figure.as_str(), threshold.crossed, threshold.bound), (figure, crossed, bound));
    }

    #[test]
    fn reads_times_and_counts() {
        check("join.p95>2s", "join.p95", Crossed::Above, 2.0);
        check("delay.p99 >= 250ms", "delay.p99", Crossed::AtLeast, 0.25);
        check("joined<1000", "joined", Crossed::Below, 1_000.0);
        check("silence.max<=1m", "silence.max", Crossed::AtMost, 60.0);
    }

    #[test]
    fn what_is_none_is_refused_with_a_reason() {
        for (text, part) in
            [("reloads", "join.p95>2s"), ("join.p95>x", "no number"), ("jion.p95>2", "chat.lost")]
        {
            let error = format!("{:#}", text.parse::<Threshold>().unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_bound_is_crossed_or_not() {
        let crossed = |text: &str| text.parse::<Threshold>().unwrap().crossed_by(&Report::empty());
        assert_eq!(crossed("reloads>0"), None);
        assert_eq!(crossed("joined<1"), Some(0.0));
        assert_eq!(crossed("reloads>=0"), Some(0.0));
    }
}
