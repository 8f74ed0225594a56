//! Newcomers of a large meeting, one after the other.
//!
//! Whoever joins is told to everybody. Where hundreds come within seconds, a shard that is slow for it would take one join
//! after the other, and acknowledgements of what it sent behind all of them: what is kept for clients would grow until
//! somebody has to be let go. So only so many are on their way into the room at a time. Who waits has sent nothing but
//! the wish to bind, and gets its answer a little later.
//!
//! A machine beside the meeting, like [`crate::Tenure`], and no part of its state: whoever waits when the owner dies
//! connects again.

use std::collections::{BTreeSet, VecDeque};

use crate::entry::{ConnId, Input, Millis};
use crate::limits::PRESENCES_EXPECTED_MAX;

/// Whoever is let in may never join: another one is let in so long after the last, all the same.
const PAUSE_MS: Millis = 100;

/// Those who wait to be let in, in order.
#[derive(Debug, Default)]
pub struct Admission {
    waiting: VecDeque<(ConnId, Input)>,
    /// let in, and not in the room yet: each of them will be told to all
    entering: BTreeSet<ConnId>,
    /// when one is let in at the latest
    next: Millis,
}

impl Admission {
    /// A connection wants to bind, one of so many of the meeting. Gives who is let in now: nobody, where it has to wait.
    pub fn arrive(&mut self, conn: ConnId, bind: Input, connections: usize, now: Millis) -> Vec<Input> {
        if self.waiting.is_empty() {
            self.next = now.saturating_add(PAUSE_MS);
        }
        self.waiting.push_back((conn, bind));
        self.admit(connections, now)
    }

    /// A connection says something. One that waits is let in before that, because order counts.
    pub fn handle_input(&mut self, conn: ConnId, input: &Input) -> Option<Input> {
        if is_presence(input) {
            self.entering.remove(&conn);
        }
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == conn)?;
        self.waiting.remove(at).map(|(_, bind)| bind)
    }

    /// A connection is no more.
    pub fn forget(&mut self, conn: ConnId) {
        self.entering.remove(&conn);
        self.waiting.retain(|(waiting, _)| *waiting != conn);
    }

    /// Who is let in now. To be called after everything that happens, and at [`Admission::deadline`].
    pub fn admit(&mut self, connections: usize, now: Millis) -> Vec<Input> {
        let mut admitted = Vec::new();
        while !self.waiting.is_empty() && (self.is_open(connections) || self.next <= now) {
            let Some((conn, bind)) = self.waiting.pop_front() else { break };
            self.entering.insert(conn);
            self.next = now.saturating_add(PAUSE_MS);
            admitted.push(bind);
        }
        admitted
    }

    pub fn deadline(&self) -> Option<Millis> {
        (!self.waiting.is_empty()).then_some(self.next)
    }

    fn is_open(&self, connections: usize) -> bool {
        (self.entering.len() + 1) * connections <= PRESENCES_EXPECTED_MAX
    }
}

/// The first presence of a connection is its join. One written otherwise only costs others a little patience.
fn is_presence(input: &Input) -> bool {
    matches!(input, Input::Received { text, .. } if text.starts_with("<presence"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of which none is in the room yet.
    const MOST: u64 = (PRESENCES_EXPECTED_MAX / 500) as u64;

    fn bind(conn: u64) -> Input {
        Input::Bind { conn: ConnId(conn), iq_id: String::new() }
    }

    fn said(conn: u64, text: &str) -> Input {
        Input::Received { conn: ConnId(conn), text: text.to_owned() }
    }

    fn come(admission: &mut Admission, conn: u64) -> Vec<Input> {
        admission.arrive(ConnId(conn), bind(conn), 500, 1000)
    }

    /// As many as may enter have come at 1000, and three more, who wait.
    fn crowd() -> Admission {
        let mut admission = Admission::default();
        for conn in 1..=MOST {
            assert_eq!(come(&mut admission, conn), [bind(conn)]);
        }
        assert_eq!(admission.deadline(), None);
        for conn in 1..=3 {
            assert_eq!(come(&mut admission, MOST + conn), []);
        }
        admission
    }

    #[test]
    fn whoever_joins_makes_room_for_the_next() {
        let mut admission = crowd();
        assert_eq!(admission.handle_input(ConnId(1), &said(1, "<iq/>")), None);
        assert_eq!(admission.admit(500, 1000), []);
        admission.handle_input(ConnId(1), &said(1, "<presence to='room'/>"));
        assert_eq!(admission.admit(500, 1000), [bind(MOST + 1)]);
        admission.forget(ConnId(2));
        assert_eq!(admission.admit(500, 1000), [bind(MOST + 2)]);
    }

    #[test]
    fn where_nobody_joins_one_is_let_in_now_and_then() {
        let mut admission = crowd();
        assert_eq!(admission.deadline(), Some(1100));
        assert_eq!(admission.admit(500, 1099), []);
        assert_eq!(admission.admit(500, 1100), [bind(MOST + 1)]);
        assert_eq!((admission.admit(500, 1199), admission.deadline()), (vec![], Some(1200)));
        assert_eq!(admission.admit(500, 1300), [bind(MOST + 2)]);
        assert_eq!(admission.admit(300, 1300), [bind(MOST + 3)], "those who left made room");
        assert_eq!(admission.deadline(), None);
    }

    #[test]
    fn who_is_gone_is_not_let_in_and_who_goes_on_is_let_in_first() {
        let mut admission = crowd();
        admission.forget(ConnId(MOST + 1));
        let goes_on = said(MOST + 2, "<iq/>");
        assert_eq!(admission.handle_input(ConnId(MOST + 2), &goes_on), Some(bind(MOST + 2)));
        assert_eq!(admission.handle_input(ConnId(MOST + 2), &goes_on), None);
        assert_eq!(admission.admit(500, 1100), [bind(MOST + 3)]);
    }
}
