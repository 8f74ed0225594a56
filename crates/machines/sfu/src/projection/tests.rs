#![expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

use std::time::Duration;

use super::*;

/// An encoder of one simulcast layer: 30 pictures a second, two packets each.
struct Encoder {
    encoding: usize,
    seq: u64,
    timestamp: u32,
    picture: u16,
    level_zero: u8,
}

impl Encoder {
    fn new(encoding: usize) -> Self {
        let salt = u32::try_from(encoding).expect("small") + 1;
        Self {
            encoding,
            seq: u64::from(salt) * 70_000,
            timestamp: salt.wrapping_mul(0x9000_0001),
            picture: 0x7ff0 + 3 * (encoding as u16),
            level_zero: 250 + encoding as u8,
        }
    }

    /// The packets of the next picture, sent on with `projection`.
    fn picture(&mut self, projection: &mut Projection, arrival: Instant, key: bool) -> Vec<(Outgoing, u16)> {
        let [high, low] = (self.picture & 0x7fff).to_be_bytes();
        let payload = [0x90, 0xe0, 0x80 | high, low, self.level_zero, 0x20, 0x00];
        let descriptor = Vp8Descriptor::parse(&payload).expect("a whole descriptor");
        let mut sent = vec![];
        for part in 0..2 {
            let packet = Incoming {
                encoding: self.encoding,
                seq: self.seq,
                timestamp: self.timestamp,
                arrival,
                key: key && part == 0,
                empty: false,
                marker: part == 1,
                part: None,
                vp8: Some(&descriptor),
            };
            self.seq += 1;
            if let Some(out) = projection.forward(&packet) {
                sent.push((out, projection.vp8.forward(&descriptor).expect("has ids").picture));
            }
        }
        self.timestamp = self.timestamp.wrapping_add(3000);
        self.picture = self.picture.wrapping_add(1);
        self.level_zero = self.level_zero.wrapping_add(1);
        sent
    }
}

fn encoding(encoding: usize) -> Option<Target> {
    Some(Target { encoding, spatial: 0 })
}

fn plain(arrival: Instant, seq: u64, timestamp: u32) -> Incoming<'static> {
    Incoming {
        encoding: 0,
        seq,
        timestamp,
        arrival,
        key: false,
        empty: false,
        marker: false,
        part: None,
        vp8: None,
    }
}

/// What a receiver must be able to say of a whole stream.
#[track_caller]
fn check_continuous(stream: &[(Outgoing, u16)]) {
    assert!(stream[0].0.seq < 65_536, "the rollover counter begins at 0");
    for pair in stream.windows(2) {
        let ((a, picture_a), (b, picture_b)) = (pair[0], pair[1]);
        assert_eq!(b.seq, a.seq + 1);
        let step = b.timestamp.wrapping_sub(a.timestamp);
        let picture_step = picture_b.wrapping_sub(picture_a) & 0x7fff;
        if picture_step == 0 {
            assert_eq!(step, 0, "one picture, one timestamp");
        } else {
            assert_eq!(picture_step, 1);
            assert!((1..=10_000).contains(&step), "a step of {step}");
        }
    }
}

#[test]
fn switches_up_down_and_back_are_seamless() {
    let start = Instant::now();
    let mut projection = Projection::new(17);
    let mut encoders: Vec<_> = (0..3).map(Encoder::new).collect();
    let mut stream = vec![];
    let mut used = vec![];
    for tick in 0..300_u64 {
        match tick {
            0 => projection.aim(encoding(0)),
            50 => projection.aim(encoding(2)),
            120 => projection.aim(encoding(1)),
            200 => projection.aim(encoding(0)),
            _ => {}
        }
        for encoder in &mut encoders {
            let arrival = start + Duration::from_millis(33 * tick + encoder.encoding as u64);
            stream.extend(encoder.picture(&mut projection, arrival, tick % 40 == 0));
        }
        if used.last() != projection.current().as_ref() {
            used.extend(projection.current());
        }
    }
    assert_eq!(used, [0, 2, 1, 0]);
    check_continuous(&stream);
    // on the way up the lower encoding's picture of the same moment went out before
    assert_eq!(stream.len(), 602);
}

#[test]
fn nothing_without_a_key_frame_and_a_lower_one_meanwhile() {
    let start = Instant::now();
    let mut projection = Projection::new(0);
    let mut encoders: Vec<_> = (0..3).map(Encoder::new).collect();
    projection.aim(encoding(2));
    assert!(encoders[2].picture(&mut projection, start, false).is_empty());
    assert_eq!(projection.awaits(), Some(2));
    assert_eq!(encoders[0].picture(&mut projection, start, true).len(), 2);
    assert_eq!(projection.awaits(), Some(2));
    assert_eq!(encoders[2].picture(&mut projection, start, true).len(), 2);
    assert_eq!(projection.awaits(), None);
    assert!(encoders[0].picture(&mut projection, start, true).is_empty());
}

#[test]
fn a_pause_stops_at_once_and_resumes_at_a_key_frame() {
    let start = Instant::now();
    let mut projection = Projection::new(5);
    let mut encoder = Encoder::new(0);
    projection.aim(encoding(0));
    let mut stream = encoder.picture(&mut projection, start, true);
    projection.aim(None);
    assert!(encoder.picture(&mut projection, start + Duration::from_millis(33), true).is_empty());
    projection.aim(encoding(0));
    assert!(encoder.picture(&mut projection, start + Duration::from_millis(66), false).is_empty());
    stream.extend(encoder.picture(&mut projection, start + Duration::from_millis(100), true));
    check_continuous(&stream);
    assert_eq!(stream.len(), 4);
}

#[test]
fn padding_leaves_no_hole() {
    let now = Instant::now();
    let mut projection = Projection::new(0);
    projection.aim(encoding(0));
    let packet = |seq, key, empty| Incoming { key, empty, ..plain(now, seq, 1) };
    assert_eq!(projection.forward(&packet(100, true, false)).map(|o| o.seq), Some(0));
    assert_eq!(projection.forward(&packet(101, false, true)), None);
    assert_eq!(projection.forward(&packet(102, false, false)).map(|o| o.seq), Some(1));
    assert_eq!(projection.forward(&packet(99, false, false)), None, "older than the key frame");
}

/// Sends pictures of three spatial layers, one packet each, aiming as told before each picture; says per picture
/// which layers went out, and checks the numbers and the marker.
fn layers_sent(pictures: &[(u8, bool)]) -> Vec<Vec<u8>> {
    let now = Instant::now();
    let mut projection = Projection::new(0);
    let (mut seq, mut next) = (100, 0);
    let mut sent = vec![];
    for (index, (spatial, key)) in pictures.iter().enumerate() {
        projection.aim(Some(Target { encoding: 0, spatial: *spatial }));
        let mut layers = vec![];
        for layer in 0..3 {
            let packet = Incoming {
                key: *key && layer == 0,
                marker: layer == 2,
                part: Some(Part { spatial: layer, end: true }),
                ..plain(now, seq, 3000 * index as u32)
            };
            seq += 1;
            let Some(out) = projection.forward(&packet) else { continue };
            assert_eq!(out.seq, next);
            next += 1;
            assert!(!out.marker || layers.len() + 1 == usize::from(layer) + 1);
            layers.push((layer, out.marker));
        }
        assert_eq!(layers.iter().filter(|(_, marker)| *marker).count(), usize::from(!layers.is_empty()));
        sent.push(layers.into_iter().map(|(layer, _)| layer).collect());
    }
    sent
}

#[test]
fn spatial_layers_fall_at_once_and_rise_at_a_key_picture() {
    let told = [(1, false), (1, true), (1, false), (0, false), (2, false), (2, true), (2, false), (0, true)];
    let sent = layers_sent(&told);
    let expected: [&[u8]; 8] = [&[], &[0, 1], &[0, 1], &[0], &[0], &[0, 1, 2], &[0, 1, 2], &[0]];
    assert_eq!(sent, expected);
}
