//! What a participant sends, and what it wants to see.

use std::time::Instant;

use super::codec::Codec;
use super::identity::Identity;

/// See the fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub identity: Identity,
    /// the moment that all times are counted from
    pub epoch: Instant,
    /// tells the packets of this run from those of another
    pub run: u32,
    /// `None`: it has no camera, and announces none
    pub camera: Option<Camera>,
    /// `None`: it has no microphone, and announces none
    pub voice: Option<Voice>,
    /// the greatest height that it asks of everybody's video; 0 asks for none, -1 for whatever there is
    pub height_max: i32,
    /// the bridge channel, where the bridge offers both
    pub channel: Way,
}

/// What carries the bridge channel. COMPAT: a client takes the one that is offered, and of two the one that `config.js`
/// says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    #[default]
    DataChannel,
    WebSocket,
}

/// A camera and what its pictures are coded with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    pub codec: Codec,
    /// of the pictures that it sends at the same time, ascending; one, two or three
    pub heights: Vec<u16>,
    /// bits a second of the highest of them, the others in proportion; `None`: as the client has it
    pub bitrate_bps: Option<u32>,
}

impl Camera {
    /// Of the picture of this height, and those below it where it is a layer.
    pub(super) fn bitrate_bps(&self, height: u16) -> u32 {
        let usual = self.codec.bitrate_bps(height);
        let (Some(told), Some(highest)) = (self.bitrate_bps, self.heights.last()) else { return usual };
        let share = u64::from(told) * u64::from(usual) / u64::from(self.codec.bitrate_bps(*highest)).max(1);
        u32::try_from(share).unwrap_or(u32::MAX)
    }
}

/// What a microphone hears. It sends all the time, as browsers do: silence is told by the level (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// spurts of talk and pauses, at random (ITU-T P.59)
    Talking,
    Silent,
}
