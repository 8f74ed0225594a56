//! Two routers in front of the same stock shards and one engine: whatever dies or is late, they end with one opinion,
//! and nobody who can be served is left to wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use placement::limits::{REFRESH_MS, RETRY_MS};
use placement::steering::{Place, Placed};
use placement::stock::{Action, Balancer, Check, Listed, Rules, Sharing, Tier, Use};

const SHARDS: [&str; 3] = ["a", "b", "c"];
const ROOMS: [&str; 6] = ["r0", "r1", "r2", "r3", "r4", "r5"];
const RULES: Rules = Rules { interval_ms: 1_000, fall: 2, rise: 2, settle_ms: 4_000, grace_ms: 10_000 };

/// Numerical Recipes' generator: the seed is the run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % n as u64).unwrap_or(0)
    }
}

enum News {
    Check(String),
    Placed(String, Placed),
    Heard(String, Option<Place>),
}

struct Router {
    balancer: Balancer,
    news: VecDeque<News>,
    entered: BTreeMap<&'static str, usize>,
}

struct World {
    chance: Chance,
    routers: [Router; 2],
    places: BTreeMap<String, Place>,
    revision: u64,
    is_away: bool,
    dead: BTreeSet<&'static str>,
    now: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let router = || {
            let mut balancer = Balancer::new(RULES, Sharing::Engine);
            let listed = SHARDS.map(|id| Listed { id: id.to_owned(), tier: Tier::Primary });
            balancer.handle_list(listed, 0);
            Router { balancer, news: VecDeque::new(), entered: BTreeMap::new() }
        };
        Self {
            chance: Chance(seed),
            routers: [router(), router()],
            places: BTreeMap::new(),
            revision: 0,
            is_away: false,
            dead: BTreeSet::new(),
            now: 0,
        }
    }

    /// Obeys a router; its news come later, in any order that the engine and shards could give.
    fn obey(&mut self, at: usize) {
        while let Some(action) = self.routers[at].balancer.poll_action() {
            match action {
                Action::Check { shard } => self.routers[at].news.push_back(News::Check(shard)),
                Action::Place { room, shard, expected } => {
                    let placed = self.place(&room, &shard, expected);
                    self.routers[at].news.push_back(News::Placed(room, placed));
                }
                Action::Vacate { room, expected } => self.vacate(&room, expected),
                Action::Settled { .. } | Action::Cut { .. } | Action::Down { .. } => {}
            }
            self.routers[at].balancer.check_invariants();
        }
    }

    fn place(&mut self, room: &str, shard: &str, expected: u64) -> Placed {
        if self.is_away {
            return Placed::Away;
        }
        let place = self.places.get(room);
        if place.map_or(0, |place| place.revision) != expected {
            return Placed::Lost(place.cloned());
        }
        self.revision += 1;
        let place = Place { shard: shard.to_owned(), revision: self.revision };
        self.places.insert(room.to_owned(), place.clone());
        self.tell_all(room, Some(&place));
        // the write is done, and its answer lost
        if self.chance.below(8) == 0 { Placed::Away } else { Placed::Won(place.revision) }
    }

    fn vacate(&mut self, room: &str, expected: u64) {
        if !self.is_away && self.places.get(room).is_some_and(|place| place.revision == expected) {
            self.places.remove(room);
            self.tell_all(room, None);
        }
    }

    fn tell_all(&mut self, room: &str, place: Option<&Place>) {
        for router in &mut self.routers {
            router.news.push_back(News::Heard(room.to_owned(), place.cloned()));
        }
    }

    fn deliver(&mut self, at: usize) {
        let Some(news) = self.routers[at].news.pop_front() else { return };
        let balancer = &mut self.routers[at].balancer;
        match news {
            News::Check(shard) => {
                let check = if self.dead.contains(shard.as_str()) { Check::Hard } else { Check::Good };
                balancer.handle_check(&shard, check, self.now);
            }
            News::Placed(room, placed) => balancer.handle_placed(&room, placed, self.now),
            News::Heard(room, Some(place)) => balancer.handle_place(&room, place, self.now),
            News::Heard(room, None) => balancer.handle_vacated(&room, self.now),
        }
        self.obey(at);
    }

    fn request(&mut self, at: usize, room: &'static str) -> Option<String> {
        let router = &mut self.routers[at];
        let shard = router.balancer.handle_request(room, Use::Pin, self.now);
        if shard.is_some() {
            router.balancer.handle_entered(room);
            *router.entered.entry(room).or_default() += 1;
        }
        self.obey(at);
        shard
    }

    fn leave(&mut self, at: usize, room: &'static str) {
        let router = &mut self.routers[at];
        let Some(entered) = router.entered.get_mut(room).filter(|entered| **entered > 0) else { return };
        *entered -= 1;
        router.balancer.handle_left(room, self.now);
        self.obey(at);
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        for at in 0..2 {
            self.routers[at].balancer.handle_timeout(self.now);
            self.obey(at);
        }
    }

    fn stir(&mut self) {
        let (at, room) = (self.chance.below(2), ROOMS[self.chance.below(ROOMS.len())]);
        match self.chance.below(20) {
            0..=7 => self.deliver(at),
            8..=12 => drop(self.request(at, room)),
            13..=14 => self.leave(at, room),
            15..=17 => {
                let ms = [1, 50, RETRY_MS, 1_000, REFRESH_MS][self.chance.below(5)];
                self.pass(ms);
            }
            18 => self.is_away = self.chance.below(3) == 0,
            _ => {
                let shard = SHARDS[self.chance.below(SHARDS.len())];
                if !self.dead.remove(shard) && self.dead.len() + 1 < SHARDS.len() {
                    self.dead.insert(shard);
                }
                self.routers[at].balancer.handle_doubt(shard, self.now);
                self.obey(at);
            }
        }
    }

    fn settle(&mut self) {
        self.is_away = false;
        for _ in 0..60 {
            self.pass(RETRY_MS);
            for at in 0..2 {
                while !self.routers[at].news.is_empty() {
                    self.deliver(at);
                }
            }
        }
    }
}

#[test]
fn in_the_end_all_agree_and_everybody_is_served_by_the_living() {
    for seed in 0..150 {
        let mut world = World::new(seed);
        (0..400).for_each(|_| world.stir());
        world.settle();
        for room in ROOMS {
            for at in [0, 1, 0] {
                world.request(at, room);
                world.settle();
            }
            let shards = [world.request(0, room), world.request(1, room)];
            assert!(shards[0].is_some(), "seed {seed}: nobody serves {room}");
            assert_eq!(shards[0], shards[1], "seed {seed}: {room}");
            let shard = shards[0].as_deref().unwrap_or_default();
            assert!(!world.dead.contains(shard), "seed {seed}: {room} is on the dead {shard}");
            let place = world.places.get(room).map(|place| place.shard.as_str());
            assert_eq!(place, Some(shard), "seed {seed}: the engine knows where {room} is");
        }
    }
}
