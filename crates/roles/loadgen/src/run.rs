//! A run from its first participant to its report.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use participant::{Author, Crowd, Event, Invitation, Plan, Settings, Time, What, media};
use rustix::time::{ClockId, clock_gettime};
use service::clock::Clock;
use service::trust::Trust;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use crate::browsers::{Browsers, Fleet, Visitor};
use crate::dial::Dialer;
use crate::limits::{LEAVE_TIME_MAX, LINGER_TIME, QUIET_TIME_MAX};
use crate::media::{Desk, Flow, Gauge};
use crate::report::{Account, Report};
use crate::seat::{Guest, Hall, sit};
use crate::series::Series;
use crate::tally::{Progress, Tally};
use crate::target::{Addresses, FocusAt, Target};
use crate::watch::{Watch, Watcher};
use crate::wishes::Wishes;

const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// What to do.
#[derive(Clone, Debug)]
pub struct Load {
    pub target: Target,
    pub trust: Trust,
    pub crowd: Crowd,
    /// rooms are called this, a dash, and a number from 1
    pub room: String,
    /// mean time between two lines of each participant; `None`: nobody says anything
    pub chat: Option<Duration>,
    /// a ping of each participant so often, to find pauses; `None`: only those of an ordinary client
    pub probe: Option<Duration>,
    /// `None`: signalling alone
    pub media: Option<Media>,
    /// which of the participants are browsers
    pub browsers: Browsers,
    /// what else is measured
    pub watch: Vec<Watch>,
}

/// What participants send, and see.
#[derive(Clone, Debug)]
pub struct Media {
    /// `None`: nobody has one
    pub camera: Option<media::Camera>,
    /// `None`: nobody has a microphone
    pub voice: Option<media::Voice>,
    /// of each room, so many have camera and microphone; the others watch
    pub senders: u32,
    /// the greatest height that is asked for; -1: whatever there is
    pub height_max: i32,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Running,
    /// nothing new is said, the last is heard
    Finishing,
    Over,
}

/// Time since the run began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now(Instant);

impl Now {
    /// Of a run that begins.
    pub(crate) fn begin() -> Self {
        Self(Clock.now())
    }

    pub(crate) fn get(self) -> Time {
        Clock.now().saturating_duration_since(self.0)
    }

    pub(crate) fn epoch(self) -> Instant {
        self.0
    }

    pub(crate) fn at(self, time: Time) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.0 + time)
    }
}

/// Runs it to its end on this thread, and tells every second how far it is. At a SIGUSR1 the roll is called; a SIGINT
/// is the end of its time, and a second one, or a SIGTERM, does not wait for the last lines either.
///
/// # Errors
/// The numbers make no plan, something cannot be watched, or the server is not there at all: then nobody tries.
pub fn run(load: &Load, progress: impl FnMut(&Progress)) -> anyhow::Result<Report> {
    let plan = load.crowd.plan()?.let_first(load.browsers.count);
    load.browsers.check(load)?;
    let dialer = Rc::new(Dialer::new(&load.trust)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let addresses = load.target.find(&dialer).await?;
        let mut wishes = Wishes::hear()?;
        let fleet = tokio::select! {
            fleet = Fleet::launch(load) => fleet?,
            _ = wishes.end.wanted() => bail!("it was ended before its browsers had started"),
        };
        let now = Now::begin();
        let watcher = Watcher::begin(&load.watch, &dialer, now).await?;
        let desk = load.media.as_ref().map(|_| Desk::open(now, load.crowd.seed)).transpose()?;
        let hall = Rc::new(Hall {
            dialer,
            addresses,
            now,
            seed: load.crowd.seed,
            desk: RefCell::new(desk),
            tally: RefCell::new(Tally::default()),
            calls: watch::Sender::new(0),
        });
        Ok(Host::new(load, Rc::clone(&hall), plan, fleet, watcher, wishes).run(progress).await)
    })
}

/// Lets people in and out.
struct Host<'a> {
    load: &'a Load,
    hall: Rc<Hall>,
    plan: Plan,
    fleet: Fleet,
    /// tells our lines from those of another run
    tag: String,
    /// by room, and whether they are of somebody who sends
    settings: BTreeMap<(u32, bool), Arc<Settings>>,
    /// of those who send, and of those who do not
    media: Option<[Arc<media::Settings>; 2]>,
    /// who sends, by room
    senders: BTreeMap<u32, BTreeSet<u32>>,
    stage: watch::Sender<Stage>,
    seats: JoinSet<()>,
    /// who is there; to drop it is to send them away, to send something is to cut their connection
    doors: BTreeMap<u32, watch::Sender<()>>,
    attendances: BTreeMap<u32, u32>,
    quiet: Rc<RefCell<u64>>,
    wishes: Wishes,
    /// times that somebody wanted the end
    ends: u32,
    watcher: Watcher,
    series: Series,
    gauge: Gauge,
}

impl<'a> Host<'a> {
    fn new(
        load: &'a Load,
        hall: Rc<Hall>,
        plan: Plan,
        fleet: Fleet,
        watcher: Watcher,
        wishes: Wishes,
    ) -> Self {
        let media = load.media.as_ref().map(|media| roles(media, hall.now, hall.addresses.channel));
        Self {
            load,
            hall,
            plan,
            fleet,
            media,
            senders: BTreeMap::new(),
            tag: format!("{:x}", Clock.millis()),
            settings: BTreeMap::new(),
            stage: watch::Sender::new(Stage::Running),
            seats: JoinSet::new(),
            doors: BTreeMap::new(),
            attendances: BTreeMap::new(),
            quiet: Rc::default(),
            wishes,
            ends: 0,
            watcher,
            series: Series::default(),
            gauge: Gauge::default(),
        }
    }

    async fn run(mut self, mut progress: impl FnMut(&Progress)) -> Report {
        let end = self.plan.end();
        {
            let progress = &mut self.hall.tally.borrow_mut().progress;
            (progress.total, progress.end) = (self.plan.total(), end);
        }
        let mut ticks = tokio::time::interval_at(self.hall.now.at(PROGRESS_INTERVAL), PROGRESS_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        for event in self.plan.clone() {
            self.wait(event.at, &mut ticks, &mut progress).await;
            if self.ends > 0 {
                break;
            }
            self.obey(event);
        }
        self.wait_while_anybody(end, &mut ticks, &mut progress).await;
        self.conclude(&mut ticks, &mut progress).await;
        self.show(&mut progress);
        let outcome = self.hall.desk.take().map(Desk::close).unwrap_or_default();
        let mut tally = self.hall.tally.borrow().clone();
        tally.media = outcome;
        let (elapsed, series, servers) = (self.hall.now.get(), self.series.end(), self.watcher.servers());
        let (cpu, browser) = (cpu_seconds(), self.fleet.version.clone());
        Report::new(&tally, Account { elapsed, cpu, series, servers, browser })
    }

    fn obey(&mut self, event: Event) {
        match event.what {
            What::Join => self.join(event.participant),
            What::Leave => drop(self.doors.remove(&event.participant)),
            What::Cut => self.cut(event.participant),
        }
    }

    /// Nothing to a browser: it is no connection.
    fn cut(&self, participant: u32) {
        if let Some(door) = self.doors.get(&participant) {
            door.send_replace(());
        }
    }

    fn join(&mut self, participant: u32) {
        let room = self.plan.room_of(participant);
        let name = format!("{}-{}", self.load.room, room + 1);
        let (door, leave) = watch::channel(());
        self.doors.insert(participant, door);
        if self.fleet.has(participant) {
            self.join_as_browser(participant, name, leave);
        } else {
            self.join_simulated(participant, room, name, leave);
        }
    }

    fn join_as_browser(&mut self, number: u32, room: String, leave: watch::Receiver<()>) {
        let (media, stage, quiet) =
            (self.load.media.as_ref(), self.stage.subscribe(), Rc::clone(&self.quiet));
        let visitor = Visitor { number, room, media, plan: &self.plan, stage, leave, quiet };
        self.seats.spawn_local(self.fleet.visit(&self.hall, visitor));
    }

    fn join_simulated(&mut self, participant: u32, room: u32, name: String, leave: watch::Receiver<()>) {
        let sends = self.sends(participant, room);
        let media = self.media.as_ref().map(|[sending, watching]| if sends { sending } else { watching });
        let settings = self.settings.entry((room, sends)).or_insert_with(|| {
            let settings = settings(self.load, &self.hall.addresses, &name, &self.tag);
            Arc::new(Settings { media: media.cloned(), ..settings })
        });
        let attendance = self.attendances.entry(participant).or_default();
        let author = Author { participant, attendance: *attendance };
        // page loads after a reload count within
        *attendance += 1_000;
        let guest = Guest { settings: Arc::clone(settings), room: name, author };
        let stage = self.stage.subscribe();
        self.seats.spawn_local(sit(Rc::clone(&self.hall), guest, stage, leave, Rc::clone(&self.quiet)));
    }

    /// The first of a room to come, and for all of their attendances.
    fn sends(&mut self, participant: u32, room: u32) -> bool {
        let senders = self.load.media.as_ref().map_or(0, |media| media.senders);
        let chosen = self.senders.entry(room).or_default();
        if chosen.len() < senders as usize {
            chosen.insert(participant);
        }
        chosen.contains(&participant)
    }

    /// Nobody comes any more: where all have failed, there is nothing to wait for.
    async fn wait_while_anybody(
        &mut self,
        until: Time,
        ticks: &mut tokio::time::Interval,
        progress: &mut impl FnMut(&Progress),
    ) {
        while self.ends == 0 && self.hall.now.get() < until && !self.seats.is_empty() {
            let soon = self.hall.now.get() + LINGER_TIME;
            self.wait(soon.min(until), ticks, progress).await;
        }
    }

    /// Until then, or until somebody wants the end.
    async fn wait(
        &mut self,
        until: Time,
        ticks: &mut tokio::time::Interval,
        progress: &mut impl FnMut(&Progress),
    ) {
        let until = self.hall.now.at(until);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                _ = ticks.tick() => self.show(progress),
                Some(()) = self.wishes.roll.recv() => self.call(),
                ends = self.wishes.end.wanted() => {
                    self.ends += ends;
                    return;
                }
                Some(_) = self.seats.join_next() => {}
            }
        }
    }

    fn call(&self) {
        let mut tally = self.hall.tally.borrow_mut();
        // browsers answer to nobody
        let present = tally.progress.present.saturating_sub(tally.browsers.present());
        if tally.rolls.begin(self.hall.now.get(), present) {
            self.hall.calls.send_modify(|calls| *calls += 1);
        }
    }

    fn show(&mut self, progress: &mut impl FnMut(&Progress)) {
        let (elapsed, flow, servers) = (self.hall.now.get(), self.flow(), self.watcher.servers());
        self.series.add(self.hall.tally.borrow_mut().sample(elapsed, flow, &servers));
        let (so_far, roll) = {
            let tally = self.hall.tally.borrow();
            (tally.progress(), tally.rolls.last())
        };
        progress(&Progress { elapsed, flow, servers, roll, ..so_far });
    }

    /// Of media, since the last look.
    fn flow(&mut self) -> Option<Flow> {
        let totals = self.hall.desk.borrow().as_ref()?.totals();
        Some(self.gauge.read(self.hall.now.get(), totals))
    }

    /// Everybody falls silent, hears the last of it, and goes.
    async fn conclude(&mut self, ticks: &mut tokio::time::Interval, progress: &mut impl FnMut(&Progress)) {
        self.stage.send_replace(Stage::Finishing);
        if let Some(desk) = &*self.hall.desk.borrow() {
            desk.finish();
        }
        let limit = self.hall.now.get() + QUIET_TIME_MAX;
        while self.ends < 2 && self.hall.now.get() < limit && *self.quiet.borrow() < self.seats.len() as u64 {
            let soon = self.hall.now.get() + LINGER_TIME / 10;
            self.wait(soon, ticks, progress).await;
        }
        if self.seats.is_empty() {
            return;
        }
        let lingered = self.hall.now.get() + LINGER_TIME;
        self.wait(lingered, ticks, progress).await;
        self.stage.send_replace(Stage::Over);
        let gone = async { while self.seats.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LEAVE_TIME_MAX, gone).await;
    }
}

/// Processor time of this process so far.
pub(crate) fn cpu_seconds() -> f64 {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9
}

/// What those do who send, and those who do not.
pub(crate) fn roles(load: &Media, now: Now, channel: media::Way) -> [Arc<media::Settings>; 2] {
    let epoch = now.epoch();
    let watching = media::Settings {
        identity: media::Identity::new(epoch),
        epoch,
        run: Clock.millis() as u32,
        camera: None,
        voice: None,
        height_max: load.height_max,
        channel,
    };
    let sending = media::Settings { camera: load.camera.clone(), voice: load.voice, ..watching.clone() };
    [sending, watching].map(Arc::new)
}

fn settings(load: &Load, addresses: &Addresses, room: &str, tag: &str) -> Settings {
    let invitation = match &addresses.focus {
        FocusAt::Http(_) => Invitation::Http,
        FocusAt::Iq(focus) => Invitation::Iq(focus.clone()),
        FocusAt::Nowhere => Invitation::None,
    };
    Settings {
        transport: addresses.transport,
        invitation,
        run: tag.to_owned(),
        chat: load.chat,
        probe: load.probe,
        ..Settings::new(&addresses.domain, &format!("{room}@{}", addresses.muc))
    }
}
