//! What a server costs while it is under load: processor time and memory, of a process and its children here, or of
//! whatever tells them to Prometheus.

mod process;
mod scrape;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use hyper::Uri;
use participant::Time;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::dial::{Dialer, Place};
use crate::run::Now;
use process::Process;

const INTERVAL: Duration = Duration::from_secs(1);

/// `1234`, `http://127.0.0.1:8001/metrics`, or either with a name: `jvb=1234`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    name: String,
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Process(u32),
    Metrics(Uri),
}

/// Of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// seconds of processor time a second
    pub cpu: f64,
    pub memory_bytes: u64,
}

/// Of the whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    pub name: String,
    /// seconds of processor time, and of the run while it was watched
    pub cpu_seconds: f64,
    pub seconds: f64,
    /// the highest of all intervals
    pub cpu_max: f64,
    pub memory_max_bytes: u64,
    /// since when nothing is known of it, and why
    pub gone: Option<(Time, String)>,
    /// `None`: not known
    pub latest: Option<Usage>,
}

/// What is known at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading {
    cpu_seconds: f64,
    memory_bytes: u64,
}

impl FromStr for Watch {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let source = |text: &str| -> Option<Source> {
            if let Ok(pid) = text.parse() {
                return Some(Source::Process(pid));
            }
            let url: Uri = text.parse().ok()?;
            Place::of(&url).map(|_| Source::Metrics(url))
        };
        let named = text.split_once('=').and_then(|(name, rest)| Some((name.to_owned(), source(rest)?)));
        let named = named.or_else(|| source(text).map(|source| (String::new(), source)));
        let (name, source) = named.with_context(|| {
            format!("{text:?} is nothing to watch: give the number of a process or a URL of metrics, such as 1234 or sfu=http://HOST:PORT/metrics")
        })?;
        let name = if name.is_empty() { source.to_string() } else { name };
        Ok(Self { name, source })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(pid) => write!(f, "process {pid}"),
            Self::Metrics(url) => {
                f.write_str(url.authority().map_or("metrics", |authority| authority.as_str()))
            }
        }
    }
}

/// Reads all of them every second, beside the load, until it is dropped.
pub(crate) struct Watcher {
    servers: Vec<Rc<RefCell<Server>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Watcher {
    /// # Errors
    /// One of them cannot be read at all.
    pub(crate) async fn begin(watches: &[Watch], dialer: &Rc<Dialer>, now: Now) -> anyhow::Result<Self> {
        let mut watcher = Self { servers: Vec::new(), tasks: Vec::new() };
        for watch in watches {
            let mut eye = Eye::new(&watch.source, dialer);
            let first = eye.read().await.with_context(|| format!("--watch {}", watch.source))?;
            let server = Rc::new(RefCell::new(Server { name: watch.name.clone(), ..Server::default() }));
            watcher.servers.push(Rc::clone(&server));
            watcher.tasks.push(tokio::task::spawn_local(look(eye, first, server, now)));
        }
        Ok(watcher)
    }

    pub(crate) fn servers(&self) -> Vec<Server> {
        self.servers.iter().map(|server| server.borrow().clone()).collect()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn look(mut eye: Eye, mut before: Reading, server: Rc<RefCell<Server>>, now: Now) {
    let mut at = now.get();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let reading = eye.read().await;
        let moment = now.get();
        match reading {
            Ok(reading) => {
                server.borrow_mut().note(&before, &reading, moment.saturating_sub(at));
                (before, at) = (reading, moment);
            }
            Err(error) => server.borrow_mut().miss(moment, &error),
        }
    }
}

impl Server {
    fn note(&mut self, before: &Reading, reading: &Reading, between: Duration) {
        let seconds = between.as_secs_f64().max(1e-3);
        // a process that was started anew counts from zero
        let spent = (reading.cpu_seconds - before.cpu_seconds).max(0.0);
        let usage = Usage { cpu: spent / seconds, memory_bytes: reading.memory_bytes };
        self.cpu_seconds += spent;
        self.seconds += seconds;
        self.cpu_max = self.cpu_max.max(usage.cpu);
        self.memory_max_bytes = self.memory_max_bytes.max(usage.memory_bytes);
        (self.latest, self.gone) = (Some(usage), None);
    }

    fn miss(&mut self, at: Time, error: &anyhow::Error) {
        self.latest = None;
        self.gone.get_or_insert_with(|| (at, format!("{error:#}")));
    }

    /// Seconds of processor time a second, in the mean.
    pub fn cpu_mean(&self) -> f64 {
        if self.seconds > 0.0 { self.cpu_seconds / self.seconds } else { 0.0 }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "cpu_seconds": self.cpu_seconds,
            "cpu_mean": self.cpu_mean(),
            "cpu_max": self.cpu_max,
            "memory_max_bytes": self.memory_max_bytes,
            "gone": self.gone.as_ref().map(|(at, why)| json!({ "at": at.as_secs_f64(), "why": why })),
        })
    }
}

impl Usage {
    pub(crate) fn to_json(self) -> Value {
        json!({ "cpu": self.cpu, "memory_bytes": self.memory_bytes })
    }
}

/// Reads one of them.
enum Eye {
    Process(Process),
    Metrics(Uri, Rc<Dialer>),
}

impl Eye {
    fn new(source: &Source, dialer: &Rc<Dialer>) -> Self {
        match source {
            Source::Process(pid) => Self::Process(Process::new(*pid)),
            Source::Metrics(url) => Self::Metrics(url.clone(), Rc::clone(dialer)),
        }
    }

    async fn read(&mut self) -> anyhow::Result<Reading> {
        match self {
            Self::Process(process) => {
                // hundreds of small files: not on the thread whose pauses are measured
                let mut taken = std::mem::take(process);
                let (back, reading) = tokio::task::spawn_blocking(move || {
                    let reading = taken.read();
                    (taken, reading)
                })
                .await?;
                *process = back;
                reading
            }
            Self::Metrics(url, dialer) => scrape::read(dialer, url).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_or_a_url_with_a_name_or_without() {
        let name =
            |text: &str| text.parse::<Watch>().map(|watch| watch.name).map_err(|error| error.to_string());
        assert_eq!(name("1234"), Ok("process 1234".to_owned()));
        assert_eq!(name("jvb=1234"), Ok("jvb".to_owned()));
        assert_eq!(name("http://127.0.0.1:8001/metrics"), Ok("127.0.0.1:8001".to_owned()));
        assert_eq!(name("sfu=http://127.0.0.1:8001/metrics?x=1"), Ok("sfu".to_owned()));
        for text in ["", "jvb", "jvb=", "-1", "ftp://x/y"] {
            assert!(
                name(text).unwrap_err().contains("--") || name(text).unwrap_err().contains("1234"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_was_used_is_a_difference_and_a_restart_is_none() {
        let reading = |cpu_seconds, memory_bytes| Reading { cpu_seconds, memory_bytes };
        let mut server = Server::default();
        server.note(&reading(10.0, 5), &reading(13.0, 9), Duration::from_secs(2));
        assert_eq!(server.latest, Some(Usage { cpu: 1.5, memory_bytes: 9 }));
        server.miss(Duration::from_secs(3), &anyhow::anyhow!("gone"));
        assert_eq!((server.latest, server.gone.is_some()), (None, true));
        server.note(&reading(13.0, 9), &reading(0.5, 1), Duration::from_secs(1));
        assert_eq!((server.cpu_seconds, server.memory_max_bytes, server.gone), (3.0, 9, None));
    }
}
