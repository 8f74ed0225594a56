//! What goes wrong in a run, and when: drawn from the seed before it begins.

use crate::chance::Chance;
use crate::client::Intent;
use crate::node::{MS, Micros, Node, SECOND};

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
    /// nothing passes from the first to the second, for each pair
    Part(Vec<(Node, Node)>, Micros),
    Engine(Trouble, Micros),
    /// requests to it are late, doubled, heard and not answered
    Flaky(Micros),
    /// milliseconds, of the node's own clock
    Clock(Node, i64),
    Drain(Node),
}

/// What can be wrong with the whole engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// nobody hears it, and it hears nobody
    Away,
    /// it has no leader: nothing is written, but read
    Leaderless,
    /// it stands still, and then does all that it was asked to meanwhile
    Frozen,
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

/// Every shard dies while the engine is away: what shows a world in which promises are not kept.
pub(super) fn trap(size: Size) -> Vec<(Micros, Blow)> {
    let outage = (28 * SECOND, Blow::Engine(Trouble::Away, 9 * SECOND));
    let kills = (0..size.shards).map(|n| (33 * SECOND, Blow::Kill(Node::Shard(n), SECOND)));
    [outage].into_iter().chain(kills).collect()
}

/// In the order of time.
pub(super) fn blows(chance: &mut Chance, size: Size) -> Vec<(Micros, Blow)> {
    let count = chance.between(2, 7);
    let mut blows = Vec::new();
    for _ in 0..count {
        let at = chance.between(6 * SECOND, TROUBLE - 30 * SECOND);
        let blow = blow(chance, size);
        if let Blow::Engine(_, while_) = blow
            && chance.once_in(2)
        {
            // two faults at once: somebody who is unprotected dies, stands still or is cut off
            blows.push((at + chance.below(while_), shard_blow(chance, size)));
        }
        blows.push((at, blow));
    }
    blows.sort_by_key(|(at, _)| *at);
    blows
}

fn blow(chance: &mut Chance, size: Size) -> Blow {
    let shard = Node::Shard(chance.index(size.shards));
    let while_ = chance.between(SECOND / 5, 15 * SECOND);
    match chance.below(20) {
        0..6 => shard_blow(chance, size),
        6 => Blow::Kill(Node::Router(chance.index(size.routers)), while_.min(6 * SECOND)),
        7 => Blow::Kill(Node::Bridge(chance.index(size.bridges)), while_),
        8 => Blow::Pause(Node::Router(chance.index(size.routers)), while_),
        9..12 => part(chance, size, shard, while_),
        12..15 => engine(chance, while_),
        15 | 16 => Blow::Flaky(while_),
        17 => Blow::Clock(shard, i64::try_from(chance.below(7_200_000)).unwrap_or_default() - 3_600_000),
        18 => Blow::Part(both(Node::Router(0), [Node::Engine]), while_),
        _ => Blow::Drain(shard),
    }
}

fn shard_blow(chance: &mut Chance, size: Size) -> Blow {
    let shard = Node::Shard(chance.index(size.shards));
    let while_ = chance.between(SECOND / 5, 15 * SECOND);
    match chance.below(5) {
        0..3 => Blow::Kill(shard, while_),
        3 => Blow::Pause(shard, while_),
        _ => part(chance, size, shard, while_),
    }
}

/// An outage of the engine: half a second, an election, or longer than anybody goes on without it.
fn engine(chance: &mut Chance, while_: Micros) -> Blow {
    let trouble = [Trouble::Away, Trouble::Leaderless, Trouble::Frozen][chance.index(3)];
    let longest = meeting::STALL_MS_MAX * MS;
    let while_ = match chance.below(4) {
        0 => chance.between(2 * SECOND, 20 * SECOND),
        1 => chance.between(longest - SECOND, longest + 8 * SECOND),
        _ => while_,
    };
    Blow::Engine(trouble, while_)
}

/// A shard is cut off from one kind of node, from several, or in one direction.
fn part(chance: &mut Chance, size: Size, shard: Node, while_: Micros) -> Blow {
    let routers = || (0..size.routers).map(Node::Router);
    let bridges = || (0..size.bridges).map(Node::Bridge);
    let pairs = match chance.below(8) {
        0 | 1 => both(shard, [Node::Engine]),
        2 => both(shard, routers()),
        3 => both(shard, bridges()),
        4 => both(shard, [Node::Router(chance.index(size.routers))]),
        5 => both(shard, routers().chain([Node::Engine])),
        6 => routers().map(|router| (shard, router)).collect(),
        _ => vec![(shard, Node::Engine)],
    };
    Blow::Part(pairs, while_)
}

/// Both ways.
fn both(node: Node, others: impl IntoIterator<Item = Node>) -> Vec<(Node, Node)> {
    others.into_iter().flat_map(|other| [(node, other), (other, node)]).collect()
}
