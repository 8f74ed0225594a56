//! `althing load`: simulated participants against any server, shown as they come and summed up at the end.

mod browsers;
mod live;
mod media;
mod profiles;
mod table;

use anyhow::{Context as _, bail};
use loadgen::{About, Report, Threshold};

use crate::flags::Load;
use crate::{open_files, print};

pub(crate) fn run(flags: &Load) -> anyhow::Result<()> {
    if flags.list_profiles {
        return print::text(&profiles::list());
    }
    if let Some(name) = &flags.show_profile {
        return print::text(profiles::text(name)?);
    }
    let order = flags.order()?;
    let load = &order.load;
    let participants = load.crowd.rooms.saturating_mul(load.crowd.participants.max);
    let sockets = participants.saturating_mul(1 + u32::from(load.media.is_some()));
    open_files::raise(usize::try_from(sockets).unwrap_or(usize::MAX));
    let title = order.profile.as_deref().map_or("load", name_of);
    if load.browsers.count > 0 {
        print::aside(&format!("browsers are starting: {}", load.browsers.count));
    }
    if let Some(warning) = load.browsers.warning() {
        print::aside(&format!("warning: {warning}"));
    }
    let mut display = live::Display::new(&format!("{title}  {}", load.target.url));
    let report = loadgen::run(load, |progress| display.show(progress))?;
    display.end();
    if let Some(file) = &flags.json {
        write(file, &format!("{:#}\n", report.to_json()))?;
    }
    if let Some(file) = &flags.html {
        let about = About { title, load, thresholds: &order.thresholds, version: env!("CARGO_PKG_VERSION") };
        write(file, &loadgen::page(&report, &about))?;
    }
    print::text(&table::of(&report, &order.thresholds))?;
    judge(&report, &order.thresholds)
}

/// Of a profile: what is left of a path.
fn name_of(profile: &str) -> &str {
    let file = profile.rsplit('/').next().unwrap_or(profile);
    file.strip_suffix(".toml").unwrap_or(file)
}

fn write(file: &std::path::Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("could not write {}", file.display()))
}

/// The exit code.
fn judge(report: &Report, thresholds: &[Threshold]) -> anyhow::Result<()> {
    let crossed = thresholds.iter().filter_map(|threshold| {
        let value = threshold.crossed_by(report)?;
        Some(format!("{threshold} (it is {value:.3})"))
    });
    let crossed: Vec<String> = crossed.collect();
    let progress = &report.progress;
    if progress.joined == 0 {
        let first = progress.first.as_ref().map_or("nobody tried", |first| &first.reason);
        let advice = progress.advice.get(first).map(|advice| format!("; {advice}"));
        bail!("nobody got in: {first}{}", advice.unwrap_or_default());
    }
    if !crossed.is_empty() {
        bail!("the run fails: {}", crossed.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_the_name_of_its_file() {
        assert_eq!((name_of("joinstorm"), name_of("./a/b.toml")), ("joinstorm", "b"));
    }
}
