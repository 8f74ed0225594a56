//! What a receiver's SRTP contexts remember of streams that are no longer declared: the key of a leg lives as long as
//! the leg, so no number may go out twice with the same SSRC (RFC 3711 9.1), nor be taken for a replayed one.

use std::collections::{BTreeSet, VecDeque};

use crate::limits;

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// where the numbers of removed streams would go on, with their SSRC; the oldest first
    numbers: VecDeque<(u32, u64)>,
    /// SSRCs that were declared for retransmissions: the engine begins to number those anew, so each is declared once
    repairs: BTreeSet<u32>,
}

impl Memory {
    pub(super) fn remember(&mut self, ssrc: u32, next: u64) {
        self.numbers.push_back((ssrc, next));
        if self.numbers.len() > limits::REMEMBERED_SSRCS_MAX {
            self.numbers.pop_front();
        }
    }

    /// Where the numbers of this SSRC go on. `None`: it was not sent before.
    pub(super) fn recall(&mut self, ssrc: u32) -> Option<u64> {
        let index = self.numbers.iter().position(|(known, _)| *known == ssrc)?;
        self.numbers.remove(index).map(|(_, next)| next)
    }

    /// Whether retransmissions may be sent with this SSRC; from now on they were. Those who used up so many that
    /// they can no longer be remembered do without.
    pub(super) fn claim_repair(&mut self, ssrc: u32) -> bool {
        self.repairs.len() < limits::REMEMBERED_SSRCS_MAX
            && self.numbers.iter().all(|(known, _)| *known != ssrc)
            && self.repairs.insert(ssrc)
    }

    /// Whether retransmissions were sent with this SSRC.
    pub(super) fn was_repair(&self, ssrc: u32) -> bool {
        self.repairs.contains(&ssrc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_numbers_are_forgotten_first() {
        let mut memory = Memory::default();
        let many = u32::try_from(limits::REMEMBERED_SSRCS_MAX).expect("not so many");
        // the lowest SSRC last
        for ssrc in (1..=many + 1).rev() {
            memory.remember(ssrc, u64::from(ssrc) * 10);
        }
        assert_eq!(memory.recall(many + 1), None);
        assert_eq!(memory.recall(many), Some(u64::from(many) * 10));
        assert_eq!(memory.recall(1), Some(10));
        assert_eq!(memory.recall(1), None, "it is declared again");
    }

    #[test]
    fn a_repair_ssrc_is_claimed_once_and_never_forgotten() {
        let mut memory = Memory::default();
        assert!(memory.claim_repair(7));
        assert!(!memory.claim_repair(7));
        assert!(memory.was_repair(7) && !memory.was_repair(8));
        memory.remember(8, 1);
        assert!(!memory.claim_repair(8), "media were sent with it");
        for ssrc in 100..100_000 {
            memory.claim_repair(ssrc);
        }
        assert_eq!(memory.repairs.len(), limits::REMEMBERED_SSRCS_MAX);
        assert!(!memory.claim_repair(100_001));
        assert!(memory.was_repair(7));
    }
}
