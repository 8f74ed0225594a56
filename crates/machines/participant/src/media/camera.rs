//! A camera with its encoders: pictures in one rhythm, an encoding for each height, or a layer of one.

use std::collections::BTreeMap;

use super::codec::{Frame, Packetiser, Piece, Spatial};
use super::schedule::{Schedule, Shot};
use super::settings;
use super::stamp::{Layer, Stamp};
use crate::Time;
use crate::rng::Draws;

/// One RTP packet of a picture, not yet numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// of which encoding
    pub(super) encoding: usize,
    pub(super) timestamp: u32,
    pub(super) piece: Piece,
    /// without its number
    pub(super) stamp: Stamp,
}

#[derive(Debug)]
pub(super) struct Camera {
    settings: settings::Camera,
    schedule: Schedule,
    /// of each encoding
    encoders: Vec<Encoder>,
    /// what the bridge says that anybody wants to see; pixels, -1 is anything
    height_max: i32,
    pub(super) keys_sent: u64,
}

#[derive(Debug)]
struct Encoder {
    packetiser: Packetiser,
    timestamp: u32,
    /// its pictures, as layers or alone
    heights: Vec<u16>,
    /// so many of them are sent; it changes at key frames, but to none at once
    on: usize,
}

impl Camera {
    pub(super) fn new(settings: &settings::Camera, begin: Time, draws: &mut Draws) -> Self {
        let codec = settings.codec;
        let encodings: Vec<Vec<u16>> = match codec.is_layered() {
            true => vec![settings.heights.clone()],
            false => settings.heights.iter().map(|height| vec![*height]).collect(),
        };
        let encoder = |heights| Encoder {
            packetiser: Packetiser::new(codec, draws.number() as u16),
            timestamp: draws.number(),
            heights,
            on: 0,
        };
        Self {
            settings: settings.clone(),
            schedule: Schedule::new(codec, begin),
            encoders: encodings.into_iter().map(encoder).collect(),
            height_max: -1,
            keys_sent: 0,
        }
    }

    pub(super) fn deadline(&self) -> Time {
        self.schedule.deadline()
    }

    /// Somebody needs a key frame: all encodings send one, as a browser's do.
    pub(super) fn request_key(&mut self) {
        self.schedule.request_key();
    }

    /// COMPAT: what the client does on `SenderSourceConstraints`: encodings that nobody wants rest, and with them the
    /// higher layers; at 0 all of them.
    pub(super) fn limit(&mut self, height_max: i32) {
        self.height_max = height_max;
    }

    /// How many of these heights anybody wants. The lowest of all serves whoever wants less.
    fn wanted(&self, heights: &[u16]) -> usize {
        let lowest = self.settings.heights.first();
        match self.height_max {
            ..0 => heights.len(),
            0 => 0,
            max => {
                let wanted = heights.iter().filter(|height| i32::from(**height) <= max).count();
                wanted.max(usize::from(heights.first() == lowest))
            }
        }
    }

    /// The packets of the picture that is due.
    pub(super) fn shoot(&mut self, now: Time) -> Vec<Packet> {
        let wanted: Vec<usize> = self.encoders.iter().map(|encoder| self.wanted(&encoder.heights)).collect();
        let changes =
            wanted.iter().zip(&self.encoders).any(|(wanted, encoder)| *wanted > 0 && encoder.on != *wanted);
        if changes {
            self.schedule.request_key();
        }
        let Some(shot) = self.schedule.shoot(now) else { return Vec::new() };
        let mut packets = Vec::new();
        for (encoding, (encoder, wanted)) in self.encoders.iter_mut().zip(wanted).enumerate() {
            if shot.key || wanted == 0 {
                encoder.on = wanted;
            }
            packets.extend(encoder.packets(&self.settings, encoding, shot));
        }
        self.keys_sent += u64::from(shot.key && !packets.is_empty());
        packets
    }
}

impl Encoder {
    fn packets(&mut self, settings: &settings::Camera, encoding: usize, shot: Shot) -> Vec<Packet> {
        if self.on == 0 {
            return Vec::new();
        }
        let layers = self.layers(settings, shot);
        let heights: BTreeMap<u8, u16> = (0..).zip(layers.iter().map(|layer| layer.height)).collect();
        let frame = Frame { key: shot.key, temporal: shot.temporal, layers };
        let timestamp = self.timestamp.wrapping_add(shot.timestamp);
        let packet = |piece: Piece| {
            let layer = Layer { encoding: encoding as u8, spatial: piece.spatial, temporal: shot.temporal };
            let stamp = Stamp {
                layer,
                is_video: true,
                key: shot.key,
                start: piece.start,
                end: piece.end,
                height: heights.get(&piece.spatial).copied().unwrap_or_default(),
                picture: shot.number as u16,
                ..Stamp::default()
            };
            Packet { encoding, timestamp, piece, stamp }
        };
        self.packetiser.frame(&frame).into_iter().map(packet).collect()
    }

    /// Each has its own share of the bit rate, and what the ones below it took is theirs.
    fn layers(&self, settings: &settings::Camera, shot: Shot) -> Vec<Spatial> {
        let codec = settings.codec;
        let mut below = 0;
        let of = |height: &u16| {
            let bitrate_bps = settings.bitrate_bps(*height);
            let share = bitrate_bps.saturating_sub(std::mem::replace(&mut below, bitrate_bps));
            Spatial { height: *height, bytes: shot.bytes(share, codec.temporal_layers()) }
        };
        self.heights.iter().take(self.on).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::Codec;
    use super::*;

    fn camera(codec: Codec, heights: &[u16]) -> Camera {
        let settings = settings::Camera { codec, heights: heights.to_vec(), bitrate_bps: None };
        Camera::new(&settings, Time::ZERO, &mut Draws::new(1, 1))
    }

    /// Everything of a second that begins at `from`; encodings, layers, and heights that are in it.
    fn second(camera: &mut Camera, from: u64) -> Vec<(usize, u8, u16)> {
        let mut seen: Vec<_> = (from * 1_000..(from + 1) * 1_000)
            .flat_map(|ms| camera.shoot(Time::from_millis(ms)))
            .map(|packet| (packet.encoding, packet.stamp.layer.spatial, packet.stamp.height))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    }

    #[test]
    fn simulcast_sends_what_is_wanted() {
        let mut camera = camera(Codec::Vp8, &[180, 360, 720]);
        assert_eq!(second(&mut camera, 0), [(0, 0, 180), (1, 0, 360), (2, 0, 720)]);
        camera.limit(360);
        second(&mut camera, 1);
        assert_eq!(second(&mut camera, 2), [(0, 0, 180), (1, 0, 360)]);
        camera.limit(90);
        second(&mut camera, 3);
        assert_eq!(second(&mut camera, 4), [(0, 0, 180)]);
        camera.limit(0);
        assert_eq!(second(&mut camera, 5), []);
        let before = camera.keys_sent;
        camera.limit(720);
        assert_eq!(second(&mut camera, 6).len(), 3);
        assert_eq!(camera.keys_sent, before + 1);
    }

    #[test]
    fn layers_of_one_stream_change_at_a_key_frame() {
        let mut camera = camera(Codec::Vp9, &[180, 360, 720]);
        assert_eq!(second(&mut camera, 0), [(0, 0, 180), (0, 1, 360), (0, 2, 720)]);
        camera.limit(360);
        let packets = (1_000..2_000).flat_map(|ms| camera.shoot(Time::from_millis(ms))).collect::<Vec<_>>();
        let last_high = packets.iter().rposition(|packet| packet.stamp.height == 720);
        let key = packets.iter().position(|packet| packet.stamp.key).expect("it changes at one");
        assert!(last_high.is_none_or(|last| last < key));
    }

    #[test]
    fn a_bit_rate_that_is_told_is_that_of_the_highest() {
        let heights = vec![180, 360, 720];
        let camera =
            |bitrate_bps| settings::Camera { codec: Codec::Vp8, heights: heights.clone(), bitrate_bps };
        let rates = |camera: settings::Camera| [180, 360, 720].map(|height| camera.bitrate_bps(height));
        let usual = rates(camera(None));
        assert_eq!(rates(camera(Some(2 * usual[2]))), usual.map(|rate| 2 * rate));
        assert_eq!(rates(camera(Some(u32::MAX)))[2], u32::MAX);
    }

    #[test]
    fn bit_rates_are_those_of_the_client() {
        for (codec, heights, bitrate_bps) in [
            (Codec::Vp8, &[720][..], 1_500_000),
            (Codec::Av1, &[180, 360, 720], 1_000_000),
            (Codec::H264, &[360], 800_000),
        ] {
            let mut camera = camera(codec, heights);
            second(&mut camera, 0);
            let packets = (1..11).flat_map(|s| (0..1_000).map(move |ms| s * 1_000 + ms));
            let packets = packets.flat_map(|ms| camera.shoot(Time::from_millis(ms)));
            let bytes: usize = packets.map(|packet| packet.piece.body).sum();
            let wanted = bitrate_bps / 8 * 10;
            assert!(bytes.abs_diff(wanted) < wanted / 20, "{codec:?}: {bytes} of {wanted}");
        }
    }
}
