//! `althing load`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use loadgen::units::time;
use loadgen::{Feeds, FocusAt, Profile, RoomSize, Target, Threshold, Transport, Watch, Way};
use service::trust::Trust;

use super::browsers::Browsers;
use super::media::Media;

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// The address that people open, such as `https://meet.example.org`
    #[arg(long, value_name = "URL", required_unless_present_any = ["list_profiles", "show_profile"])]
    url: Option<String>,
    /// What kind of load: the name of a built-in profile, or a file; the flags override what it says
    #[arg(long, value_name = "NAME|FILE")]
    profile: Option<String>,
    /// Show the built-in profiles, and end
    #[arg(long)]
    pub(crate) list_profiles: bool,
    /// Print a built-in profile, to be copied and edited, and end
    #[arg(long, value_name = "NAME")]
    pub(crate) show_profile: Option<String>,
    #[command(flatten)]
    size: Size,
    #[command(flatten)]
    media: Media,
    #[command(flatten)]
    browsers: Browsers,
    /// Runs with the same number join the same people in the same order
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Rooms are called this, a dash, and a number
    #[arg(long, value_name = "NAME", default_value = "load")]
    room: String,
    #[command(flatten)]
    place: Place,
    /// Measure what a process and its children cost meanwhile, or a server that has metrics for Prometheus; NAME=... names it
    #[arg(long, value_name = "PID|URL")]
    watch: Vec<Watch>,
    /// Write everything that was measured to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a page with plots to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Fail if a figure crosses a bound, such as join.p95>2s, reloads>0 or chat.lost>0; in place of what the profile says of
    /// this figure. "none" drops what the profile says
    #[arg(long, value_name = "EXPR", value_parser = bound)]
    fail_if: Vec<Bound>,
}

/// What overrides the profile.
#[derive(Debug, Args)]
struct Size {
    /// How many rooms [default: 1]
    #[arg(long, value_name = "M")]
    rooms: Option<u32>,
    /// How many participants in each room, such as 5 or 3-12 [default: 3]
    #[arg(long, value_name = "N")]
    participants: Option<RoomSize>,
    /// Joins a second [default: 20]
    #[arg(long, value_name = "R")]
    join_rate: Option<f64>,
    /// Departures a second once everybody has come; who goes comes back a little later
    #[arg(long, value_name = "R")]
    churn: Option<f64>,
    /// Cut every connection so long after the last join
    #[arg(long, value_name = "TIME", value_parser = time)]
    cut_at: Option<Duration>,
    /// From the last join to the end, such as 90s or 5m [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    duration: Option<Duration>,
    /// Lines of chat a second, of each participant
    #[arg(long, value_name = "RATE")]
    chat: Option<f64>,
    /// A ping of each participant so often, to find pauses, such as 100ms
    #[arg(long, value_name = "TIME", value_parser = time)]
    probe: Option<Duration>,
}

/// Where the server is, as far as its config.js does not tell.
#[derive(Debug, Args)]
struct Place {
    /// What streams are addressed to [default: as the server's config.js has it]
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// The service of the rooms [default: as config.js has it, or conference.DOMAIN]
    #[arg(long, value_name = "DOMAIN")]
    muc: Option<String>,
    /// What carries streams: websocket or bosh [default: as browsers take it from config.js]
    #[arg(long, value_name = "WHAT", value_parser = transport)]
    transport: Option<Transport>,
    /// The WebSocket [default: as config.js has it, or URL/xmpp-websocket]
    #[arg(long, value_name = "URL", conflicts_with = "transport")]
    websocket: Option<String>,
    /// BOSH in place of a WebSocket [default: as config.js has it, or URL/http-bind with --transport bosh]
    #[arg(long, value_name = "URL", conflicts_with_all = ["transport", "websocket"])]
    bosh: Option<String>,
    /// How the focus is asked into a room: a URL, an XMPP address, or none [default: as config.js has it]
    #[arg(long, value_name = "WHERE", value_parser = focus)]
    focus: Option<FocusAt>,
    /// What carries the bridge channel, where the bridge offers both: datachannel or websocket [default: as browsers take it
    /// from config.js, or datachannel]
    #[arg(long, value_name = "WHAT", value_parser = channel)]
    bridge_channel: Option<Way>,
    /// A JSON Web Token that lets everybody in, as in an address that ends in ?jwt=
    #[arg(long, value_name = "JWT", env = "ALTHING_LOAD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Certificates to trust beside those of this machine, PEM
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Trust any certificate
    #[arg(long)]
    insecure: bool,
}

/// Of `--fail-if`.
#[derive(Clone, Debug)]
enum Bound {
    /// nothing that the profile says
    Nothing,
    Crossed(Threshold),
}

/// A run, and what is to be said of it.
pub(crate) struct Order {
    pub(crate) load: loadgen::Load,
    /// name or file, where one was told
    pub(crate) profile: Option<String>,
    pub(crate) thresholds: Vec<Threshold>,
}

impl Load {
    /// # Errors
    /// There is no such profile, or a number makes no sense.
    pub(crate) fn order(&self) -> anyhow::Result<Order> {
        let told = self.profile.as_deref().map(Profile::find).transpose()?;
        let unsaid = || Profile { media: self.browsers.feeds(), ..Profile::default() };
        let profile = self.overridden(told.unwrap_or_else(unsaid));
        profile.check()?;
        let thresholds = self.thresholds(&profile)?;
        let load = loadgen::Load {
            target: self.place.target(self.url.clone().unwrap_or_default()),
            trust: if self.place.insecure { Trust::Anybody } else { Trust::Known(self.place.ca.clone()) },
            crowd: profile.crowd(self.seed),
            room: self.room.clone(),
            chat: profile.chat_interval(),
            probe: profile.probe,
            media: profile.media.as_ref().map(Feeds::media),
            browsers: self.browsers.of(&profile)?,
            watch: self.watch.clone(),
        };
        load.browsers.check(&load)?;
        Ok(Order { load, profile: self.profile.clone(), thresholds })
    }

    fn overridden(&self, profile: Profile) -> Profile {
        let size = &self.size;
        Profile {
            rooms: size.rooms.unwrap_or(profile.rooms),
            participants: size.participants.unwrap_or(profile.participants),
            join_rate: size.join_rate.unwrap_or(profile.join_rate),
            churn: size.churn.unwrap_or(profile.churn),
            cut_at: size.cut_at.or(profile.cut_at),
            duration: size.duration.unwrap_or(profile.duration),
            chat: size.chat.or(profile.chat),
            probe: size.probe.or(profile.probe),
            media: self.media.feeds(profile.media),
            browsers: self.browsers.count(profile.browsers),
            ..profile
        }
    }

    /// The flags', and of the profile's those on other figures.
    /// The profile's on media, and on browsers, are left out where there are none.
    fn thresholds(&self, profile: &Profile) -> anyhow::Result<Vec<Threshold>> {
        let told = self.fail_if.iter().filter_map(|bound| match bound {
            Bound::Crossed(threshold) => Some(threshold.clone()),
            Bound::Nothing => None,
        });
        let told: Vec<Threshold> = told.collect();
        let dropped = self.fail_if.iter().any(|bound| matches!(bound, Bound::Nothing));
        let on = |threshold: &Threshold, what: &str| threshold.figure().starts_with(what);
        let unheard = |threshold: &Threshold| profile.media.is_none() && on(threshold, "media.");
        let unseen = |threshold: &Threshold| profile.browsers == 0 && on(threshold, "browsers.");
        let measured = |threshold: &&Threshold| !unheard(threshold) && !unseen(threshold);
        let known = |threshold: &&Threshold| !told.iter().any(|other| other.figure() == threshold.figure());
        let kept: Vec<Threshold> =
            profile.fail_if.iter().filter(|_| !dropped).filter(measured).filter(known).cloned().collect();
        let all: Vec<Threshold> = kept.into_iter().chain(told).collect();
        let unwatched = |threshold: &Threshold| self.watch.is_empty() && on(threshold, "server.");
        for threshold in &all {
            if unwatched(threshold) {
                bail!("{threshold} is measured with --watch PID|URL only");
            }
            if unheard(threshold) {
                bail!("{threshold} is measured with --media audio or --media video only");
            }
            if unseen(threshold) {
                bail!("{threshold} is measured with --browsers B only");
            }
        }
        Ok(all)
    }
}

impl Place {
    fn target(&self, url: String) -> Target {
        Target {
            url,
            domain: self.domain.clone(),
            muc: self.muc.clone(),
            websocket: self.websocket.clone(),
            bosh: self.bosh.clone(),
            transport: self.transport,
            focus: self.focus.clone(),
            channel: self.bridge_channel,
            token: self.token.clone(),
        }
    }
}

fn bound(text: &str) -> Result<Bound, String> {
    match text {
        "none" => Ok(Bound::Nothing),
        text => text.parse().map(Bound::Crossed).map_err(|error: anyhow::Error| format!("{error:#}")),
    }
}

fn transport(text: &str) -> Result<Transport, String> {
    match text {
        "websocket" => Ok(Transport::WebSocket),
        "bosh" => Ok(Transport::Bosh),
        _ => Err("it is websocket or bosh".to_owned()),
    }
}

fn channel(text: &str) -> Result<Way, String> {
    match text {
        "websocket" => Ok(Way::WebSocket),
        "datachannel" => Ok(Way::DataChannel),
        _ => Err("it is datachannel or websocket".to_owned()),
    }
}

fn focus(text: &str) -> Result<FocusAt, String> {
    match text {
        "none" => Ok(FocusAt::Nowhere),
        url if url.starts_with("http://") || url.starts_with("https://") => Ok(FocusAt::Http(url.to_owned())),
        jid if jid.contains('.') => Ok(FocusAt::Iq(jid.to_owned())),
        _ => Err("a focus is a URL, an address such as focus.meet.example, or none".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: &[&str]) -> anyhow::Result<Order> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            load: Load,
        }
        let line = ["load", "--url", "http://127.0.0.1:1"].iter().chain(flags);
        let line = <Line as clap::Parser>::try_parse_from(line)?;
        line.load.order()
    }

    fn thresholds(flags: &[&str]) -> Vec<String> {
        load(flags).unwrap().thresholds.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn flags_override_the_profile() {
        let order = load(&["--profile", "joinstorm", "--rooms", "2", "--participants", "3-5"]).unwrap();
        let crowd = order.load.crowd;
        assert_eq!((crowd.rooms, crowd.participants, crowd.join_rate), (2, "3-5".parse().unwrap(), 100.0));
        let order = load(&[]).unwrap();
        assert_eq!((order.load.crowd.rooms, order.load.chat, order.thresholds.len()), (1, None, 0));
    }

    #[test]
    fn a_profile_sends_unless_it_is_told_not_to() {
        let media = |flags: &[&str]| load(&[&["--profile", "townhall"], flags].concat()).unwrap().load.media;
        let told = media(&[]).unwrap();
        assert_eq!((told.senders, told.camera.unwrap().heights), (3, vec![180, 360, 720]));
        assert!(media(&["--media", "none"]).is_none());
        assert!(
            media(&["--media", "audio", "--senders", "5"])
                .is_some_and(|m| m.camera.is_none() && m.senders == 5)
        );
        assert_eq!(media(&["--video", "180"]).unwrap().camera.unwrap().heights, [180]);
        assert!(load(&["--profile", "churn"]).unwrap().load.media.is_none());
        assert!(load(&["--media", "video"]).unwrap().load.media.is_some());
    }

    #[test]
    fn browsers_have_something_to_see() {
        let media = |flags: &[&str]| load(flags).unwrap().load.media;
        assert_eq!(load(&["--browsers", "2"]).unwrap().load.browsers.count, 2);
        assert!(media(&["--browsers", "2"]).is_some_and(|media| media.camera.is_some()));
        assert!(media(&["--browsers", "0"]).is_none());
        assert!(media(&["--browsers", "2", "--media", "none"]).is_none());
        // a profile of signalling stays one
        assert!(media(&["--browsers", "2", "--profile", "joinstorm"]).is_none());
        let error = load(&["--browsers", "1", "--codec", "av1"]).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("vp8")));
        assert!(load(&["--browsers", "1", "--codec", "av1", "--media", "audio"]).is_ok());
        for (flags, part) in [
            (["--participants", "3", "--browsers", "4"], "there are 3 participants"),
            (["--participants", "60", "--browsers", "51"], "50 at most"),
            (["--ca", "x.pem", "--browsers", "1"], "--insecure"),
        ] {
            let error = load(&flags).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_threshold_replaces_that_of_the_profile_on_the_same_figure() {
        let storm = ["--profile", "joinstorm"];
        assert_eq!(thresholds(&storm), ["failed>0", "reloads>0", "join.p95>2s", "chat.lost>0"]);
        let more = [&storm[..], &["--fail-if", "join.p95>5s", "--fail-if", "breaks>0"]].concat();
        assert_eq!(thresholds(&more), ["failed>0", "reloads>0", "chat.lost>0", "join.p95>5s", "breaks>0"]);
        assert_eq!(thresholds(&[&storm[..], &["--fail-if", "none"]].concat()), [""; 0]);
    }

    #[test]
    fn what_is_not_measured_is_refused() {
        let error = |flags: &[&str]| load(flags).err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error(&["--fail-if", "server.cpu>2"]).contains("--watch"));
        assert!(error(&["--fail-if", "media.loss>1%"]).contains("--media"));
        assert!(error(&["--fail-if", "browsers.fps<20"]).contains("--browsers"));
        assert_eq!(thresholds(&["--browsers", "1", "--fail-if", "browsers.fps<20"]), ["browsers.fps<20"]);
        assert!(error(&["--cut-at", "1h"]).contains("cut_at"));
        assert!(error(&["--insecure", "--ca", "x.pem"]).contains("--insecure"));
    }

    #[test]
    fn one_transport_is_told_at_most() {
        let target = |flags: &[&str]| load(flags).map(|order| order.load.target);
        assert_eq!(target(&["--transport", "bosh"]).unwrap().transport, Some(Transport::Bosh));
        assert_eq!(target(&["--bosh", "https://a/b"]).unwrap().bosh.as_deref(), Some("https://a/b"));
        assert!(target(&["--bosh", "https://a/b", "--websocket", "wss://a/c"]).is_err());
        assert!(target(&["--transport", "bosh", "--websocket", "wss://a/c"]).is_err());
        assert!(target(&["--transport", "smoke"]).is_err());
        assert_eq!(target(&["--bridge-channel", "websocket"]).unwrap().channel, Some(Way::WebSocket));
        assert!(target(&["--bridge-channel", "smoke"]).is_err());
    }

    #[test]
    fn a_focus_is_somewhere_or_nowhere() {
        assert_eq!(focus("none"), Ok(FocusAt::Nowhere));
        assert_eq!(focus("focus.a.example"), Ok(FocusAt::Iq("focus.a.example".to_owned())));
        assert!(matches!(focus("https://a.example/conference-request/v1"), Ok(FocusAt::Http(_))));
        assert!(focus("http").is_err());
    }
}
