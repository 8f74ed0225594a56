//! What kind of load: a file of a dozen lines that people copy and edit.

mod built_in;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use participant::media::{Camera, Codec, Voice};
use participant::{Crowd, RoomSize};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::run::Media;
use crate::threshold::Threshold;
use crate::units;

pub use built_in::BUILT_IN;

/// Lines of chat a second, of one participant.
const CHAT_RATE: std::ops::RangeInclusive<f64> = 0.001..=1_000.0;
/// Kilobits a second, of the highest picture.
const BIT_RATE: std::ops::RangeInclusive<u32> = 10..=100_000;

/// A dozen lines of TOML; what it does not say is as in [`Profile::default`]. Times are text such as `90s`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// one line for people
    pub about: String,
    pub rooms: u32,
    /// of each room: `5`, or `"3-12"`
    #[serde(deserialize_with = "room_size")]
    pub participants: RoomSize,
    /// joins a second
    pub join_rate: f64,
    /// departures a second once everybody has come; who goes comes back a little later
    pub churn: f64,
    /// so long after the last join every connection is cut
    #[serde(deserialize_with = "maybe_time")]
    pub cut_at: Option<Duration>,
    /// from the last join to the end
    #[serde(deserialize_with = "time")]
    pub duration: Duration,
    /// lines a second, of each participant; `None`: nobody says anything
    pub chat: Option<f64>,
    /// a ping of each participant so often; `None`: only those of an ordinary client
    #[serde(deserialize_with = "maybe_time")]
    pub probe: Option<Duration>,
    /// of all participants, so many are real browsers
    pub browsers: u32,
    /// `None`: signalling only
    pub media: Option<Feeds>,
    #[serde(deserialize_with = "thresholds")]
    pub fail_if: Vec<Threshold>,
}

/// Who sends what, and looks at what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Feeds {
    /// of each room, the first so many; `None`: everybody
    pub senders: Option<u32>,
    /// heights in pixels of what a camera sends at the same time, ascending; without any there is no camera
    pub video: Vec<u16>,
    /// kilobits a second of the highest of them, the others in proportion; `None`: as browsers have it
    pub bit_rate: Option<u32>,
    #[serde(deserialize_with = "codec")]
    pub codec: Codec,
    #[serde(deserialize_with = "voice")]
    pub audio: Voice,
    /// the greatest height that everybody asks for; 0: no video at all
    pub receive: u16,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            about: String::new(),
            rooms: 1,
            participants: RoomSize::from(3),
            join_rate: 20.0,
            churn: 0.0,
            cut_at: None,
            duration: Duration::from_secs(30),
            chat: None,
            probe: None,
            browsers: 0,
            media: None,
            fail_if: Vec::new(),
        }
    }
}

impl Default for Feeds {
    fn default() -> Self {
        let (video, codec, audio) = (vec![180, 360, 720], Codec::Vp8, Voice::Talking);
        Self { senders: None, video, bit_rate: None, codec, audio, receive: 720 }
    }
}

impl Feeds {
    /// For a run.
    pub fn media(&self) -> Media {
        let bitrate_bps = self.bit_rate.map(|kilobits| kilobits * 1_000);
        let camera = Camera { codec: self.codec, heights: self.video.clone(), bitrate_bps };
        Media {
            camera: (!self.video.is_empty()).then_some(camera),
            voice: Some(self.audio),
            senders: self.senders.unwrap_or(u32::MAX),
            height_max: i32::from(self.receive),
        }
    }
}

impl Profile {
    /// A built-in one, or a file: what has a dot or a slash in it is one.
    ///
    /// # Errors
    /// There is none of that name, the file cannot be read, or it is no profile: with the number of the line.
    pub fn find(name: &str) -> anyhow::Result<Self> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return Self::parse(text);
        }
        if !name.contains(['.', '/']) {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            bail!(
                "there is no profile {name:?}: there are {}; a file is told as ./{name}.toml",
                names.join(", ")
            );
        }
        let text = std::fs::read_to_string(Path::new(name)).with_context(|| format!("profile {name}"))?;
        Self::parse(&text).with_context(|| format!("profile {name}"))
    }

    /// # Errors
    /// It is no TOML, has a key that means nothing, or a value that makes no sense.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let profile: Self =
            toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", error.to_string().trim()))?;
        profile.check()?;
        Ok(profile)
    }

    /// # Errors
    /// A number makes no sense.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.chat.is_none_or(|rate| CHAT_RATE.contains(&rate)),
            "chat is between 0.001 and 1000 lines a second"
        );
        ensure!(self.probe != Some(Duration::ZERO), "probe must be longer than nothing");
        ensure!(self.cut_at.is_none_or(|at| at < self.duration), "cut_at must be within the duration");
        if let Some(Feeds { senders, video, bit_rate, .. }) = &self.media {
            ensure!(
                bit_rate.is_none_or(|rate| BIT_RATE.contains(&rate)),
                "media.bit_rate is between {} and {} kilobits a second",
                BIT_RATE.start(),
                BIT_RATE.end()
            );
            ensure!(*senders != Some(0), "media.senders is at least 1; without [media] nobody sends");
            let ascends = video.windows(2).all(|two| two[0] < two[1]);
            ensure!(video.len() <= 3 && ascends, "media.video is up to three heights, ascending");
        }
        self.crowd(0).plan()?;
        Ok(())
    }

    pub fn crowd(&self, seed: u64) -> Crowd {
        let Self { rooms, participants, join_rate, churn: churn_rate, cut_at, duration, .. } = *self;
        Crowd { rooms, participants, join_rate, churn_rate, cut_at, duration, seed }
    }

    /// Mean time between two lines of each participant.
    pub fn chat_interval(&self) -> Option<Duration> {
        self.chat.map(|rate| Duration::from_secs_f64(1.0 / rate))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u32),
    Text(String),
}

fn room_size<'de, D: Deserializer<'de>>(from: D) -> Result<RoomSize, D::Error> {
    match NumberOrText::deserialize(from)? {
        NumberOrText::Number(size) => size.to_string().parse(),
        NumberOrText::Text(text) => text.parse(),
    }
    .map_err(D::Error::custom)
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    units::time(&String::deserialize(from)?).map_err(D::Error::custom)
}

fn maybe_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    time(from).map(Some)
}

fn codec<'de, D: Deserializer<'de>>(from: D) -> Result<Codec, D::Error> {
    match String::deserialize(from)?.as_str() {
        "vp8" => Ok(Codec::Vp8),
        "vp9" => Ok(Codec::Vp9),
        "av1" => Ok(Codec::Av1),
        "h264" => Ok(Codec::H264),
        _ => Err(D::Error::custom("a codec is vp8, vp9, av1 or h264")),
    }
}

fn voice<'de, D: Deserializer<'de>>(from: D) -> Result<Voice, D::Error> {
    match String::deserialize(from)?.as_str() {
        "talkers" => Ok(Voice::Talking),
        "silent" => Ok(Voice::Silent),
        _ => Err(D::Error::custom("audio is \"talkers\" or \"silent\"")),
    }
}

fn thresholds<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Threshold>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts
        .iter()
        .map(|text| Threshold::from_str(text).map_err(|error| D::Error::custom(format!("{error:#}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_fails(text: &str, parts: &[&str]) {
        let error = format!("{:#}", Profile::parse(text).unwrap_err());
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
    }

    #[test]
    fn what_is_not_said_is_as_without_a_profile() {
        assert_eq!(Profile::parse("").unwrap(), Profile::default());
        let profile = Profile::parse("participants = 7\nduration = '5m'\n[media]\nsenders = 2").unwrap();
        assert_eq!((profile.participants, profile.duration), (RoomSize::from(7), Duration::from_secs(300)));
        assert_eq!(profile.media, Some(Feeds { senders: Some(2), ..Feeds::default() }));
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_line() {
        check_fails("rooms = 2\nparticipant = 3", &["line 2", "participant", "participants"]);
        check_fails("\n\nduration = 'long'", &["line 3", "30s"]);
        check_fails("rooms = 'x'", &["line 1"]);
        check_fails("rooms = 1\nparticipants = '9-3'", &["line 2", "3-12"]);
        check_fails("rooms = 1\nfail_if = ['jion.p95>2s']", &["line 2", "join.p95"]);
        check_fails("[media]\nvideo = [180]\ncolour = 'red'", &["line 3", "colour"]);
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        check_fails("rooms = 0", &["at least one room"]);
        check_fails("chat = 0", &["lines a second"]);
        check_fails("probe = '0s'", &["probe"]);
        check_fails("cut_at = '40s'", &["cut_at"]);
        check_fails("[media]\nsenders = 0", &["senders"]);
        check_fails("[media]\nvideo = [720, 180]", &["ascending"]);
        check_fails("[media]\nbit_rate = 5", &["bit_rate", "between 10 and"]);
    }

    #[test]
    fn a_name_or_a_file() {
        assert_eq!(Profile::find("joinstorm").unwrap().participants, RoomSize::from(10));
        let unknown = format!("{:#}", Profile::find("storm").unwrap_err());
        assert!(unknown.contains("joinstorm") && unknown.contains("./storm.toml"), "{unknown}");
        assert!(Profile::find("./no-such-profile.toml").is_err());
    }
}
