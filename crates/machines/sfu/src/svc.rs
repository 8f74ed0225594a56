//! Spatial layers inside one stream, as VP9 and AV1 send them (scalable video coding).
//!
//! The layers of a picture travel one after the other; a receiver that is sent only the lower ones sees a smaller
//! picture. Going down is possible at any picture, going up at a key picture, where no layer needs an earlier one.

use crate::codec::Codec;

/// more layers than any sender has
const SPATIAL_MAX: usize = 4;
/// template ids are six bits
const TEMPLATES_MAX: usize = 64;

/// Which part of a picture a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) spatial: u8,
    /// the last packet of this layer's frame
    pub(crate) end: bool,
}

/// What a key picture says of the layers to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Structure {
    /// pixels by spatial layer, never empty; 0 is not told
    pub(crate) heights: Vec<u16>,
    /// AV1: spatial layer by template, and the id of the first template
    templates: Vec<u8>,
    first_template: u8,
}

/// The part that a packet is, and a new structure if it carries one. `known` is the structure that holds so far.
pub(crate) fn read(
    codec: Codec,
    payload: &[u8],
    descriptor: Option<&[u8]>,
    known: Option<&Structure>,
) -> (Option<Part>, Option<Structure>) {
    match codec {
        Codec::Vp9 => vp9(payload).unwrap_or_default(),
        Codec::Av1 => descriptor.and_then(|d| av1(d, known)).unwrap_or_default(),
        Codec::Vp8 | Codec::H264 | Codec::H265 | Codec::Opus | Codec::Red | Codec::TelephoneEvent => {
            (None, None)
        }
    }
}

/// RFC 9628 4.2: the payload descriptor with its scalability structure.
fn vp9(payload: &[u8]) -> Option<(Option<Part>, Option<Structure>)> {
    let mut bits = Bits::new(payload);
    let [has_id, predicted, layered, flexible, _begin, end, structured, _] = bits.flags()?;
    if has_id && bits.take(1)? == 1 {
        bits.take(15)?;
    } else if has_id {
        bits.take(7)?;
    }
    let mut part = None;
    if layered {
        bits.take(4)?;
        let spatial = bits.take(3)? as u8;
        bits.take(1)?;
        part = Some(Part { spatial, end });
        if !flexible {
            bits.take(8)?;
        }
    }
    if flexible && predicted {
        for _ in 0..3 {
            bits.take(7)?;
            if bits.take(1)? == 0 {
                break;
            }
        }
    }
    let structure = if structured { vp9_structure(&mut bits) } else { None };
    Some((part, structure))
}

fn vp9_structure(bits: &mut Bits) -> Option<Structure> {
    let layers = bits.take(3)? as usize + 1;
    let sized = bits.take(1)? == 1;
    bits.take(4)?;
    let mut heights = vec![0; layers.min(SPATIAL_MAX)];
    if sized {
        for height in &mut heights {
            bits.take(16)?;
            *height = bits.take(16)? as u16;
        }
    }
    Some(Structure::of_heights(heights))
}

/// AV1 RTP specification A.8: the dependency descriptor.
fn av1(descriptor: &[u8], known: Option<&Structure>) -> Option<(Option<Part>, Option<Structure>)> {
    let mut bits = Bits::new(descriptor);
    bits.take(1)?;
    let end = bits.take(1)? == 1;
    let template = bits.take(6)? as u8;
    bits.take(16)?;
    let structure = if descriptor.len() > 3 { av1_extended(&mut bits)? } else { None };
    let spatial = structure.as_ref().or(known).and_then(|s| s.spatial_of(template));
    Some((spatial.map(|spatial| Part { spatial, end }), structure))
}

fn av1_extended(bits: &mut Bits) -> Option<Option<Structure>> {
    let structured = bits.take(1)? == 1;
    bits.take(4)?;
    if !structured {
        return Some(None);
    }
    av1_structure(bits).map(Some)
}

/// A.8.3: `template_dependency_structure`.
fn av1_structure(bits: &mut Bits) -> Option<Structure> {
    let first_template = bits.take(6)? as u8;
    let targets = bits.take(5)? + 1;
    let templates = template_layers(bits)?;
    let count = templates.len() as u32;
    // template_dtis
    (0..count * targets).try_for_each(|_| bits.take(2).map(drop))?;
    // template_fdiffs
    for _ in 0..count {
        while bits.take(1)? == 1 {
            bits.take(4)?;
        }
    }
    // template_chains
    let chains = bits.non_symmetric(targets + 1)?;
    if chains > 0 {
        (0..targets).try_for_each(|_| bits.non_symmetric(chains).map(drop))?;
        (0..count * chains).try_for_each(|_| bits.take(4).map(drop))?;
    }
    let layers = usize::from(*templates.iter().max()?) + 1;
    let mut heights = vec![0; layers];
    if bits.take(1)? == 1 {
        for height in &mut heights {
            bits.take(16)?;
            *height = u16::try_from(bits.take(16)? + 1).unwrap_or(u16::MAX);
        }
    }
    Some(Structure { heights, templates, first_template })
}

/// The spatial layer of every template.
fn template_layers(bits: &mut Bits) -> Option<Vec<u8>> {
    const SAME: u32 = 0;
    const NEXT_TEMPORAL: u32 = 1;
    const NEXT_SPATIAL: u32 = 2;
    let (mut templates, mut spatial) = (vec![], 0);
    loop {
        templates.push(spatial);
        match bits.take(2)? {
            SAME | NEXT_TEMPORAL => {}
            NEXT_SPATIAL => spatial += 1,
            _ => return Some(templates),
        }
        if templates.len() == TEMPLATES_MAX || usize::from(spatial) == SPATIAL_MAX {
            return None;
        }
    }
}

impl Structure {
    pub(crate) fn of_heights(heights: Vec<u16>) -> Self {
        Self { heights, templates: vec![], first_template: 0 }
    }

    fn spatial_of(&self, template: u8) -> Option<u8> {
        let index =
            (usize::from(template) + TEMPLATES_MAX - usize::from(self.first_template)) % TEMPLATES_MAX;
        self.templates.get(index).copied()
    }
}

/// Reads bits, most significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Up to 32 bits.
    fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| {
            let byte = self.bytes.get(self.at / 8)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(value << 1 | u32::from(bit))
        })
    }

    /// The eight bits of a byte.
    fn flags(&mut self) -> Option<[bool; 8]> {
        let byte = self.take(8)?;
        Some(std::array::from_fn(|i| byte >> (7 - i) & 1 == 1))
    }

    /// `ns(n)` of the AV1 specification 4.10.7.
    fn non_symmetric(&mut self, n: u32) -> Option<u32> {
        let width = n.ilog2() + 1;
        let short = (1 << width) - n;
        let value = self.take(width - 1)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.take(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `(value, width)` pairs.
    fn bits(fields: &[(u32, u32)]) -> Vec<u8> {
        let all: Vec<u32> =
            fields.iter().flat_map(|(value, width)| (0..*width).rev().map(move |i| value >> i & 1)).collect();
        all.chunks(8)
            .map(|c| c.iter().enumerate().fold(0, |byte, (i, bit)| byte | (*bit as u8) << (7 - i)))
            .collect()
    }

    /// Two spatial layers with one temporal layer each, a chain per target, with resolutions.
    fn structure(first_template: u32) -> Vec<u8> {
        bits(&[
            (0b10, 2),
            (first_template, 6),
            (7, 16), // start, not end, template, frame
            (1, 1),
            (0, 4), // structure present, nothing else
            (first_template, 6),
            (1, 5), // two decode targets
            (0, 2),
            (2, 2),
            (0, 2),
            (3, 2), // templates 0 0 1 1
            (0b10_10_10_11, 8),
            (0b00_10_00_11, 8), // dtis
            (0, 1),
            (0b10_0010, 6),
            (0b10_0000, 6),
            (0b100_0110_0000, 11), // fdiffs
            (0b11, 2),             // ns(3): two chains
            (0, 1),
            (1, 1), // ns(2) for each target
            (0, 16),
            (0, 16), // four templates, two chains, four bits
            (1, 1),
            (319, 16),
            (179, 16),
            (639, 16),
            (359, 16),
        ])
    }

    #[test]
    fn an_av1_structure_tells_the_layers_of_templates() {
        let (part, found) = read(Codec::Av1, &[], Some(&structure(62)), None);
        let found = found.expect("a structure");
        assert_eq!(found.heights, [180, 360]);
        assert_eq!(found.templates, [0, 0, 1, 1]);
        assert_eq!(part, Some(Part { spatial: 0, end: false }));
        // template ids wrap at 64
        for (template, spatial) in [(62, Some(0)), (63, Some(0)), (0, Some(1)), (1, Some(1)), (2, None)] {
            let descriptor = bits(&[(0b01, 2), (template, 6), (8, 16)]);
            let (part, none) = read(Codec::Av1, &[], Some(&descriptor), Some(&found));
            assert_eq!(part.map(|p| p.spatial), spatial, "template {template}");
            assert!(part.is_none_or(|p| p.end) && none.is_none());
        }
    }

    #[test]
    fn vp9_parts_and_their_structure() {
        let delta = [0b1110_0100, 0x81, 0x00, 0b0000_0010, 5];
        assert_eq!(read(Codec::Vp9, &delta, None, None), (Some(Part { spatial: 1, end: true }), None));
        let key =
            [&[0b1010_1010, 0x05, 0, 1, 0b0101_0000][..], &[0, 160, 0, 90, 1, 64, 0, 180, 2, 128, 1, 104]]
                .concat();
        let (part, found) = read(Codec::Vp9, &key, None, None);
        assert_eq!(part, Some(Part { spatial: 0, end: false }));
        assert_eq!(found.expect("a structure").heights, [90, 180, 360]);
        assert_eq!(read(Codec::Vp9, &[0b1000_1000, 0x05, 0], None, None), (None, None));
        let flexible = [0b1111_0000, 0x05, 0b0000_0100, 0x03, 0x02];
        assert_eq!(read(Codec::Vp9, &flexible, None, None).0, Some(Part { spatial: 2, end: false }));
    }

    #[test]
    fn every_truncation_is_harmless() {
        let whole = structure(0);
        for length in 0..whole.len() {
            assert_eq!(read(Codec::Av1, &[], Some(&whole[..length]), None).1, None);
            let _ = read(Codec::Vp9, &whole[..length], None, None);
        }
        for byte in 0..=255 {
            let _ = read(Codec::Av1, &[], Some(&[byte; 40]), None);
            let _ = read(Codec::Vp9, &[byte; 40], None, None);
        }
    }
}
