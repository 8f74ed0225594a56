//! The dependency descriptor (AV1 RTP specification, appendix A): which frame of which layer a packet is of, and which
//! frames that one needs. The pattern is that of libwebrtc's L*n*T3_KEY: three temporal layers, spatial layers that need
//! each other in key pictures only.
//!
//! Everything follows from where a frame stands in the pattern: the key picture, then pictures of temporal layers 2, 1,
//! 2, 0, which repeat. Frames are counted in the order in which they are sent, all layers of a picture one after the
//! other.

use super::Spatial;
use super::bits::Bits;
use super::width;

/// Temporal layer of each position of the pattern, and how many pictures back the one is that it needs.
const PATTERN: [(u8, Option<u32>); 5] = [(0, None), (2, Some(1)), (1, Some(2)), (2, Some(1)), (0, Some(4))];
const TEMPORAL: u8 = 3;
/// Positions in the order of templates, which is that of temporal layers.
const ORDER: [usize; 5] = [0, 4, 2, 1, 3];
/// Template ids have six bits.
const IDS: u8 = 64;

/// What a decode target does with a frame.
const NOT_PRESENT: u32 = 0;
const DISCARDABLE: u32 = 1;
const SWITCH: u32 = 2;

/// The numbers that go on.
#[derive(Clone, Debug)]
pub(super) struct Dependencies {
    frame: u16,
    /// the first template's id
    offset: u8,
    /// spatial layers, since the last key picture
    layers: u8,
    /// pictures since the last key picture
    since: u32,
}

impl Dependencies {
    pub(super) fn new(begin: u16) -> Self {
        Self { frame: begin, offset: begin as u8 % IDS, layers: 1, since: 0 }
    }

    /// A picture begins.
    pub(super) fn picture(&mut self, key: bool, layers: usize) {
        if !key {
            self.since += 1;
            return;
        }
        // a new structure has new ids
        self.offset = (self.offset + self.templates()) % IDS;
        (self.layers, self.since) = (u8::try_from(layers).unwrap_or(u8::MAX), 0);
    }

    /// The next layer's frame of it begins.
    pub(super) fn frame(&mut self) {
        self.frame = self.frame.wrapping_add(1);
    }

    /// Of one packet of this frame. A `structure` goes with the first packet of a key picture.
    pub(super) fn descriptor(
        &self,
        spatial: u8,
        start: bool,
        end: bool,
        structure: Option<&[Spatial]>,
    ) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.flag(start);
        bits.flag(end);
        bits.put(u32::from((self.offset + self.template(spatial)) % IDS), 6);
        bits.put(u32::from(self.frame), 16);
        if let Some(sizes) = structure {
            // a structure; no active targets, and nothing that differs from the templates
            bits.put(0b1_0000, 5);
            self.structure(&mut bits, sizes);
        }
        bits.into_bytes()
    }

    fn position(&self) -> usize {
        match self.since {
            0 => 0,
            since => (since as usize - 1) % (PATTERN.len() - 1) + 1,
        }
    }

    fn template(&self, spatial: u8) -> u8 {
        let at = ORDER.iter().position(|position| *position == self.position()).unwrap_or_default();
        spatial * ORDER.len() as u8 + at as u8
    }

    fn templates(&self) -> u8 {
        self.layers * ORDER.len() as u8
    }

    /// A.8.3: `template_dependency_structure`.
    fn structure(&self, bits: &mut Bits, sizes: &[Spatial]) {
        let targets = u32::from(self.layers * TEMPORAL);
        bits.put(u32::from(self.offset), 6);
        bits.put(targets - 1, 5);
        self.template_layers(bits);
        self.each(|spatial, position| self.template_dtis(bits, spatial, position));
        self.each(|spatial, position| {
            match PATTERN[position] {
                (_, Some(pictures)) => fdiff(bits, pictures * u32::from(self.layers)),
                (_, None) if spatial > 0 => fdiff(bits, 1),
                (_, None) => {}
            }
            bits.flag(false);
        });
        self.template_chains(bits, targets);
        bits.flag(true);
        for size in sizes {
            bits.put(u32::from(width(size.height)) - 1, 16);
            bits.put(u32::from(size.height) - 1, 16);
        }
    }

    fn each(&self, mut write: impl FnMut(u8, usize)) {
        for spatial in 0..self.layers {
            ORDER.iter().for_each(|position| write(spatial, *position));
        }
    }

    /// What the next template is: of the same layer, the next temporal, the next spatial one; or there is none.
    fn template_layers(&self, bits: &mut Bits) {
        for spatial in 1..=self.layers {
            let next_spatial = if spatial == self.layers { 3 } else { 2 };
            [0, 1, 1, 0, next_spatial].iter().for_each(|next| bits.put(*next, 2));
        }
    }

    fn template_dtis(&self, bits: &mut Bits, spatial: u8, position: usize) {
        let (temporal, _) = PATTERN[position];
        for target in 0..self.layers {
            for rate in 0..TEMPORAL {
                let spatially = if position == 0 { target >= spatial } else { target == spatial };
                bits.put(indication(spatially && rate >= temporal, temporal > 0 && rate == temporal), 2);
            }
        }
    }

    fn template_chains(&self, bits: &mut Bits, targets: u32) {
        let chains = self.layers;
        bits.put_ns(u32::from(chains), targets + 1);
        for chain in 0..chains {
            (0..TEMPORAL).for_each(|_| bits.put_ns(u32::from(chain), u32::from(chains)));
        }
        self.each(|spatial, position| {
            (0..chains).for_each(|chain| bits.put(self.chain_fdiff(spatial, position, chain), 4));
        });
    }

    /// How many frames back the last one of a chain is: of the key picture those of its spatial layer and below, later
    /// those of the layer itself in the lowest temporal one.
    fn chain_fdiff(&self, spatial: u8, position: usize, chain: u8) -> u32 {
        let (spatial, chain, layers) = (u32::from(spatial), u32::from(chain), u32::from(self.layers));
        match position {
            0 if spatial == 0 => 0,
            0 => spatial - chain.min(spatial - 1),
            4 if chain < spatial => spatial - chain,
            _ => position as u32 * layers + spatial - chain,
        }
    }
}

fn indication(present: bool, discardable: bool) -> u32 {
    match (present, discardable) {
        (false, _) => NOT_PRESENT,
        (true, true) => DISCARDABLE,
        (true, false) => SWITCH,
    }
}

/// A frame that is needed, so many frames back.
fn fdiff(bits: &mut Bits, frames: u32) {
    bits.flag(true);
    bits.put(frames - 1, 4);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Dependencies {
        let mut dependencies = Dependencies::new(0);
        dependencies.picture(true, 3);
        dependencies
    }

    fn chains(spatial: u8, position: usize) -> [u32; 3] {
        [0, 1, 2].map(|chain| three().chain_fdiff(spatial, position, chain))
    }

    #[test]
    fn chains_lead_back_to_the_last_frame_that_matters() {
        assert_eq!([0, 1, 2].map(|spatial| chains(spatial, 0)), [[0, 0, 0], [1, 1, 1], [2, 1, 1]]);
        assert_eq!([0, 1, 2].map(|spatial| chains(spatial, 1)), [[3, 2, 1], [4, 3, 2], [5, 4, 3]]);
        assert_eq!(chains(1, 3), [10, 9, 8]);
        assert_eq!([0, 1, 2].map(|spatial| chains(spatial, 4)), [[12, 11, 10], [1, 12, 11], [2, 1, 12]]);
    }

    #[test]
    fn templates_follow_the_pattern_and_a_new_structure_has_new_ids() {
        let mut dependencies = three();
        let mut ids = vec![];
        for picture in 0..7 {
            dependencies.frame();
            ids.push(dependencies.template(1));
            assert_eq!(dependencies.descriptor(0, true, true, None).len(), 3, "{picture}");
            dependencies.picture(false, 3);
        }
        assert_eq!(ids, [5, 8, 7, 9, 6, 8, 7]);
        let before = dependencies.offset;
        dependencies.picture(true, 3);
        assert_eq!((dependencies.offset, dependencies.template(2)), ((before + 15) % IDS, 10));
    }

    #[test]
    fn a_structure_goes_with_the_flags_and_fits() {
        let sizes = [180, 360, 720].map(|height| Spatial { height, bytes: 1 });
        let with = three().descriptor(0, true, false, Some(&sizes));
        assert_eq!((with[0] >> 6, with[3] >> 3), (0b10, 0b1_0000));
        assert!(with.len() < 120, "{}", with.len());
        assert_eq!(three().descriptor(0, false, true, None)[0] >> 6, 0b01);
    }

    #[test]
    fn one_layer_is_a_pattern_too() {
        let mut dependencies = Dependencies::new(u16::MAX);
        dependencies.picture(true, 1);
        dependencies.frame();
        let with = dependencies.descriptor(0, true, true, Some(&[Spatial { height: 180, bytes: 1 }]));
        assert_eq!(with[1..3], [0, 0], "the frame's number wraps");
        assert!(with.len() < 32);
    }
}
