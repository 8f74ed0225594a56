//! One shard: what its checks say, and what an operator wants of it.

use super::Rules;
use crate::limits::RECHECK_MS;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Good,
    /// it answers late, or says that it is not ready: its rooms are not thrown away for that at once
    Soft,
    /// nobody is there, or what is there is broken
    Hard,
}

/// How a shard stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// no check has come back yet
    New,
    Ready,
    /// a socket to it broke, or a check failed: the next one decides
    Doubtful,
    /// it keeps its rooms and gets no new ones: an operator wants that, or nobody lists it any more
    Draining,
    /// the same, because it is not well
    Weak,
    /// it has answered again, but not for long enough
    Recovering,
    Down,
}

/// Who gets rooms first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    Primary,
    /// while no primary can be used
    Backup,
}

/// What a configuration or a name server says of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub tier: Tier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    New,
    Up,
    Weak { since: u64, good: Option<u64> },
    Down { good: Option<Good> },
}

/// Good checks in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Good {
    since: u64,
    count: u32,
}

#[derive(Debug)]
pub(super) struct Watched {
    pub(super) tier: Tier,
    pub(super) is_listed: bool,
    pub(super) is_drained: bool,
    /// of the table
    pub(super) rooms: usize,
    health: Health,
    /// failed checks in a row, and those of them that were hard
    failed: (u32, u32),
    is_doubted: bool,
    is_checking: bool,
    check_at: u64,
}

impl Watched {
    /// One of the first list is taken for what its first check says; one that comes later has to prove itself.
    pub(super) fn new(tier: Tier, is_first: bool, rooms: usize, now: u64) -> Self {
        let health = if is_first { Health::New } else { Health::Down { good: None } };
        Self {
            tier,
            is_listed: true,
            is_drained: false,
            rooms,
            health,
            failed: (0, 0),
            is_doubted: false,
            is_checking: false,
            check_at: now,
        }
    }

    pub(super) fn standing(&self, rules: &Rules) -> Standing {
        match self.health {
            Health::New => Standing::New,
            Health::Up if self.is_doubted => Standing::Doubtful,
            Health::Up if self.is_drained || !self.is_listed => Standing::Draining,
            Health::Up => Standing::Ready,
            Health::Weak { .. } => Standing::Weak,
            Health::Down { good: Some(good) } if good.count >= rules.rise => Standing::Recovering,
            Health::Down { .. } => Standing::Down,
        }
    }

    /// The order in which shards get new rooms; `None`: it gets none.
    pub(super) fn rank(&self, rules: &Rules) -> Option<(u8, Tier)> {
        if self.is_drained || !self.is_listed {
            return None;
        }
        let health = match self.standing(rules) {
            Standing::Ready | Standing::Doubtful => 0,
            // nobody is refused for the sake of patience, where nothing better is left
            Standing::Recovering => 1,
            Standing::Weak => 2,
            Standing::New | Standing::Draining | Standing::Down => return None,
        };
        Some((health, self.tier))
    }

    /// A socket to it broke, or it refused one: it is checked now.
    pub(super) fn doubt(&mut self, now: u64) {
        if self.health == Health::Up {
            self.is_doubted = true;
            self.check_at = self.check_at.min(now);
        }
    }

    /// What a check said; gives whether it is down by that and was not.
    pub(super) fn checked(&mut self, check: Check, rules: &Rules, now: u64) -> bool {
        self.is_checking = false;
        self.check_at = now + rules.interval_ms;
        match check {
            Check::Good => {
                self.failed = (0, 0);
                self.is_doubted = false;
                self.good(rules, now);
                return false;
            }
            Check::Soft => self.failed = (self.failed.0.saturating_add(1), 0),
            Check::Hard => self.failed = (self.failed.0.saturating_add(1), self.failed.1.saturating_add(1)),
        }
        self.bad(rules, now)
    }

    fn good(&mut self, rules: &Rules, now: u64) {
        self.health = match self.health {
            Health::New | Health::Up => Health::Up,
            Health::Weak { since, good } => {
                let good = good.unwrap_or(now);
                let is_over = now.saturating_sub(good) >= rules.settle_ms;
                if is_over { Health::Up } else { Health::Weak { since, good: Some(good) } }
            }
            Health::Down { good } => {
                let Good { since, count } = good.unwrap_or(Good { since: now, count: 0 });
                let count = count.saturating_add(1);
                let is_over = count >= rules.rise && now.saturating_sub(since) >= rules.settle_ms;
                if is_over { Health::Up } else { Health::Down { good: Some(Good { since, count }) } }
            }
        };
    }

    fn bad(&mut self, rules: &Rules, now: u64) -> bool {
        let (failed, hard) = self.failed;
        let was_down = matches!(self.health, Health::Down { .. });
        self.health = match self.health {
            // it has never been seen well: there is nothing that patience would keep
            Health::New | Health::Down { .. } => Health::Down { good: None },
            Health::Up | Health::Weak { .. } if hard >= rules.fall => Health::Down { good: None },
            Health::Up if failed >= rules.fall => Health::Weak { since: now, good: None },
            Health::Up => {
                self.is_doubted = true;
                self.check_at = now + RECHECK_MS.min(rules.interval_ms);
                return false;
            }
            Health::Weak { since, .. } if now.saturating_sub(since) >= rules.grace_ms => {
                Health::Down { good: None }
            }
            Health::Weak { since, .. } => {
                if hard > 0 {
                    self.check_at = now + RECHECK_MS.min(rules.interval_ms);
                }
                Health::Weak { since, good: None }
            }
        };
        self.is_doubted = false;
        !was_down && matches!(self.health, Health::Down { .. })
    }

    /// When a check is due; `None` while one is under way.
    pub(super) fn timeout(&self) -> Option<u64> {
        (!self.is_checking).then_some(self.check_at)
    }

    /// Begins a check, if one is due.
    pub(super) fn begins(&mut self, now: u64) -> bool {
        let is_due = !self.is_checking && self.check_at <= now;
        self.is_checking |= is_due;
        is_due
    }
}
