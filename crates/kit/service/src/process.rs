//! What this process takes of its machine, under the names that Prometheus' own client libraries use: processor time, memory
//! and files, read when somebody asks. What the system does not tell is left out.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::param::page_size;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

#[derive(Debug)]
pub(crate) struct Process {
    /// milliseconds since the Unix epoch
    pub(crate) began: u64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut put = |name: &str, help: &str, metric: &dyn Shown| metric.show(&mut encoder, name, help);
        put(
            "process_cpu_seconds",
            "Processor time that was used, of all threads",
            &ConstCounter::new(cpu()),
        )?;
        put(
            "process_start_time_seconds",
            "When it began, since the Unix epoch",
            &ConstGauge::new(self.began as f64 / 1e3),
        )?;
        if let Some(bytes) = resident() {
            put("process_resident_memory_bytes", "Memory that is in use", &ConstGauge::new(bytes))?;
        }
        if let Some(files) = open_files() {
            put("process_open_fds", "Files and sockets that are open", &ConstGauge::new(files))?;
        }
        let limit = getrlimit(Resource::Nofile).current.and_then(|limit| i64::try_from(limit).ok());
        if let Some(limit) = limit {
            put("process_max_fds", "Files and sockets that may be open", &ConstGauge::new(limit))?;
        }
        Ok(())
    }
}

/// A metric of any kind, under its name.
trait Shown {
    fn show(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result;
}

impl<M: EncodeMetric> Shown for M {
    fn show(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result {
        self.encode(encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}

fn cpu() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// Bytes: the second number of proc_pid_statm(5), in pages.
fn resident() -> Option<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(i64::try_from(page_size()).ok()?)
}

fn open_files() -> Option<i64> {
    // but for the directory itself
    i64::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1)).ok()
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;

    #[test]
    fn what_the_process_takes_is_shown() {
        let metrics = Metrics::of_this_process();
        let value = |name: &str| -> f64 {
            let text = metrics.exposition();
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
        };
        let before = value("process_cpu_seconds_total");
        let mut sum = 0_u64;
        while value("process_cpu_seconds_total") <= before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_start_time_seconds") > 1.5e9);
        assert!((1.0..value("process_max_fds")).contains(&value("process_open_fds")));
    }
}
