//! `test`: every check there is, in stages, the quick ones first.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::root::root;
use crate::run::{command, run, run_lines};
use crate::tools;
use crate::{build, e2e, tidy};

/// A stage: its name, the command that repeats it alone, and what it does.
type Stage = (&'static str, &'static str, fn() -> Result<Count>);

const STAGES: &[Stage] = &[
    ("tools", "cargo xtask test", install),
    ("web: build", "cargo xtask test", web_build),
    ("tidy", "cargo xtask tidy", tidy_stage),
    ("rust: unit, conversation and simulation tests", "cargo test --workspace", rust),
    ("web: unit tests", "npm --prefix web test", web),
    ("browsers: types", "npm --prefix e2e run check", e2e_types),
    ("browsers: scenarios", "cargo xtask e2e", browsers),
];

/// Runs the stages in order, up to the first that fails.
///
/// # Errors
/// With the command that repeats the failed stage alone.
pub(crate) fn test() -> Result<()> {
    let mut total = Count::default();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (name, repeat, stage) in STAGES {
        println!("\n=== {name}");
        let started = now();
        let result = stage();
        times.push((name, started.elapsed()));
        if result.is_err() {
            print_times(&times);
        }
        total.add(result.with_context(|| format!("stage \"{name}\" failed; to repeat it alone: {repeat}"))?);
    }
    print_times(&times);
    println!("\n{total}");
    Ok(())
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads `test result: ok. 12 passed; 0 failed; ...`.
    fn read_cargo(&mut self, line: &str) {
        if line.starts_with("test result:") {
            self.passed += number_before(line, "passed");
            self.failed += number_before(line, "failed");
        }
    }

    /// Reads `      Tests  1 failed | 11 passed (12)`.
    pub(crate) fn read_vitest(&mut self, line: &str) {
        if line.trim_start().starts_with("Tests ") {
            self.passed += number_before(line, "passed");
            self.failed += number_before(line, "failed");
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

fn install() -> Result<Count> {
    tools::ensure(tools::SCENARIOS)?;
    Ok(Count::default())
}

fn web_build() -> Result<Count> {
    build::web_client()?;
    Ok(Count::default())
}

fn tidy_stage() -> Result<Count> {
    tidy::tidy()?;
    Ok(Count::default())
}

fn rust() -> Result<Count> {
    let mut count = Count::default();
    run_lines(&mut command(root(), "cargo", &["test", "--workspace"]), |line| count.read_cargo(line))?;
    Ok(count)
}

fn web() -> Result<Count> {
    let mut count = Count::default();
    run_lines(&mut command(&root().join("web"), "npm", &["test", "--silent"]), |line| {
        count.read_vitest(line)
    })?;
    Ok(count)
}

fn e2e_types() -> Result<Count> {
    build::npm_ci("e2e")?;
    run(&mut command(&root().join("e2e"), "npm", &["run", "--silent", "check"]))?;
    Ok(Count::default())
}

fn browsers() -> Result<Count> {
    e2e::scenarios(&e2e::Arguments::one_round(), &build::for_scenarios_after_tests()?)
}

fn print_times(times: &[(&str, Duration)]) {
    println!();
    for (name, time) in times {
        println!("{:>4} s  {name}", time.as_secs());
    }
    println!("{:>4} s  together", times.iter().map(|(_, time)| time.as_secs()).sum::<u64>());
}

/// The number before `word`, 0 if there is none.
fn number_before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let found = words.windows(2).find(|pair| pair[1].trim_end_matches(';') == word);
    found.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[expect(clippy::disallowed_methods, reason = "a workshop verb that times itself")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_cargo_says() {
        let mut count = Count::default();
        count.read_cargo("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; finished in 0.1s");
        count.read_cargo("test result: FAILED. 3 passed; 2 failed; 0 ignored");
        count.read_cargo("running 7 tests");
        assert_eq!(count, Count { passed: 15, failed: 2 });
    }

    #[test]
    fn counts_what_vitest_says() {
        let mut count = Count::default();
        count.read_vitest(" Test Files  1 failed | 3 passed (4)");
        count.read_vitest("      Tests  1 failed | 11 passed (12)");
        count.read_vitest("      Tests  5 passed (5)");
        assert_eq!(count.to_string(), "16 passed, 1 failed");
    }
}
