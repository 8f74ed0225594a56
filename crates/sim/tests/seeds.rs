//! A fixed corpus, and a fresh sweep of seeds that nobody has seen.

use sim::run;

/// Runs of the sweep; each takes about a quarter of a second.
const FRESH: u64 = 8;

#[track_caller]
fn check(seed: u64) {
    if let Some(failure) = run(seed).failure {
        panic!("\n{failure}");
    }
}

#[test]
fn the_corpus_holds() {
    (1..=12).for_each(check);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a seed that nobody chose; a failure names it")]
fn fresh_seeds_hold() {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let first = since.unwrap().as_secs();
    (first..first + FRESH).for_each(check);
}

#[test]
fn the_same_seed_is_the_same_run() {
    let (once, again, other) = (run(5), run(5), run(6));
    assert_eq!((once.trace, &once.counts), (again.trace, &again.counts));
    assert_ne!(once.trace, other.trace);
}
