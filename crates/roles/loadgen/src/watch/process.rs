//! A process and its children, from Linux' `/proc` (proc(5)).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use rustix::param::{clock_ticks_per_second, page_size};

use super::Reading;

#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    pid: u32,
    /// ticks that each was last seen with: those of a child that has ended are still counted
    seen: BTreeMap<u32, u64>,
    ticks: u64,
}

/// What stands in `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    ticks: u64,
    pages: u64,
}

impl Process {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid, ..Self::default() }
    }

    pub(super) fn read(&mut self) -> anyhow::Result<Reading> {
        let all = processes().context("there is no /proc here: watch a URL of metrics instead")?;
        ensure!(all.contains_key(&self.pid), "there is no process {}", self.pid);
        let mut pages = 0;
        for pid in family(self.pid, &all) {
            let Some(stat) = all.get(&pid) else { continue };
            let before = self.seen.insert(pid, stat.ticks).unwrap_or(0);
            self.ticks += stat.ticks.saturating_sub(before);
            pages += stat.pages;
        }
        Ok(Reading {
            cpu_seconds: self.ticks as f64 / clock_ticks_per_second().max(1) as f64,
            memory_bytes: pages * page_size() as u64,
        })
    }
}

fn processes() -> std::io::Result<BTreeMap<u32, Stat>> {
    let stat_of = |entry: std::io::Result<std::fs::DirEntry>| -> Option<(u32, Stat)> {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, parse(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?))
    };
    Ok(std::fs::read_dir("/proc")?.filter_map(stat_of).collect())
}

/// The name, in parentheses, may have anything in it.
fn parse(stat: &str) -> Option<Stat> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // the third field of the file is the first after the name
    let (user, system) = (number(11)?, number(12)?);
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks: user + system, pages: number(21)? })
}

/// The process, its children and theirs.
fn family(pid: u32, all: &BTreeMap<u32, Stat>) -> BTreeSet<u32> {
    let mut family = BTreeSet::from([pid]);
    loop {
        let is_new = |(pid, stat): &(&u32, &Stat)| family.contains(&stat.parent) && !family.contains(*pid);
        let more: Vec<u32> = all.iter().filter(is_new).map(|(pid, _)| *pid).collect();
        if more.is_empty() {
            return family;
        }
        family.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let line = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0 1234 999999 321 18446744073709551615 1";
        assert_eq!(parse(line), Some(Stat { parent: 7, ticks: 200, pages: 321 }));
        assert_eq!((parse(""), parse("1 (x) S 1"), parse("1 (x")), (None, None, None));
    }

    #[test]
    fn children_belong_to_it_and_others_do_not() {
        let stat = |parent| Stat { parent, ticks: 0, pages: 0 };
        let all = BTreeMap::from([(1, stat(0)), (5, stat(9)), (9, stat(1)), (10, stat(5)), (11, stat(1))]);
        assert_eq!(family(9, &all), BTreeSet::from([5, 9, 10]));
    }

    #[test]
    fn this_process_can_be_read_and_one_that_is_not_there_cannot() {
        let reading = Process::new(std::process::id()).read().unwrap();
        assert!(reading.memory_bytes > 1 << 20, "{reading:?}");
        let error = Process::new(u32::MAX).read().unwrap_err().to_string();
        assert!(error.contains("no process"), "{error}");
    }
}
