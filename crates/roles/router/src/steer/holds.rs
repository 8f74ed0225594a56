//! What the sockets of each meeting hang on.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

/// By meeting.
#[derive(Debug, Default)]
pub(crate) struct Holds(BTreeMap<String, Hold>);

#[derive(Debug)]
struct Hold {
    shard: String,
    cut: CancellationToken,
    holders: usize,
}

impl Holds {
    /// One socket more of a meeting that is with `shard` now: it is to be dropped when this is cancelled.
    pub(crate) fn hold(&mut self, meeting: String, shard: &str) -> CancellationToken {
        let hold = self.0.entry(meeting).or_insert_with(|| Hold {
            shard: shard.to_owned(),
            cut: CancellationToken::new(),
            holders: 0,
        });
        if hold.shard != shard || hold.cut.is_cancelled() {
            hold.cut.cancel();
            hold.cut = CancellationToken::new();
            shard.clone_into(&mut hold.shard);
        }
        hold.holders += 1;
        hold.cut.clone()
    }

    /// One socket less; gives whether there was one.
    pub(crate) fn left(&mut self, meeting: &str) -> bool {
        let Some(hold) = self.0.get_mut(meeting) else { return false };
        hold.holders -= 1;
        if hold.holders == 0 {
            self.0.remove(meeting);
        }
        true
    }

    /// The meeting is elsewhere.
    pub(crate) fn cut(&self, meeting: &str) {
        if let Some(hold) = self.0.get(meeting) {
            hold.cut.cancel();
        }
    }

    /// The shard has nothing any more.
    pub(crate) fn down(&self, shard: &str) {
        self.0.values().filter(|hold| hold.shard == shard).for_each(|hold| hold.cut.cancel());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_to_a_former_or_dead_shard_are_cut() {
        let mut holds = Holds::default();
        let (old, quiet) = (holds.hold("m".to_owned(), "a"), holds.hold("q".to_owned(), "b"));
        let new = holds.hold("m".to_owned(), "b");
        assert!(old.is_cancelled() && !new.is_cancelled());
        holds.cut("m");
        assert!(new.is_cancelled() && !quiet.is_cancelled());
        let again = holds.hold("m".to_owned(), "b");
        holds.down("a");
        assert!(!again.is_cancelled());
        holds.down("b");
        assert!(again.is_cancelled() && quiet.is_cancelled());
        assert!((0..3).all(|_| holds.left("m")) && !holds.left("m"));
    }
}
