//! A client's stanzas that the server has not acknowledged.

use std::collections::VecDeque;

use crate::limits::{SPLICE_KEPT_BYTES_MAX, SPLICE_KEPT_STANZAS_MAX, STANZA_BYTES_MAX};

/// Stanzas are numbered from 1 on, and the numbers wrap at 2^32 (XEP-0198 section 4).
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// the newest ones, oldest first
    stanzas: VecDeque<Box<str>>,
    bytes: usize,
    /// the number of the one before them
    before: u32,
    /// the last one that the server has; those up to `before` are forgotten
    acked: u32,
}

/// An acknowledgement of stanzas that nobody sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfRange;

impl Kept {
    /// The server has `h` stanzas, and nothing else was sent.
    pub(super) fn at(h: u32) -> Self {
        Self { before: h, acked: h, ..Self::default() }
    }

    /// Numbers a stanza and keeps it; where that is too much the oldest is forgotten.
    pub(super) fn push(&mut self, text: &str) {
        self.stanzas.push_back(text.into());
        self.bytes += text.len();
        while self.stanzas.len() > SPLICE_KEPT_STANZAS_MAX || self.bytes > SPLICE_KEPT_BYTES_MAX {
            self.pop();
        }
    }

    /// The server has `h` of them.
    pub(super) fn acknowledge(&mut self, h: u32) -> Result<(), OutOfRange> {
        let more = h.wrapping_sub(self.acked);
        if more > self.last().wrapping_sub(self.acked) {
            return Err(OutOfRange);
        }
        let forgotten = self.before.wrapping_sub(self.acked);
        for _ in forgotten..more {
            self.pop();
        }
        self.acked = h;
        Ok(())
    }

    /// Everything that the server does not have; `None`: some of it is forgotten.
    pub(super) fn unacknowledged(&self) -> Option<impl Iterator<Item = &str>> {
        (self.before == self.acked).then(|| self.stanzas.iter().map(|text| &**text))
    }

    /// Whether another stanza can be kept without one being forgotten.
    pub(super) fn has_room(&self) -> bool {
        self.stanzas.len() < SPLICE_KEPT_STANZAS_MAX && self.bytes + STANZA_BYTES_MAX <= SPLICE_KEPT_BYTES_MAX
    }

    pub(super) fn len(&self) -> usize {
        self.stanzas.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of the newest one.
    fn last(&self) -> u32 {
        self.before.wrapping_add(u32::try_from(self.stanzas.len()).unwrap_or(u32::MAX))
    }

    fn pop(&mut self) {
        if let Some(text) = self.stanzas.pop_front() {
            self.bytes -= text.len();
            self.before = self.before.wrapping_add(1);
        }
    }

    pub(super) fn check_invariants(&self) {
        assert_eq!(self.bytes, self.stanzas.iter().map(|text| text.len()).sum::<usize>());
        assert!(self.stanzas.len() <= SPLICE_KEPT_STANZAS_MAX && self.bytes <= SPLICE_KEPT_BYTES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(texts: &[&str]) -> Kept {
        let mut kept = Kept::default();
        texts.iter().for_each(|text| kept.push(text));
        kept
    }

    fn check(kept: &Kept, expected: Option<&[&str]>) {
        kept.check_invariants();
        assert_eq!(kept.unacknowledged().map(Iterator::collect::<Vec<_>>).as_deref(), expected);
    }

    #[test]
    fn what_is_acknowledged_is_dropped() {
        let mut kept = kept(&["a", "bb", "ccc"]);
        assert_eq!(kept.acknowledge(2), Ok(()));
        check(&kept, Some(&["ccc"]));
        assert_eq!((kept.len(), kept.bytes()), (1, 3));
        assert_eq!(kept.acknowledge(2), Ok(()));
        assert_eq!(kept.acknowledge(3), Ok(()));
        check(&kept, Some(&[]));
    }

    #[test]
    fn an_acknowledgement_back_or_ahead_changes_nothing() {
        let mut kept = kept(&["a", "b"]);
        assert_eq!(kept.acknowledge(1), Ok(()));
        for h in [0, 3, u32::MAX] {
            assert_eq!(kept.acknowledge(h), Err(OutOfRange));
            check(&kept, Some(&["b"]));
        }
    }

    #[test]
    fn the_numbers_wrap() {
        let mut kept = Kept::at(u32::MAX);
        kept.push("a");
        kept.push("b");
        assert_eq!(kept.acknowledge(0), Ok(()));
        check(&kept, Some(&["b"]));
        assert_eq!(kept.acknowledge(1), Ok(()));
        check(&kept, Some(&[]));
    }

    #[test]
    fn beyond_the_limit_the_oldest_are_forgotten_until_the_server_has_them() {
        let mut kept = Kept::default();
        (0..SPLICE_KEPT_STANZAS_MAX).for_each(|_| kept.push("a"));
        assert!(!kept.has_room() && kept.unacknowledged().is_some());
        kept.push("b");
        kept.push("c");
        check(&kept, None);
        assert_eq!(kept.len(), SPLICE_KEPT_STANZAS_MAX);
        assert_eq!(kept.acknowledge(1), Ok(()));
        check(&kept, None);
        assert_eq!(kept.acknowledge(2), Ok(()));
        assert!(kept.unacknowledged().is_some());
        let all = u32::try_from(SPLICE_KEPT_STANZAS_MAX).unwrap();
        assert_eq!(kept.acknowledge(all + 3), Err(OutOfRange));
        assert_eq!(kept.acknowledge(all + 1), Ok(()));
        check(&kept, Some(&["c"]));
    }

    #[test]
    fn bytes_have_a_limit_too() {
        let mut kept = Kept::default();
        let text = "x".repeat(SPLICE_KEPT_BYTES_MAX / 2);
        kept.push(&text);
        assert!(kept.has_room());
        kept.push(&text);
        assert!(!kept.has_room() && kept.unacknowledged().is_some());
        kept.push("y");
        check(&kept, None);
        assert_eq!((kept.len(), kept.bytes()), (2, text.len() + 1));
    }
}
