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
    /// the last picture was sent
    on: bool,
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
            on: false,
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

    /// Heights that are sent now, ascending.
    fn wanted(&self, heights: &[u16]) -> usize {
        match self.height_max {
            ..0 => heights.len(),
            0 => 0,
            max => heights.iter().filter(|height| i32::from(**height) <= max).count(),
        }
    }

    /// The packets of the picture that is due.
    pub(super) fn shoot(&mut self, now: Time) -> Vec<Packet> {
        if self.wakes() {
            self.schedule.request_key();
        }
        let Some(shot) = self.schedule.shoot(now) else { return Vec::new() };
        let lowest = self.settings.heights.first().copied().unwrap_or_default();
        let mut packets = Vec::new();
        let mut encoders = std::mem::take(&mut self.encoders);
        for (encoding, encoder) in encoders.iter_mut().enumerate() {
            let mut layers = self.wanted(&encoder.heights);
            // the lowest serves whoever wants less
            if layers == 0 && self.height_max > 0 && encoder.heights.first() == Some(&lowest) {
                layers = 1;
            }
            encoder.on = layers > 0;
            packets.extend(encoder.packets(encoding, shot, &self.layers_of(encoder, layers, shot)));
        }
        self.encoders = encoders;
        self.keys_sent += u64::from(shot.key && !packets.is_empty());
        packets
    }

    /// Whether an encoding that rested is wanted.
    fn wakes(&self) -> bool {
        self.encoders.iter().any(|encoder| !encoder.on && self.wanted(&encoder.heights) > 0)
    }

    fn layers_of(&self, encoder: &Encoder, layers: usize, shot: Shot) -> Vec<Spatial> {
        let codec = self.settings.codec;
        let heights = encoder.heights.iter().take(layers);
        let of = |height: &u16| {
            let bytes = shot.bytes(codec.bitrate_bps(*height), codec.temporal_layers());
            Spatial { height: *height, bytes }
        };
        heights.map(of).collect()
    }
}

impl Encoder {
    fn packets(&mut self, encoding: usize, shot: Shot, layers: &[Spatial]) -> Vec<Packet> {
        if layers.is_empty() {
            return Vec::new();
        }
        let frame = Frame { key: shot.key, temporal: shot.temporal, layers: layers.to_vec() };
        let heights: BTreeMap<u8, u16> = (0..).zip(layers.iter().map(|layer| layer.height)).collect();
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
}
