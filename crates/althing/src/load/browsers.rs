//! What is said of the browsers of a load.

use loadgen::units::show_time;
use loadgen::{Report, Sight};

/// What they see at the moment.
pub(super) fn sight(sight: Sight) -> String {
    let Sight { present, streams, frames_ps, freezes } = sight;
    format!("{present} in, {frames_ps:.0} frames/s of {streams:.0} streams, {freezes} freezes")
}

/// Nothing, where there were none.
pub(super) fn summary(report: &Report) -> String {
    if report.browsers.is_empty() {
        return String::new();
    }
    let figure = |name: &str| report.figure(&format!("browsers.{name}")).unwrap_or_default();
    let mut text = format!(
        "browsers {} of {} in at the end, {} failed, {} reloads, {} never saw a picture\n",
        figure("present"),
        report.browsers.len(),
        figure("failed"),
        figure("reloads"),
        figure("blind"),
    );
    text.push_str(&format!(
        "         {} frames of {} streams decoded, {:.1} a second of each; {} freezes ({:.2} % of the time), {:.3} % lost\n",
        figure("frames"),
        figure("streams"),
        figure("fps"),
        figure("freezes"),
        figure("frozen") * 100.0,
        figure("lost") * 100.0,
    ));
    if let Some(times) = report.times("browsers.first_frame").filter(|times| times.count() > 0) {
        let [p50, p95] = [0.5, 0.95].map(|part| show_time(times.quantile(part).unwrap_or_default()));
        text.push_str(&format!(
            "         first picture after {p50} (median), {p95} (p95), {} at most\n",
            show_time(times.max())
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_short() {
        let now = Sight { present: 2, streams: 7.0, frames_ps: 168.4, freezes: 1 };
        assert_eq!(sight(now), "2 in, 168 frames/s of 7 streams, 1 freezes");
    }
}
