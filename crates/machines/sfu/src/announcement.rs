//! The height that a sender was told of one of its sources.
//!
//! More is told at once, nothing only after a while. COMPAT: lib-jitsi-meet applies heights to its media sessions
//! asynchronously, and where a 0 is taken back while two clients turn to a direct session, its encodings for the bridge
//! may stay off for good. Meetings begin like that: nobody wants a source before the others' channels are open.

use std::time::Instant;

use crate::limits::UNWANTED_PATIENCE;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Announcement {
    told: Option<i32>,
    unwanted_since: Option<Instant>,
}

/// What follows from the height that is wanted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    None,
    /// ask again later
    Pending,
    Tell(i32),
}

impl Announcement {
    /// The height that was told last; `None`: the sender still sends what it likes.
    pub(crate) fn told(&self) -> Option<i32> {
        self.told
    }

    /// `height` is the greatest that anybody wants, 0 for none and -1 for no limit.
    pub(crate) fn want(&mut self, height: i32, now: Instant) -> News {
        if height != 0 {
            self.unwanted_since = None;
        }
        if self.told == Some(height) {
            return News::None;
        }
        if height == 0 {
            let since = *self.unwanted_since.get_or_insert(now);
            if now.saturating_duration_since(since) < UNWANTED_PATIENCE {
                return News::Pending;
            }
        }
        self.told = Some(height);
        News::Tell(height)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

    use std::time::Duration;

    use super::*;

    /// Each step: milliseconds since the start, the height wanted, what follows.
    fn check(steps: &[(u64, i32, News)]) {
        let start = Instant::now();
        let mut announcement = Announcement::default();
        for (at, height, news) in steps {
            let now = start + Duration::from_millis(*at);
            assert_eq!(announcement.want(*height, now), *news, "{height} at {at} ms");
        }
    }

    const PATIENCE: u64 = UNWANTED_PATIENCE.as_millis() as u64;

    #[test]
    fn what_is_wanted_is_told_at_once_and_once() {
        check(&[
            (0, 720, News::Tell(720)),
            (1, 720, News::None),
            (2, 180, News::Tell(180)),
            (3, -1, News::Tell(-1)),
        ]);
    }

    #[test]
    fn nothing_is_told_after_a_while() {
        check(&[
            (0, 0, News::Pending),
            (PATIENCE - 1, 0, News::Pending),
            (PATIENCE, 0, News::Tell(0)),
            (PATIENCE + 1, 0, News::None),
        ]);
    }

    #[test]
    fn who_is_wanted_in_between_is_told_no_zero() {
        check(&[
            (0, 360, News::Tell(360)),
            (10, 0, News::Pending),
            (20, 360, News::None),
            (PATIENCE, 0, News::Pending),
            (PATIENCE * 2, 0, News::Tell(0)),
        ]);
    }
}
