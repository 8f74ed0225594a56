//! `althing load`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use loadgen::{Crowd, FocusAt, Target, Threshold};

use super::media::Media;

/// Longer than any run that somebody waits for.
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// The address that people open, such as `https://meet.example.org`
    #[arg(long, value_name = "URL")]
    url: String,
    /// How many rooms
    #[arg(long, value_name = "M", default_value_t = 1)]
    rooms: u32,
    /// How many participants in each room
    #[arg(long, value_name = "N", default_value_t = 3)]
    participants: u32,
    #[command(flatten)]
    pub(crate) media: Media,
    /// Joins a second
    #[arg(long, value_name = "R", default_value_t = 20.0)]
    join_rate: f64,
    /// Departures a second once everybody has come; who goes comes back a little later
    #[arg(long, value_name = "R", default_value_t = 0.0)]
    churn: f64,
    /// From the last join to the end, such as 90s or 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    duration: Duration,
    /// Lines of chat a second, of each participant
    #[arg(long, value_name = "RATE")]
    chat: Option<f64>,
    /// A ping of each participant so often, to find pauses, such as 100ms
    #[arg(long, value_name = "TIME", value_parser = time)]
    probe: Option<Duration>,
    /// Runs with the same number join the same people in the same order
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Rooms are called this, a dash, and a number
    #[arg(long, value_name = "NAME", default_value = "load")]
    room: String,
    /// What streams are addressed to [default: as the server's config.js has it]
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// The service of the rooms [default: as config.js has it, or conference.DOMAIN]
    #[arg(long, value_name = "DOMAIN")]
    muc: Option<String>,
    /// The WebSocket [default: as config.js has it, or URL/xmpp-websocket]
    #[arg(long, value_name = "URL")]
    websocket: Option<String>,
    /// How the focus is asked into a room: a URL, an XMPP address, or none [default: as config.js has it]
    #[arg(long, value_name = "WHERE", value_parser = focus)]
    focus: Option<FocusAt>,
    /// Certificates to trust beside those of this machine, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Write everything that was measured to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Fail if a figure crosses a bound, such as join.p95>2s, reloads>0 or chat.lost>0
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Vec<Threshold>,
}

impl Load {
    /// # Errors
    /// A number that makes no sense.
    pub(crate) fn load(&self) -> anyhow::Result<loadgen::Load> {
        let crowd = Crowd {
            rooms: self.rooms,
            participants: self.participants,
            join_rate: self.join_rate,
            churn_rate: self.churn,
            duration: self.duration,
            seed: self.seed,
        };
        let target = Target {
            url: self.url.clone(),
            domain: self.domain.clone(),
            muc: self.muc.clone(),
            websocket: self.websocket.clone(),
            focus: self.focus.clone(),
        };
        let chat = self.chat.map(interval).transpose().context("--chat")?;
        ensure!(self.probe != Some(Duration::ZERO), "--probe must be longer than nothing");
        let (ca, room, probe) = (self.ca.clone(), self.room.clone(), self.probe);
        Ok(loadgen::Load { target, ca, crowd, room, chat, probe, media: self.media.media() })
    }
}

fn interval(rate: f64) -> anyhow::Result<Duration> {
    ensure!(rate > 0.001 && rate <= 1_000.0, "a rate is between 0.001 and 1000 a second");
    Ok(Duration::from_secs_f64(1.0 / rate))
}

fn time(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let in_unit = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
    let (digits, size) = in_unit.unwrap_or((text, 1.0));
    let seconds = digits.parse::<f64>().ok().map(|number| number * size);
    let seconds = seconds.filter(|seconds| (0.0..=DAY.as_secs_f64()).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "a time is 500ms, 30s, 5m or 1h; a day at most".to_owned())
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

    #[test]
    fn times_have_units() {
        let ms = |text| time(text).map(|time| time.as_millis());
        assert_eq!(
            (ms("250ms"), ms("2s"), ms("5m"), ms("1.5")),
            (Ok(250), Ok(2_000), Ok(300_000), Ok(1_500))
        );
        for text in ["", "s", "-1s", "1e9s", "NaN", "5x"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_focus_is_somewhere_or_nowhere() {
        assert_eq!(focus("none"), Ok(FocusAt::Nowhere));
        assert_eq!(focus("focus.a.example"), Ok(FocusAt::Iq("focus.a.example".to_owned())));
        assert!(matches!(focus("https://a.example/conference-request/v1"), Ok(FocusAt::Http(_))));
        assert!(focus("http").is_err());
    }
}
