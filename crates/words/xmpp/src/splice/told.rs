//! The server's stanzas that the client was sent and has not acknowledged.
//!
//! They are not kept themselves, the server does that; a fingerprint of each is enough to know it again.

use std::collections::VecDeque;

use crate::limits::{SPLICE_SHOWN_STANZAS_MAX, SPLICE_TOLD_STANZAS_MAX};
use crate::sm::{self, Gap};

/// Numbered as those of the client are.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// of the newest ones, oldest first
    prints: VecDeque<u64>,
    /// the number of the one before them
    before: u32,
    /// the last one that the client has acknowledged
    acked: u32,
    /// a server sends them again from its `h` on: how many have come
    repeated: Option<usize>,
    /// of the newest ones, acknowledged or not, but for those that are lost
    shown: VecDeque<Option<u64>>,
    /// of them, those that the server has lost: they may come again under other numbers
    lost: VecDeque<u64>,
}

/// What a stanza of the server is to the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    New,
    /// it was sent it before
    Repeated,
    /// it was sent it before, under a number that the server has lost
    Shown,
    /// it was sent another one with this number
    Contradiction,
}

impl Told {
    /// The client has `h` stanzas, and was sent no others.
    pub(super) fn at(h: u32) -> Self {
        Self { before: h, acked: h, ..Self::default() }
    }

    /// Numbers a stanza of the server.
    pub(super) fn hear(&mut self, text: &str) -> News {
        let print = fingerprint(text);
        if let Some(repeated) = self.repeated.as_mut() {
            if self.prints.get(*repeated) != Some(&print) && text != sm::FILLER {
                return News::Contradiction;
            }
            *repeated += 1;
            self.settle();
            return News::Repeated;
        }
        self.prints.push_back(print);
        if self.prints.len() > SPLICE_TOLD_STANZAS_MAX {
            self.pop();
        }
        self.shown.push_back(Some(print));
        if self.shown.len() > SPLICE_SHOWN_STANZAS_MAX {
            self.shown.pop_front();
        }
        if let Some(at) = self.lost.iter().position(|lost| *lost == print) {
            self.lost.remove(at);
            return News::Shown;
        }
        News::New
    }

    /// The server does not remember these: they may come again under other numbers.
    pub(super) fn lose(&mut self, lost: Option<Gap>) {
        let Some(Gap { known, until }) = lost else { return };
        let back = |number: u32| usize::try_from(self.last().wrapping_sub(number)).unwrap_or(usize::MAX);
        let len = self.shown.len();
        let (first, end) = (len.saturating_sub(back(known)), len.saturating_sub(back(until)));
        for print in self.shown.range_mut(first..end.max(first)) {
            self.lost.extend(print.take());
        }
        while self.lost.len() > SPLICE_SHOWN_STANZAS_MAX {
            self.lost.pop_front();
        }
    }

    /// The client has `h` of them. One that it cannot have is the server's business.
    pub(super) fn acknowledge(&mut self, h: u32) {
        if h.wrapping_sub(self.acked) <= self.last().wrapping_sub(self.acked) {
            self.acked = h;
            self.settle();
        }
    }

    /// The server will send everything again that the client has not acknowledged. Gives the number that tells it so;
    /// `None`: a part of that could not be known again.
    pub(super) fn repeat(&mut self) -> Option<u32> {
        self.repeated = None;
        self.settle();
        if self.before != self.acked {
            return None;
        }
        self.repeated = Some(0).filter(|_| !self.prints.is_empty());
        Some(self.acked)
    }

    /// What the client has acknowledged.
    pub(super) fn acked(&self) -> u32 {
        self.acked
    }

    /// The number of the newest one.
    pub(super) fn last(&self) -> u32 {
        self.before.wrapping_add(u32::try_from(self.prints.len()).unwrap_or(u32::MAX))
    }

    /// Drops what is no longer needed: during a repetition all is.
    fn settle(&mut self) {
        if self.repeated.is_some_and(|repeated| repeated < self.prints.len()) {
            return;
        }
        self.repeated = None;
        let most = self.last().wrapping_sub(self.acked);
        while self.prints.len() > usize::try_from(most).unwrap_or(usize::MAX) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if self.prints.pop_front().is_some() {
            self.before = self.before.wrapping_add(1);
        }
    }

    pub(super) fn check_invariants(&self) {
        assert!(self.prints.len() <= SPLICE_TOLD_STANZAS_MAX);
        assert!(self.shown.len() <= SPLICE_SHOWN_STANZAS_MAX && self.lost.len() <= SPLICE_SHOWN_STANZAS_MAX);
        assert!(self.repeated.is_none_or(|repeated| repeated < self.prints.len()));
    }
}

/// Tells stanzas of one stream apart; it protects from nobody.
fn fingerprint(text: &str) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |print: u64, word: u64| (print.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let print =
        words.iter().fold(mix(0, text.len() as u64), |print, word| mix(print, u64::from_le_bytes(*word)));
    rest.iter().fold(print, |print, byte| mix(print, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(texts: &[&str]) -> Told {
        let mut told = Told::default();
        texts.iter().for_each(|text| assert_eq!(told.hear(text), News::New));
        told
    }

    #[test]
    fn what_the_client_was_sent_is_known_again() {
        let mut told = told(&["a", "b", "c"]);
        told.acknowledge(1);
        assert_eq!(told.repeat(), Some(1));
        assert_eq!(told.hear("b"), News::Repeated);
        assert_eq!(told.hear("c"), News::Repeated);
        assert_eq!(told.hear("c"), News::New);
        told.acknowledge(4);
        told.check_invariants();
        assert_eq!((told.repeat(), told.prints.len()), (Some(4), 0));
    }

    #[test]
    fn acknowledgements_may_come_during_a_repetition() {
        let mut told = told(&["a", "b", "c"]);
        assert_eq!(told.repeat(), Some(0));
        assert_eq!(told.hear("a"), News::Repeated);
        told.acknowledge(3);
        assert_eq!(told.hear("b"), News::Repeated);
        assert_eq!(told.hear("c"), News::Repeated);
        told.check_invariants();
        assert_eq!(told.hear("a"), News::New);
        assert_eq!(told.repeat(), Some(3));
    }

    #[test]
    fn a_repetition_that_breaks_off_begins_anew() {
        let mut told = told(&["a", "b", "c"]);
        assert_eq!(told.repeat(), Some(0));
        assert_eq!(told.hear("a"), News::Repeated);
        told.acknowledge(2);
        assert_eq!(told.repeat(), Some(2));
        assert_eq!(told.hear("c"), News::Repeated);
    }

    #[test]
    fn another_stanza_under_the_same_number_is_a_contradiction() {
        let mut told = told(&["a", "b"]);
        assert_eq!(told.repeat(), Some(0));
        assert_eq!(told.hear("b"), News::Contradiction);
    }

    #[test]
    fn what_a_server_has_lost_is_not_shown_twice() {
        let mut told = told(&["a", "b", "x", "y"]);
        told.acknowledge(3);
        assert_eq!((told.repeat(), told.last()), (Some(3), 4));
        told.lose(Some(Gap { known: 2, until: 4 }));
        assert_eq!(told.hear(sm::FILLER), News::Repeated);
        assert_eq!(
            [told.hear("c"), told.hear("y"), told.hear("x"), told.hear("x")],
            [News::New, News::Shown, News::Shown, News::New]
        );
        told.check_invariants();
        // the server has "y" under the sixth number
        told.lose(Some(Gap { known: 2, until: 4 }));
        assert_eq!(told.repeat(), Some(3));
        assert_eq!(told.hear(sm::FILLER), News::Repeated);
        assert_eq!((told.hear("c"), told.hear("y")), (News::Repeated, News::Repeated));
    }

    #[test]
    fn a_server_that_has_lost_nothing_says_nothing_of_it() {
        let mut told = told(&["a", "b"]);
        assert_eq!(told.repeat(), Some(0));
        told.lose(None);
        assert_eq!(
            (told.hear("a"), told.hear("b"), told.hear("a")),
            (News::Repeated, News::Repeated, News::New)
        );
    }

    #[test]
    fn so_many_are_known_again_and_no_more() {
        let mut told = Told::default();
        let texts: Vec<String> = (0..2 * SPLICE_SHOWN_STANZAS_MAX).map(|n| n.to_string()).collect();
        texts.iter().for_each(|text| assert_eq!(told.hear(text), News::New));
        told.acknowledge(told.last());
        told.repeat();
        told.lose(Some(Gap { known: 0, until: told.last() }));
        assert_eq!((told.hear(&texts[0]), told.hear(texts.last().unwrap())), (News::New, News::Shown));
        told.check_invariants();
    }

    #[test]
    fn acknowledgements_that_cannot_be_change_nothing() {
        let mut told = told(&["a", "b"]);
        told.acknowledge(1);
        for h in [0, 3, u32::MAX] {
            told.acknowledge(h);
            assert_eq!(told.acked(), 1);
        }
    }

    #[test]
    fn the_numbers_wrap() {
        let mut told = Told::at(u32::MAX - 1);
        assert_eq!((told.hear("a"), told.hear("b")), (News::New, News::New));
        told.acknowledge(u32::MAX);
        assert_eq!(told.repeat(), Some(u32::MAX));
        assert_eq!(told.hear("b"), News::Repeated);
        told.acknowledge(0);
        assert_eq!(told.repeat(), Some(0));
    }

    #[test]
    fn a_client_that_acknowledges_nothing_is_not_known_for_ever() {
        let mut told = Told::default();
        (0..SPLICE_TOLD_STANZAS_MAX).for_each(|_| assert_eq!(told.hear("a"), News::New));
        assert_eq!(told.repeat(), Some(0));
        told.repeated = None;
        told.hear("a");
        told.check_invariants();
        assert_eq!(told.repeat(), None);
        told.acknowledge(1);
        assert_eq!(told.repeat(), Some(1));
    }

    #[test]
    fn fingerprints_differ_in_every_byte() {
        let text = "<message xmlns='jabber:client'>12345</message>";
        for (at, _) in text.char_indices() {
            let other: String = text.char_indices().map(|(n, c)| if n == at { '~' } else { c }).collect();
            assert_ne!(fingerprint(text), fingerprint(&other), "{at}");
        }
        assert_ne!(fingerprint(""), fingerprint("\0"));
    }
}
