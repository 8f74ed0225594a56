//! What goes wrong in a run, and when: drawn from the seed before it begins.

use crate::chance::Chance;
use crate::client::Intent;
use crate::node::{Micros, Node, SECOND};

pub(super) const ROOMS: [&str; 2] = ["alpha", "beta"];

/// Until then things go wrong; after it nothing does.
pub(super) const TROUBLE: Micros = 70 * SECOND;
/// The last line is said; whoever had to begin anew is back for long.
const LAST_LINE: Micros = TROUBLE + 130 * SECOND;
pub(super) const END: Micros = LAST_LINE + 20 * SECOND;

#[derive(Clone, Debug)]
pub(super) enum Blow {
    /// the process dies, and another begins after a while
    Kill(Node, Micros),
    /// it is stopped, and goes on after a while as if nothing had been
    Pause(Node, Micros),
    /// nothing passes between the two
    Part(Node, Node, Micros),
    /// the engine has no leader
    Outage(Micros),
    /// requests to it are late, doubled, heard and not answered
    Flaky(Micros),
    /// milliseconds, of the node's own clock
    Clock(Node, i64),
    Drain(Node),
}

/// How many there are of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) shards: usize,
    pub(crate) routers: usize,
    pub(crate) bridges: usize,
    pub(crate) clients: usize,
}

pub(crate) const SIZE: Size = Size { shards: 3, routers: 2, bridges: 2, clients: 6 };

pub(super) fn intents(chance: &mut Chance, size: Size) -> Vec<Intent> {
    let intent = |n: usize| Intent {
        room: ROOMS[n % ROOMS.len()].to_owned(),
        comes: 3 * SECOND + chance.below(20 * SECOND),
        leaves: (n > 3 && chance.once_in(3)).then(|| 30 * SECOND + chance.below(60 * SECOND)),
        pause: 4 * SECOND,
        quiet: TROUBLE + 20 * SECOND,
        last_line: LAST_LINE,
    };
    (0..size.clients).map(intent).collect()
}

/// In the order of time.
pub(super) fn blows(chance: &mut Chance, size: Size) -> Vec<(Micros, Blow)> {
    let count = chance.between(2, 7);
    let mut blows: Vec<_> = (0..count)
        .map(|_| {
            let at = chance.between(6 * SECOND, TROUBLE - 30 * SECOND);
            (at, blow(chance, size))
        })
        .collect();
    blows.sort_by_key(|(at, _)| *at);
    blows
}

fn blow(chance: &mut Chance, size: Size) -> Blow {
    let shard = Node::Shard(chance.index(size.shards));
    let while_ = chance.between(SECOND / 5, 15 * SECOND);
    match chance.below(16) {
        0..5 => Blow::Kill(shard, while_),
        5 => Blow::Kill(Node::Router(chance.index(size.routers)), while_.min(6 * SECOND)),
        6 => Blow::Kill(Node::Bridge(chance.index(size.bridges)), while_),
        7 | 8 => Blow::Pause(shard, while_),
        9 => Blow::Pause(Node::Router(chance.index(size.routers)), while_),
        10 => Blow::Part(shard, Node::Engine, while_),
        11 => Blow::Part(shard, Node::Router(chance.index(size.routers)), while_),
        12 => Blow::Outage(while_),
        13 => Blow::Flaky(while_),
        14 => Blow::Clock(shard, i64::try_from(chance.below(7_200_000)).unwrap_or_default() - 3_600_000),
        _ => match chance.below(3) {
            0 => Blow::Part(shard, Node::Bridge(chance.index(size.bridges)), while_),
            1 => Blow::Part(Node::Router(0), Node::Engine, while_),
            _ => Blow::Drain(shard),
        },
    }
}
