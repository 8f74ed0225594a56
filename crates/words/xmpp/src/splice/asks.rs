//! Who waits for the server's `<a/>`: the client, or the splice itself. They are answered in the order of asking.

use crate::limits::{SPLICE_ASK_BYTES, SPLICE_ASK_STANZAS};

#[derive(Debug, Default)]
pub(super) struct Asks {
    /// of the client, before ours
    before: u32,
    ours: bool,
    /// of the client, after ours
    after: u32,
    /// stanzas and bytes since anybody asked
    stanzas: usize,
    bytes: usize,
}

impl Asks {
    /// The client asks.
    pub(super) fn ask(&mut self) {
        let count = if self.ours { &mut self.after } else { &mut self.before };
        *count = count.saturating_add(1);
        (self.stanzas, self.bytes) = (0, 0);
    }

    /// A stanza went to the server: tells whether we ask now.
    pub(super) fn sent(&mut self, bytes: usize) -> bool {
        self.stanzas += 1;
        self.bytes += bytes;
        if self.ours || self.stanzas < SPLICE_ASK_STANZAS && self.bytes < SPLICE_ASK_BYTES {
            return false;
        }
        self.ours = true;
        (self.stanzas, self.bytes) = (0, 0);
        true
    }

    /// The server answered: tells whether that is for us alone.
    pub(super) fn answered(&mut self) -> bool {
        if self.before > 0 {
            self.before -= 1;
            return false;
        }
        if std::mem::take(&mut self.ours) {
            self.before = std::mem::take(&mut self.after);
            return true;
        }
        // nobody asked: the client may hear it all the same
        false
    }

    /// Nobody has answered, and nobody will: there is another server. Tells whether the client waits; that one is asked
    /// once then, whoever asked how often.
    pub(super) fn resumed(&mut self) -> bool {
        let waits = self.before > 0 || self.after > 0;
        *self = Self { before: u32::from(waits), ..Self::default() };
        waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_asks_itself_is_not_helped() {
        let mut asks = Asks::default();
        for _ in 0..100 {
            (1..SPLICE_ASK_STANZAS).for_each(|_| assert!(!asks.sent(1)));
            asks.ask();
            assert!(!asks.answered());
        }
    }

    #[test]
    fn without_that_we_ask_after_stanzas_or_bytes() {
        let mut asks = Asks::default();
        (1..SPLICE_ASK_STANZAS).for_each(|_| assert!(!asks.sent(1)));
        assert!(asks.sent(1));
        assert!(asks.answered());
        assert!(asks.sent(SPLICE_ASK_BYTES));
        assert!(!asks.sent(SPLICE_ASK_BYTES), "one at a time");
        assert!(asks.answered());
    }

    #[test]
    fn answers_come_in_the_order_of_asking() {
        let mut asks = Asks::default();
        asks.ask();
        assert!(asks.sent(SPLICE_ASK_BYTES));
        asks.ask();
        assert_eq!([(); 4].map(|()| asks.answered()), [false, true, false, false]);
    }

    #[test]
    fn who_waits_when_it_breaks_waits_once() {
        let mut asks = Asks::default();
        assert!(!asks.resumed());
        assert!(asks.sent(SPLICE_ASK_BYTES));
        assert!(!asks.resumed());
        assert!(asks.sent(SPLICE_ASK_BYTES));
        asks.ask();
        asks.ask();
        assert!(asks.resumed());
        assert!(!asks.answered());
        assert!(!asks.resumed());
    }
}
