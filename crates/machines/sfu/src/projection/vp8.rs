//! VP8 picture ids and TL0PICIDX that go on without a jump when the encoding changes (RFC 7741 4.2).

use str0m::rtp::{Vp8Descriptor, Vp8Patch};

const PICTURE_ID_MASK: u16 = 0x7fff;
const SHORT_PICTURE_ID_MASK: u16 = 0x7f;

/// The numbering of one outgoing stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vp8Numbering {
    picture_offset: u16,
    level_zero_offset: u8,
    last: Option<Ids>,
}

/// What a picture is numbered with in an outgoing stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) picture: u16,
    /// `None` where the sender gives none
    pub(crate) level_zero: Option<u8>,
}

impl Vp8Numbering {
    /// From this packet on another encoding, or the same after a pause, follows what went out last.
    pub(crate) fn anchor(&mut self, incoming: &Vp8Descriptor) {
        let Some(last) = self.last else { return };
        if let Some(picture) = incoming.picture_id() {
            self.picture_offset = last.picture.wrapping_add(1).wrapping_sub(picture) & PICTURE_ID_MASK;
        }
        if let (Some(out), Some(level_zero)) = (last.level_zero, incoming.tl0_pic_idx()) {
            self.level_zero_offset = out.wrapping_add(1).wrapping_sub(level_zero);
        }
    }

    /// The ids to send this packet with. `None`: it has no picture id.
    pub(crate) fn forward(&mut self, incoming: &Vp8Descriptor) -> Option<Ids> {
        let picture = incoming.picture_id()?.wrapping_add(self.picture_offset) & PICTURE_ID_MASK;
        let level_zero = incoming.tl0_pic_idx().map(|t| t.wrapping_add(self.level_zero_offset));
        let ids = Ids { picture, level_zero };
        if self.last.is_none_or(|last| newer(picture, last.picture)) {
            self.last = Some(ids);
        }
        Some(ids)
    }
}

impl Ids {
    /// The bytes to change. `None`: nothing to change, or the descriptor has no room for it.
    pub(crate) fn patch(self, descriptor: &Vp8Descriptor) -> Option<Vp8Patch> {
        let same =
            descriptor.picture_id() == Some(self.picture) && descriptor.tl0_pic_idx() == self.level_zero;
        if same {
            return None;
        }
        let with = |picture| {
            let patch = descriptor.patch().picture_id(picture);
            match self.level_zero {
                Some(level_zero) => patch.tl0_pic_idx(level_zero).build().ok(),
                None => patch.build().ok(),
            }
        };
        // COMPAT: some encoders use the short form of seven bits; there the id just wraps earlier
        with(self.picture).or_else(|| with(self.picture & SHORT_PICTURE_ID_MASK))
    }
}

/// Whether `a` follows `b` in 15 bits.
fn newer(a: u16, b: u16) -> bool {
    let ahead = a.wrapping_sub(b) & PICTURE_ID_MASK;
    ahead != 0 && ahead < 0x4000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(picture: u16, level_zero: u8) -> Vp8Descriptor {
        let [high, low] = picture.to_be_bytes();
        Vp8Descriptor::parse(&[0x90, 0xe0, 0x80 | high, low, level_zero, 0x20, 0x00])
            .expect("a whole descriptor")
    }

    #[test]
    fn ids_go_on_over_a_switch_and_over_the_wrap() {
        let mut numbering = Vp8Numbering::default();
        let first = numbering.forward(&descriptor(0x7ffe, 255)).expect("has ids");
        assert_eq!(first, Ids { picture: 0x7ffe, level_zero: Some(255) });
        numbering.anchor(&descriptor(500, 7));
        assert_eq!(
            numbering.forward(&descriptor(500, 7)),
            Some(Ids { picture: 0x7fff, level_zero: Some(0) })
        );
        assert_eq!(numbering.forward(&descriptor(501, 7)), Some(Ids { picture: 0, level_zero: Some(0) }));
        assert_eq!(
            numbering.forward(&descriptor(500, 7)),
            Some(Ids { picture: 0x7fff, level_zero: Some(0) })
        );
        numbering.anchor(&descriptor(9, 9));
        assert_eq!(numbering.forward(&descriptor(9, 9)), Some(Ids { picture: 1, level_zero: Some(1) }));
    }

    #[test]
    fn nothing_to_change_is_no_patch() {
        let ids = Ids { picture: 500, level_zero: Some(7) };
        assert!(ids.patch(&descriptor(500, 7)).is_none());
        assert!(ids.patch(&descriptor(501, 7)).is_some());
    }

    #[test]
    fn the_short_form_wraps_in_seven_bits() {
        let short = Vp8Descriptor::parse(&[0x90, 0x80, 0x05, 0x00]).expect("a whole descriptor");
        assert!(Ids { picture: 300, level_zero: None }.patch(&short).is_some());
    }
}
