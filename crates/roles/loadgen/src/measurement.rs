//! Media of participants whose signalling somebody else does: the threads, sockets and figures of a run, without its
//! plan and its Jitsi Meet. An adapter to the API of another kind of server hands over the sessions that it has agreed
//! on, and gets the same report.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use participant::media::{Command, Settings, Way};
use participant::{Author, Fact};
use service::trust::Trust;

use crate::dial::Dialer;
use crate::media::{Desk, Gauge};
use crate::report::{Account, Report};
use crate::run::{Media, Now, cpu_seconds, roles};
use crate::series::Series;
use crate::tally::{Progress, Tally};
use crate::watch::{Watch, Watcher};

/// See the module. [`tick`](Self::tick) wants to be called once a second.
pub struct Measurement {
    now: Now,
    desk: Desk,
    roles: [Arc<Settings>; 2],
    watcher: Watcher,
    counts: RefCell<Counts>,
}

#[derive(Default)]
struct Counts {
    tally: Tally,
    series: Series,
    gauge: Gauge,
}

impl Measurement {
    /// For so many participants; inside a [`tokio::task::LocalSet`].
    ///
    /// # Errors
    /// The machine gives no thread, or something cannot be watched.
    pub async fn begin(media: &Media, watch: &[Watch], seed: u64, total: u32) -> anyhow::Result<Self> {
        let now = Now::begin();
        let dialer = Rc::new(Dialer::new(&Trust::Known(None))?);
        let counts = Counts::default();
        let measurement = Self {
            now,
            desk: Desk::open(now, seed)?,
            roles: roles(media, now, Way::default()),
            watcher: Watcher::begin(watch, &dialer, now).await?,
            counts: RefCell::new(counts),
        };
        measurement.counts.borrow_mut().tally.progress.total = total;
        Ok(measurement)
    }

    /// Since it began.
    pub fn elapsed(&self) -> Duration {
        self.now.get()
    }

    /// Of the certificate that all sessions show, sha-256: colon-separated hexadecimal.
    pub fn fingerprint(&self) -> &str {
        let [sending, _] = &self.roles;
        sending.identity.fingerprint()
    }

    /// Somebody who will have one session at a time; who has several at once enters several times, with an attendance for
    /// each. Without `sends` the camera and the microphone are off.
    pub fn enter(&self, author: Author, sends: bool) {
        let [sending, watching] = &self.roles;
        // failures are in the figures
        drop(self.desk.enter(author, if sends { sending } else { watching }));
    }

    pub fn tell(&self, author: Author, command: Command) {
        self.desk.tell(author, command);
    }

    /// Somebody is in, so long after it came.
    pub fn joined(&self, after: Duration) {
        let mut counts = self.counts.borrow_mut();
        counts.tally.begin();
        counts.tally.note(self.now.get(), "", &Fact::Joined { after });
    }

    /// What flowed since the last call goes into the series.
    pub fn tick(&self) -> Progress {
        let (now, servers) = (self.now.get(), self.watcher.servers());
        let Counts { tally, series, gauge } = &mut *self.counts.borrow_mut();
        let flow = Some(gauge.read(now, self.desk.totals()));
        series.add(tally.sample(now, flow, &servers));
        Progress { elapsed: now, flow, servers, ..tally.progress() }
    }

    /// Nobody sends anything any more; what is on its way still counts.
    pub fn finish(&self) {
        self.desk.finish();
    }

    /// Everybody is gone: what was it like?
    pub fn end(self) -> Report {
        let (elapsed, servers) = (self.now.get(), self.watcher.servers());
        let Counts { mut tally, series, .. } = self.counts.into_inner();
        tally.media = self.desk.close();
        let (cpu, series, browser) = (cpu_seconds(), series.end(), String::new());
        Report::new(&tally, Account { elapsed, cpu, series, servers, browser })
    }
}
