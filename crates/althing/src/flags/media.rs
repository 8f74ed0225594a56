//! What the participants of a load send and see.

use clap::{Args, ValueEnum};
use loadgen::{Codec, Feeds, Voice};

#[derive(Clone, Debug, Args)]
pub(crate) struct Media {
    /// What they send: nothing (signalling alone is measured), their voices, or their pictures too [default: as the profile
    /// says, or nothing]
    #[arg(long, value_enum)]
    media: Option<What>,
    /// How many of each room send [default: all of them]; the others watch
    #[arg(long, value_name = "K")]
    senders: Option<u32>,
    /// Height of the pictures, or three of them at a time (with vp9 and av1: as layers of one stream) [default: simulcast]
    #[arg(long, value_enum)]
    video: Option<Video>,
    /// Kilobits a second of the highest of the pictures, the others in proportion [default: as browsers have it]
    #[arg(long, value_name = "KBIT")]
    bit_rate: Option<u32>,
    /// What pictures are coded with [default: vp8]
    #[arg(long, value_enum)]
    codec: Option<Coded>,
    /// What microphones hear: talk in spurts, or silence; all of them send all the time, as browsers do
    /// [default: talkers]
    #[arg(long, value_enum)]
    audio: Option<Audio>,
    /// The greatest height that everybody asks of everybody's pictures; 0 asks for none [default: 720]
    #[arg(long, value_name = "HEIGHT")]
    receive: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    None,
    Audio,
    Video,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Video {
    #[value(name = "180")]
    Low,
    #[value(name = "360")]
    Standard,
    #[value(name = "720")]
    High,
    Simulcast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Coded {
    Vp8,
    Vp9,
    Av1,
    H264,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Audio {
    Talkers,
    Silent,
}

impl Media {
    /// What the profile says, overridden.
    pub(super) fn feeds(&self, of_profile: Option<Feeds>) -> Option<Feeds> {
        let feeds = match self.media {
            Some(What::None) => return None,
            Some(What::Audio) => Feeds { video: Vec::new(), ..of_profile.unwrap_or_default() },
            Some(What::Video) => of_profile.unwrap_or_default(),
            None => of_profile?,
        };
        let heights = self.video.filter(|_| self.media != Some(What::Audio)).map(Video::heights);
        Some(Feeds {
            senders: self.senders.or(feeds.senders),
            video: heights.unwrap_or(feeds.video),
            bit_rate: self.bit_rate.or(feeds.bit_rate),
            codec: self.codec.map_or(feeds.codec, Coded::codec),
            audio: self.audio.map_or(feeds.audio, Audio::voice),
            receive: self.receive.unwrap_or(feeds.receive),
        })
    }
}

impl Video {
    fn heights(self) -> Vec<u16> {
        match self {
            Self::Low => vec![180],
            Self::Standard => vec![360],
            Self::High => vec![720],
            Self::Simulcast => vec![180, 360, 720],
        }
    }
}

impl Coded {
    fn codec(self) -> Codec {
        match self {
            Self::Vp8 => Codec::Vp8,
            Self::Vp9 => Codec::Vp9,
            Self::Av1 => Codec::Av1,
            Self::H264 => Codec::H264,
        }
    }
}

impl Audio {
    fn voice(self) -> Voice {
        match self {
            Self::Talkers => Voice::Talking,
            Self::Silent => Voice::Silent,
        }
    }
}
