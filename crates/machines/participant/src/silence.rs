//! The longest time in which nothing was heard at all.

use crate::Time;

/// From one moment to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    pub from: Time,
    pub to: Time,
}

impl Gap {
    pub fn length(&self) -> Time {
        self.to.saturating_sub(self.from)
    }
}

/// Since the join, whether the stream stood or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Silence {
    last: Option<Time>,
    longest: Gap,
}

impl Silence {
    pub(crate) fn begin(&mut self, now: Time) {
        self.last = Some(now);
    }

    pub(crate) fn hear(&mut self, now: Time) {
        let Some(last) = self.last else { return };
        let gap = Gap { from: last, to: now };
        if gap.length() > self.longest.length() {
            self.longest = gap;
        }
        self.last = Some(now);
    }

    /// `now` ends the present one.
    pub(crate) fn longest(&self, now: Time) -> Gap {
        let mut ended = self.clone();
        ended.hear(now);
        ended.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_the_join_and_the_last_one_counts() {
        let at = Time::from_secs;
        let mut silence = Silence::default();
        silence.hear(at(9));
        assert_eq!(silence.longest(at(20)).length(), at(0));
        silence.begin(at(20));
        silence.hear(at(23));
        silence.hear(at(24));
        assert_eq!(silence.longest(at(25)), Gap { from: at(20), to: at(23) });
        assert_eq!(silence.longest(at(30)), Gap { from: at(24), to: at(30) });
    }
}
