//! Participants that are browsers: headless Chromium with fake devices, in the pages that people open. Simulated
//! participants flatter a server, for they decode nothing and forgive everything.
//!
//! Each is a process of its own. Pages in one process would share its network and its audio threads, and be slow because
//! of each other, which people are not; and with it all of them would be gone. The price is memory.
//!
//! - `program`, `chromium`, `profile_dir`: which browser there is, its process, and the folder that goes with it;
//! - `devtools`: what it is told, and how it answers; `fault`: what may go wrong;
//! - `address`: what it opens, in our web client's words and in those of jitsi-meet;
//! - `watch.js`: what looks at the page from inside, whatever page it is; `reading`: what that tells;
//! - `visit`: one stay in a room; `outcome`: what all of them saw, and its figures.
//!
//! They are the participants with the lowest numbers, and so spread over the rooms. They are started before the first
//! of anybody comes, and are the first to come.

mod address;
mod chromium;
mod devtools;
mod fault;
mod outcome;
mod profile_dir;
mod program;
mod reading;
mod visit;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{bail, ensure};
use futures_util::StreamExt as _;
use hyper::Uri;
use participant::Plan;
use service::trust::Trust;
use tokio::sync::{Mutex, watch};

use crate::limits::BROWSERS_MAX;
use crate::run::{Load, Media, Stage};
use crate::seat::Hall;
use address::{Sends, address};
use chromium::{Chromium, Manner};
pub(crate) use outcome::Outcome;
pub use outcome::{Sight, Viewer};
use visit::{Errand, Waiting, visit};

const WATCH: &str = include_str!("watch.js");

/// How many of the participants are browsers, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browsers {
    pub count: u32,
    /// path or name; `None`: the first that is found
    pub program: Option<PathBuf>,
}

impl Browsers {
    /// # Errors
    /// There are not so many participants, or the browsers could not do what is wanted.
    pub fn check(&self, load: &Load) -> anyhow::Result<()> {
        let (count, total) = (self.count, load.crowd.plan()?.total());
        ensure!(count <= BROWSERS_MAX, "--browsers {count}: {BROWSERS_MAX} at most on one machine");
        ensure!(
            count <= total,
            "--browsers {count}: there are {total} participants in all, and browsers take the place of some of them: \
             raise --rooms or --participants"
        );
        ensure!(
            count == 0 || !matches!(load.trust, Trust::Known(Some(_))),
            "--browsers: a browser knows the certificates of this machine alone, and no --ca: take --insecure, or install \
             the certificate on the machine"
        );
        Ok(())
    }

    /// Where there are more than this machine has cores: a warning for who reads the figures.
    pub fn warning(&self) -> Option<String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (self.count as usize > cores).then(|| {
            format!(
                "{} browsers on {cores} cores: each takes about one; what they miss may be this machine's fault",
                self.count
            )
        })
    }
}

/// The browsers of a run, started. To drop it is to end them.
#[derive(Default)]
pub(crate) struct Fleet {
    waiting: Vec<Waiting>,
    base: String,
    /// as it calls itself
    pub(crate) version: String,
}

impl Fleet {
    /// As many at a time as there are cores.
    ///
    /// # Errors
    /// There is no program, or none of them starts.
    pub(crate) async fn launch(load: &Load) -> anyhow::Result<Self> {
        let count = load.browsers.count as usize;
        if count == 0 {
            return Ok(Self::default());
        }
        let manner = Manner {
            program: program::find(load.browsers.program.as_deref())?,
            insecure: matches!(load.trust, Trust::Anybody),
            plain_origin: plain_origin(&load.target.url),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let launches = (0..count).map(|_| Chromium::launch(&manner));
        let all: Vec<_> = futures_util::stream::iter(launches).buffered(cores).collect().await;
        let Some(version) = all.iter().flatten().map(|chromium| chromium.version.clone()).next() else {
            let why = all.into_iter().find_map(Result::err).map(|fault| fault.to_string());
            bail!("{}: {}", manner.program.display(), why.unwrap_or_default());
        };
        let waiting = all.into_iter().map(|browser| Rc::new(Mutex::new(browser))).collect();
        Ok(Self { waiting, base: load.target.url.clone(), version })
    }

    /// Whether the participant of this number is a browser.
    pub(crate) fn has(&self, number: u32) -> bool {
        (number as usize) < self.waiting.len()
    }

    /// What such a participant does.
    pub(crate) fn visit(&self, hall: &Rc<Hall>, guest: Visitor<'_>) -> impl Future<Output = ()> + use<> {
        let waiting = self.waiting.get(guest.number as usize).map(Rc::clone);
        let hall = Rc::clone(hall);
        let sends = sends(guest.media, guest.plan, self.waiting.len() as u32, guest.number);
        let name = format!("Browser {}", guest.number + 1);
        let errand = Errand {
            number: guest.number,
            url: address(&self.base, hall.addresses.token.as_deref(), &guest.room, &name, sends),
            room: guest.room,
            script: script(sends),
        };
        async move {
            if let Some(waiting) = waiting {
                visit(hall, waiting, errand, guest.stage, guest.leave, guest.quiet).await;
            }
        }
    }
}

/// A participant that may be a browser.
pub(crate) struct Visitor<'a> {
    pub(crate) number: u32,
    /// name of the room
    pub(crate) room: String,
    pub(crate) media: Option<&'a Media>,
    pub(crate) plan: &'a Plan,
    pub(crate) stage: watch::Receiver<Stage>,
    pub(crate) leave: watch::Receiver<()>,
    pub(crate) quiet: Rc<RefCell<u64>>,
}

/// Of a room's senders the simulated ones are the first: a browser is there to watch, and sends where too few of the
/// others are there to do it.
fn sends(media: Option<&Media>, plan: &Plan, browsers: u32, number: u32) -> Sends {
    let room = plan.room_of(number);
    let simulated = (browsers..plan.total()).filter(|other| plan.room_of(*other) == room).count();
    let places = media.map_or(0, |media| (media.senders as usize).saturating_sub(simulated));
    let is_sender = (plan.place_of(number) as usize) < places;
    let has = |what: fn(&Media) -> bool| is_sender && media.is_some_and(what);
    Sends { audio: has(|media| media.voice.is_some()), video: has(|media| media.camera.is_some()) }
}

fn script(sends: Sends) -> String {
    let Sends { audio, video } = sends;
    format!("(() => {{\nconst SENDS = {{ audio: {audio}, video: {video} }};\n{WATCH}\n}})();")
}

fn plain_origin(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    (url.scheme_str() == Some("http"))
        .then(|| format!("http://{}", url.authority().map_or("", |at| at.as_str())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use participant::{Crowd, RoomSize};

    use super::*;
    use crate::profile::Feeds;

    fn plan(rooms: u32, participants: u32) -> Plan {
        let participants = RoomSize::from(participants);
        let crowd = Crowd {
            rooms,
            participants,
            join_rate: 1.0,
            churn_rate: 0.0,
            cut_at: None,
            duration: Duration::ZERO,
            seed: 1,
        };
        crowd.plan().unwrap()
    }

    fn media(senders: u32) -> Media {
        Feeds { senders: Some(senders), ..Feeds::default() }.media()
    }

    #[test]
    fn browsers_watch_and_send_where_others_are_too_few() {
        let plan = plan(2, 3);
        // of three in each room two are browsers: 0 and 2 in one, 1 and 3 in the other
        let who = |senders: u32| -> Vec<bool> {
            (0..4).map(|number| sends(Some(&media(senders)), &plan, 4, number).video).collect()
        };
        assert_eq!(who(1), [false, false, false, false]);
        assert_eq!(who(2), [true, true, false, false]);
        assert_eq!(who(u32::MAX), [true; 4]);
        assert_eq!(sends(None, &plan, 4, 0), Sends { audio: false, video: false });
        let voices = Media { camera: None, ..media(3) };
        assert_eq!(sends(Some(&voices), &plan, 4, 0), Sends { audio: true, video: false });
    }

    #[test]
    fn the_script_is_whole_and_knows_what_it_has() {
        let script = script(Sends { audio: true, video: false });
        assert!(script.starts_with("(() => {\nconst SENDS = { audio: true, video: false };\n"), "{script}");
        assert!(script.contains("window.althingStats = ") && script.ends_with("})();"));
    }

    #[test]
    fn a_page_without_tls_is_told_by_its_origin() {
        assert_eq!(plain_origin("http://10.0.0.1:8000/team"), Some("http://10.0.0.1:8000".to_owned()));
        assert_eq!(plain_origin("https://meet.example"), None);
    }
}
