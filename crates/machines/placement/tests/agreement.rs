//! Two routers in front of one engine: whatever is late, lost or dead, they end with one opinion.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use placement::steering::{Action, Announced, Beat, Place, Placed, Steering};

const SHARDS: [&str; 3] = ["a", "b", "c"];
const MEETINGS: [&str; 6] = ["m0", "m1", "m2", "m3", "m4", "m5"];

/// Numerical Recipes' generator: the seed is the run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % n as u64).unwrap_or(0)
    }
}

#[derive(Default)]
struct Engine {
    places: BTreeMap<String, Place>,
    revision: u64,
    is_away: bool,
}

impl Engine {
    fn place(&mut self, meeting: &str, shard: &str, expected: u64) -> Placed {
        if self.is_away {
            return Placed::Away;
        }
        let place = self.places.get(meeting);
        if place.map_or(0, |place| place.revision) != expected {
            return Placed::Lost(place.cloned());
        }
        self.revision += 1;
        self.places.insert(meeting.to_owned(), Place { shard: shard.to_owned(), revision: self.revision });
        Placed::Won(self.revision)
    }
}

struct Router {
    steering: Steering,
    /// answers under way to it
    answers: VecDeque<Answer>,
    /// by meeting: its one request
    asking: BTreeSet<String>,
    told: BTreeMap<u64, String>,
    heard: BTreeMap<String, u64>,
}

enum Answer {
    Placed(String, Placed),
    Beat(String, Beat),
}

struct World {
    chance: Chance,
    engine: Engine,
    routers: [Router; 2],
    alive: BTreeSet<&'static str>,
    now: u64,
    wants: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let router = |name: &str| Router {
            steering: Steering::new(name, None),
            answers: VecDeque::new(),
            asking: BTreeSet::new(),
            told: BTreeMap::new(),
            heard: BTreeMap::new(),
        };
        let mut world = Self {
            chance: Chance(seed),
            engine: Engine::default(),
            routers: [router("router-1"), router("router-2")],
            alive: SHARDS.into(),
            now: 0,
            wants: 0,
        };
        for r in 0..2 {
            let nodes = SHARDS.map(|id| Announced {
                id: id.to_owned(),
                region: None,
                draining: false,
                load: 0.0,
                started: 1,
            });
            world.routers[r].steering.handle_nodes(nodes, 0);
        }
        world
    }

    fn step(&mut self) {
        let r = self.chance.below(2);
        match self.chance.below(12) {
            0..3 => self.answer(r),
            3..5 => self.tell_changes(r),
            5..7 => {
                self.wants += 1;
                let meeting = MEETINGS[self.chance.below(MEETINGS.len())];
                self.routers[r].steering.handle_want(meeting, self.wants, self.now);
                self.act(r);
            }
            7..10 => {
                let ms = 1 + self.chance.below(400) as u64;
                self.pass(ms);
            }
            10 if self.chance.below(6) == 0 => self.kill_or_raise(),
            11 if self.chance.below(6) == 0 => self.engine.is_away = !self.engine.is_away,
            _ => {}
        }
    }

    fn kill_or_raise(&mut self) {
        let shard = SHARDS[self.chance.below(SHARDS.len())];
        if !self.alive.remove(shard) {
            self.alive.insert(shard);
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        for r in 0..2 {
            self.routers[r].steering.handle_timeout(self.now);
            self.act(r);
        }
    }

    /// Obeys; the engine decides at once, and its answer is under way.
    fn act(&mut self, r: usize) {
        let router = &mut self.routers[r];
        router.steering.check_invariants();
        while let Some(action) = router.steering.poll_action() {
            match action {
                Action::Probe { shard, .. } => {
                    let is_alive = self.alive.contains(shard.as_str());
                    let beat = if is_alive { Beat::Answered { draining: false } } else { Beat::Missed };
                    router.answers.push_back(Answer::Beat(shard, beat));
                }
                Action::Place { meeting, shard, expected } => {
                    assert!(router.asking.insert(meeting.clone()), "{meeting} is asked for twice at once");
                    let mut placed = self.engine.place(&meeting, &shard, expected);
                    if self.chance.below(10) == 0 {
                        // written, and the answer is lost
                        placed = Placed::Away;
                    }
                    router.answers.push_back(Answer::Placed(meeting, placed));
                }
                Action::Tell { want, shard } => {
                    assert!(router.told.insert(want, shard).is_none(), "{want} is told twice");
                }
                Action::Read { .. } | Action::Adopt { .. } | Action::Cut { .. } | Action::Down { .. } => {}
            }
        }
    }

    fn answer(&mut self, r: usize) {
        let router = &mut self.routers[r];
        let Some(answer) = router.answers.pop_front() else { return };
        match answer {
            Answer::Beat(shard, beat) => router.steering.handle_heartbeat(&shard, beat, self.now),
            Answer::Placed(meeting, placed) => {
                router.asking.remove(&meeting);
                router.steering.handle_placed(&meeting, placed, self.now);
            }
        }
        self.act(r);
    }

    fn tell_changes(&mut self, r: usize) {
        for (meeting, place) in &self.engine.places {
            let router = &mut self.routers[r];
            if router.heard.insert(meeting.clone(), place.revision) != Some(place.revision) {
                router.steering.handle_place(meeting, place.clone(), self.now);
            }
        }
        self.act(r);
    }

    /// Nothing goes wrong any more.
    fn settle(&mut self) {
        self.engine.is_away = false;
        self.alive.insert("b");
        for _ in 0..200 {
            self.pass(50);
            for r in 0..2 {
                self.tell_changes(r);
                while !self.routers[r].answers.is_empty() {
                    self.answer(r);
                }
            }
        }
    }

    fn check_agreement(&self, seed: u64) {
        for (meeting, place) in &self.engine.places {
            assert!(self.alive.contains(place.shard.as_str()), "seed {seed}: {meeting} is on a dead shard");
            for router in &self.routers {
                assert_eq!(router.steering.place(meeting), Some(place), "seed {seed}: {meeting}");
            }
        }
        let told: usize = self.routers.iter().map(|router| router.told.len()).sum();
        assert_eq!(told as u64, self.wants, "seed {seed}: somebody still waits");
    }
}

#[test]
fn two_routers_end_in_agreement() {
    for seed in 0..500 {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step();
        }
        world.settle();
        world.check_agreement(seed);
    }
}

#[test]
fn the_same_run_takes_the_same_course() {
    let run = || {
        let mut world = World::new(4_711);
        for _ in 0..1_000 {
            world.step();
        }
        (world.engine.places, world.wants, world.now)
    };
    assert_eq!(run(), run());
}
