//! Who gets which video: from what a receiver asks for to the encodings it is sent. Pure functions.
//!
//! This version knows no bandwidth estimate: the receiver's constraints decide alone.

use std::collections::BTreeMap;

use colibri::channel::{ReceiverVideoConstraints, VideoConstraint};

use crate::limits;

/// pixels; what a receiver gets for sources that it names no constraint for, after its first message
const DEFAULT_HEIGHT: i32 = 180;
/// pixels of the lowest encoding until a key frame tells
const LOWEST_HEIGHT: u16 = 180;

/// What a receiver asked for so far.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wishes {
    /// -1 is unlimited
    last_n: i32,
    selected: Vec<String>,
    on_stage: Vec<String>,
    /// 0 before the first message: nothing is forwarded until the receiver said something
    default_height: i32,
    heights: BTreeMap<String, i32>,
    heard: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            last_n: -1,
            selected: vec![],
            on_stage: vec![],
            default_height: 0,
            heights: BTreeMap::new(),
            heard: false,
        }
    }
}

/// A source that a receiver could be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offer<'a, S> {
    pub(crate) source: S,
    pub(crate) name: &'a str,
    /// not announced as muted
    pub(crate) enabled: bool,
    pub(crate) layers: &'a [Layer],
}

/// One encoding of a source, or one spatial layer of it, with all that are lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    /// pixels
    pub(crate) height: u16,
    /// packets arrived lately
    pub(crate) active: bool,
}

/// What a receiver gets of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share<S> {
    pub(crate) source: S,
    /// effective constraint, pixels: 0 is nothing, -1 unlimited
    pub(crate) max_height: i32,
    /// index into the layers of its offer
    pub(crate) layer: Option<usize>,
}

impl Wishes {
    /// Takes a partial update over.
    pub(crate) fn update(&mut self, message: ReceiverVideoConstraints) {
        let height = |constraint: &VideoConstraint| constraint.max_height.max(-1);
        if let Some(last_n) = message.last_n {
            self.last_n = last_n.max(-1);
        }
        if let Some(names) = message.selected {
            self.selected = bounded(names);
        }
        if let Some(names) = message.on_stage {
            self.on_stage = bounded(names);
        }
        match message.default {
            Some(constraint) => self.default_height = height(&constraint),
            None if !self.heard => self.default_height = DEFAULT_HEIGHT,
            None => {}
        }
        if let Some(constraints) = message.constraints {
            let kept = constraints.into_iter().take(limits::CONSTRAINTS_MAX);
            self.heights = kept.map(|(name, constraint)| (name, height(&constraint))).collect();
        }
        self.heard = true;
    }

    pub(crate) fn set_last_n(&mut self, last_n: i32) {
        self.last_n = last_n.max(-1);
    }

    /// Only before the first constraints.
    pub(crate) fn set_initial_last_n(&mut self, last_n: i32) {
        if !self.heard {
            self.set_last_n(last_n);
        }
    }

    /// Whether this source is on stage, selected or asked for by name.
    pub(crate) fn names(&self, source: &str) -> bool {
        self.favours(source) || self.heights.get(source).is_some_and(|height| *height != 0)
    }

    fn favours(&self, source: &str) -> bool {
        self.on_stage.iter().chain(&self.selected).any(|name| name == source)
    }

    fn height(&self, source: &str) -> i32 {
        self.heights.get(source).copied().unwrap_or(self.default_height)
    }

    fn last_n(&self) -> usize {
        usize::try_from(self.last_n).unwrap_or(limits::LAST_N_MAX).min(limits::LAST_N_MAX)
    }
}

/// Shares the sources out: `offers` are in speaker order, without the receiver's own. On-stage and selected ones
/// come first, muted ones last; the first last-n with a non-zero constraint are served.
pub(crate) fn allocate<S: Copy>(wishes: &Wishes, offers: &[Offer<S>]) -> Vec<Share<S>> {
    let mut left = wishes.last_n();
    in_order(wishes, offers)
        .map(|offer| {
            let wanted = wishes.height(offer.name);
            let max_height = if left == 0 { 0 } else { wanted };
            if max_height != 0 && offer.enabled {
                left -= 1;
            }
            let layer = if offer.enabled { choose(offer.layers, max_height) } else { None };
            Share { source: offer.source, max_height, layer }
        })
        .collect()
}

/// The height assumed of an encoding before a key frame tells.
pub(crate) fn assumed_height(encoding: usize) -> u16 {
    LOWEST_HEIGHT << encoding.min(6)
}

/// The greater of two constraints, where -1 is unlimited.
pub(crate) fn greater(a: i32, b: i32) -> i32 {
    if a < 0 || b < 0 { -1 } else { a.max(b) }
}

fn in_order<'o, 'a, S>(
    wishes: &'o Wishes,
    offers: &'o [Offer<'a, S>],
) -> impl Iterator<Item = &'o Offer<'a, S>> {
    let mut favourites = vec![];
    for name in wishes.on_stage.iter().chain(&wishes.selected) {
        let found = offers.iter().position(|o| o.enabled && o.name == name);
        favourites.extend(found.filter(|index| !favourites.contains(index)));
    }
    let others = offers.iter().filter(|o| o.enabled && !wishes.favours(o.name));
    let muted = offers.iter().filter(|o| !o.enabled);
    favourites.into_iter().map(|index| &offers[index]).chain(others).chain(muted)
}

/// The highest active layer that is not too high, else the lowest active one. When none is active yet all count.
fn choose(layers: &[Layer], max_height: i32) -> Option<usize> {
    if max_height == 0 {
        return None;
    }
    let any_active = layers.iter().any(|e| e.active);
    let usable = || layers.iter().enumerate().filter(move |(_, e)| e.active || !any_active);
    let fits = |layer: &Layer| max_height < 0 || i32::from(layer.height) <= max_height;
    let fitting = usable().filter(|(_, layer)| fits(layer)).map(|(index, _)| index).max();
    fitting.or_else(|| usable().map(|(index, _)| index).next())
}

fn bounded(mut names: Vec<String>) -> Vec<String> {
    names.truncate(limits::LAST_N_MAX);
    names
}

#[cfg(test)]
mod tests;
