//! One request, with its repetitions.

use super::Output;
use crate::Time;
use crate::failure::Closing;
use crate::limits::{BOSH_BACKOFF_EXPONENT, BOSH_RETRIES_MAX};

#[derive(Clone, Debug)]
pub(super) struct Post {
    rid: u64,
    body: String,
    /// so often, one that is still to come included
    sends: u32,
    state: State,
    /// a later one was answered before it
    suspected: Option<Time>,
    failure: Option<Closing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// or it was never sent
    Failed,
    Again {
        at: Time,
    },
    Sent {
        at: Time,
    },
}

impl Post {
    pub(super) fn new(rid: u64, body: String) -> Self {
        Self { rid, body, sends: 0, state: State::Failed, suspected: None, failure: None }
    }

    pub(super) fn rid(&self) -> u64 {
        self.rid
    }

    pub(super) fn failure(&self) -> Option<Closing> {
        self.failure.clone()
    }

    /// Once, and again at once; then 8 and 27 seconds later.
    pub(super) fn send(&mut self, now: Time, wait: Time) -> Option<Output> {
        let before = self.sends;
        self.sends += 1;
        self.suspected = None;
        if before > 1 {
            let backoff = Time::from_secs(u64::from(before).pow(BOSH_BACKOFF_EXPONENT));
            self.state = State::Again { at: now + backoff.min(patience(wait)) };
            return None;
        }
        Some(self.put(now))
    }

    /// What was to be sent again by now.
    pub(super) fn due(&mut self, now: Time) -> Option<Output> {
        self.again_at().filter(|at| *at <= now).map(|_| self.put(now))
    }

    pub(super) fn again_at(&self) -> Option<Time> {
        match self.state {
            State::Again { at } => Some(at),
            State::Sent { .. } | State::Failed => None,
        }
    }

    pub(super) fn awaited(&self) -> Option<u64> {
        matches!(self.state, State::Sent { .. }).then_some(self.rid)
    }

    pub(super) fn is_awaited(&self, rid: u64) -> bool {
        self.awaited() == Some(rid)
    }

    pub(super) fn fail(&mut self, why: Closing) {
        self.state = State::Failed;
        self.failure = Some(why);
    }

    pub(super) fn suspect(&mut self, now: Time) {
        self.suspected.get_or_insert(now);
    }

    /// There is no repetition after this one.
    pub(super) fn is_last(&self) -> bool {
        self.sends > BOSH_RETRIES_MAX
    }

    /// When an answer is overdue.
    pub(super) fn deadline(&self, wait: Time) -> Option<Time> {
        match self.state {
            State::Sent { at } => Some(at + patience(wait)),
            State::Again { .. } | State::Failed => None,
        }
    }

    pub(super) fn is_overdue(&self, now: Time, wait: Time) -> bool {
        self.deadline(wait).is_some_and(|at| at <= now)
    }

    /// It is to be sent again: it failed, the answer is overdue, or a later request was answered a while ago.
    pub(super) fn is_lost(&self, now: Time, wait: Time) -> bool {
        let suspected = self.suspected.is_some_and(|since| since + short_patience(wait) <= now);
        self.state == State::Failed || self.is_overdue(now, wait) || suspected
    }

    fn put(&mut self, now: Time) -> Output {
        self.state = State::Sent { at: now };
        Output::Post { rid: self.rid, body: self.body.clone() }
    }
}

/// COMPAT: whole seconds of 1.1 times the wait, and of a tenth of it.
fn patience(wait: Time) -> Time {
    Time::from_secs(wait.as_secs() * 11 / 10)
}

fn short_patience(wait: Time) -> Time {
    Time::from_secs(wait.as_secs() / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn it_is_repeated_at_once_and_then_later_and_later() {
        let (mut post, wait) = (Post::new(7, "b".to_owned()), at(60));
        let sent = Some(Output::Post { rid: 7, body: "b".to_owned() });
        assert_eq!((post.send(at(0), wait), post.send(at(1), wait)), (sent.clone(), sent.clone()));
        assert_eq!((post.send(at(2), wait), post.again_at(), post.awaited()), (None, Some(at(10)), None));
        assert_eq!((post.due(at(9)), post.due(at(10)), post.is_last()), (None, sent.clone(), false));
        assert_eq!((post.send(at(11), wait), post.again_at(), post.is_last()), (None, Some(at(38)), true));
        assert_eq!((post.due(at(38)), post.awaited()), (sent, Some(7)));
    }

    #[test]
    fn it_is_lost_when_it_is_overdue_or_was_overtaken() {
        let (mut post, wait) = (Post::new(7, "b".to_owned()), at(60));
        post.send(at(0), wait);
        assert!(!post.is_lost(at(65), wait) && post.is_lost(at(66), wait));
        post.suspect(at(10));
        post.suspect(at(12));
        assert!(!post.is_lost(at(15), wait) && post.is_lost(at(16), wait), "the first suspicion counts");
        post.fail(Closing::Broken);
        assert!(post.is_lost(at(11), wait) && post.awaited().is_none());
    }
}
