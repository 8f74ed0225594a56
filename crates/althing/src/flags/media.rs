//! What the participants of a load send and see.

use clap::{Args, ValueEnum};
use loadgen::{Camera, Codec, Voice};

#[derive(Clone, Debug, Args)]
pub(crate) struct Media {
    /// What they send: nothing (signalling alone is measured), their voices, or their pictures too
    #[arg(long, value_enum, default_value_t = What::None)]
    media: What,
    /// How many of each room send [default: all of them]; the others watch
    #[arg(long, value_name = "K")]
    senders: Option<u32>,
    /// Height of the pictures, or three of them at a time (with vp9 and av1: as layers of one stream)
    #[arg(long, value_enum, default_value_t = Video::Simulcast)]
    video: Video,
    /// What pictures are coded with
    #[arg(long, value_enum, default_value_t = Coded::Vp8)]
    codec: Coded,
    /// What microphones hear: talk in spurts, or silence; all of them send all the time, as browsers do
    #[arg(long, value_enum, default_value_t = Audio::Talkers)]
    audio: Audio,
    /// The greatest height that everybody asks of everybody's pictures; 0 asks for none
    #[arg(long, value_name = "HEIGHT", default_value_t = 720)]
    receive: u16,
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
    pub(super) fn media(&self) -> Option<loadgen::Media> {
        if self.media == What::None {
            return None;
        }
        let codec = match self.codec {
            Coded::Vp8 => Codec::Vp8,
            Coded::Vp9 => Codec::Vp9,
            Coded::Av1 => Codec::Av1,
            Coded::H264 => Codec::H264,
        };
        let heights = match self.video {
            Video::Low => vec![180],
            Video::Standard => vec![360],
            Video::High => vec![720],
            Video::Simulcast => vec![180, 360, 720],
        };
        let voice = match self.audio {
            Audio::Talkers => Voice::Talking,
            Audio::Silent => Voice::Silent,
        };
        Some(loadgen::Media {
            camera: (self.media == What::Video).then_some(Camera { codec, heights }),
            voice: Some(voice),
            senders: self.senders.unwrap_or(u32::MAX),
            height_max: i32::from(self.receive),
        })
    }

    /// Sockets of each participant, beside that of its stream.
    pub(crate) fn sockets(&self) -> u32 {
        u32::from(self.media != What::None)
    }
}
