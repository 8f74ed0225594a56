//! The cluster, its network and its time: one queue of events, taken in the order of their times.

mod faults;
mod net;
mod plan;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::bridge::Bridge;
use crate::chance::Chance;
use crate::check::{Check, digest};
use crate::client::Client;
use crate::engine::Engine;
use crate::fact::{Breach, Fact};
use crate::limits::EVENTS_SHOWN;
use crate::mutation::Mutation;
use crate::node::{Act, Ask, Cx, Event, MS, Micros, Node, Wire};
use crate::report::{Failure, Outcome};
use crate::router::Router;
use crate::shard::Shard;
use net::{Link, Pending};
use plan::{Blow, END, ROOMS, SIZE, Trouble};

#[derive(Debug)]
enum Actor {
    Client(Box<Client>),
    Router(Box<Router>),
    Shard(Box<Shard>),
    Bridge(Box<Bridge>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Running {
    Up,
    Paused,
    Dead,
}

#[derive(Debug)]
struct Process {
    actor: Actor,
    running: Running,
    /// tells one life from the next
    life: u64,
    chance: Chance,
    clock_ms: i64,
    /// what it will find when it goes on
    missed: Vec<Event>,
}

/// What is due.
#[derive(Debug)]
enum Due {
    Event {
        to: Node,
        life: u64,
        event: Event,
    },
    /// over a connection, in its direction
    Arrive {
        wire: Wire,
        to: Node,
        event: Event,
    },
    /// a request reaches the engine
    Engine {
        by: Node,
        ask: Ask,
        request: crate::node::Request,
    },
    /// an answer of the engine, or none, reaches who asked
    Answer {
        by: Node,
        ask: Ask,
        answer: Option<crate::node::Answer>,
    },
    Blow(Blow),
    Revive(Node),
    Resume(Node),
    Heal(Vec<(Node, Node)>),
    Settled,
}

#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    mutation: Option<Mutation>,
    now: Micros,
    step: u64,
    order: u64,
    queue: BTreeMap<(Micros, u64), Due>,
    processes: BTreeMap<Node, Process>,
    engine: Engine,
    engine_back: Micros,
    /// until then
    engine_trouble: Trouble,
    flaky_until: Micros,
    links: BTreeMap<Wire, Link>,
    /// nothing passes from the first to the second
    parted: BTreeSet<(Node, Node)>,
    pending: BTreeMap<Ask, Pending>,
    /// disturbances that are not over
    troubles: u64,
    calm_since: Option<Micros>,
    chance: Chance,
    next_id: u64,
    check: Check,
    trace: u64,
    last: VecDeque<String>,
    /// so many of the last events
    shown: usize,
}

impl World {
    pub(crate) fn new(seed: u64, mutation: Option<Mutation>, calm: bool) -> Self {
        let mut chance = Chance::new(seed);
        let mut plan = chance.fork();
        let engine = Engine::new(mutation == Some(Mutation::NoFence));
        let mut world = Self {
            seed,
            mutation,
            now: 0,
            step: 0,
            order: 0,
            queue: BTreeMap::new(),
            processes: BTreeMap::new(),
            engine,
            engine_back: 0,
            engine_trouble: Trouble::Away,
            flaky_until: 0,
            links: BTreeMap::new(),
            parted: BTreeSet::new(),
            pending: BTreeMap::new(),
            troubles: 0,
            calm_since: Some(0),
            chance,
            next_id: 0,
            check: Check::default(),
            trace: 0,
            last: VecDeque::new(),
            shown: EVENTS_SHOWN,
        };
        world.populate(&mut plan);
        let blows = match mutation {
            _ if calm => Vec::new(),
            Some(Mutation::EarlyPromises | Mutation::NothingTold) => plan::trap(SIZE),
            _ => plan::blows(&mut plan, SIZE),
        };
        for (at, blow) in blows {
            world.put(at, Due::Blow(blow));
        }
        world
    }

    /// A failure shows so many events.
    pub(crate) fn showing(self, events: usize) -> Self {
        Self { shown: events.max(1), ..self }
    }

    fn populate(&mut self, plan: &mut Chance) {
        let routers: Vec<_> = (0..SIZE.routers).map(Node::Router).collect();
        let nodes = (0..SIZE.shards).map(Node::Shard).chain(routers.iter().copied());
        for node in nodes.chain((0..SIZE.bridges).map(Node::Bridge)) {
            self.spawn(node, fresh(node));
        }
        for (n, intent) in plan::intents(plan, SIZE).into_iter().enumerate() {
            let client = Client::new(n, intent, routers.clone());
            self.spawn(Node::Client(n), Actor::Client(Box::new(client)));
        }
    }

    fn spawn(&mut self, node: Node, actor: Actor) {
        let chance = self.chance.fork();
        let process =
            Process { actor, running: Running::Up, life: 0, chance, clock_ms: 0, missed: Vec::new() };
        self.processes.insert(node, process);
        self.begin(node);
    }

    fn put(&mut self, at: Micros, due: Due) {
        self.order += 1;
        self.queue.insert((at, self.order), due);
    }

    /// To the end, or to the first breach.
    pub(crate) fn run(mut self) -> Outcome {
        let mut found = None;
        while found.is_none() {
            let Some(((at, _), due)) = self.queue.pop_first() else { break };
            if at > END {
                break;
            }
            (self.now, self.step) = (at, self.step + 1);
            found = self.take(due).err();
        }
        let found = found.or_else(|| self.finish().err());
        let mut counts = self.check.counts;
        (counts.steps, counts.micros) = (self.step, self.now);
        let failure = found.map(|breach| Failure {
            seed: self.seed,
            breach,
            step: self.step,
            at: self.now,
            last: self.last.into(),
        });
        Outcome { counts, trace: self.trace, failure }
    }

    fn finish(&self) -> Result<(), Breach> {
        let clients = self.processes.values().filter_map(|process| match &process.actor {
            Actor::Client(client) => Some(&**client),
            _ => None,
        });
        let clients: Vec<_> = clients.collect();
        let opinions = ROOMS.iter().map(|room| {
            let routers = self.processes.values().filter_map(|process| match &process.actor {
                Actor::Router(router) => Some(router.place(room)),
                _ => None,
            });
            (*room, self.engine.place(room), routers.collect())
        });
        self.check.finish(&clients, opinions)
    }

    fn take(&mut self, due: Due) -> Result<(), Breach> {
        match due {
            Due::Event { to, life, event } => {
                if self.processes.get(&to).is_some_and(|process| process.life == life) {
                    return self.deliver(to, event);
                }
                Ok(())
            }
            Due::Arrive { wire, to, event } => self.arrive(wire, to, event),
            Due::Engine { by, ask, request } => self.engine_hears(by, ask, request),
            Due::Answer { by, ask, answer } => self.engine_answers(by, ask, answer),
            Due::Blow(blow) => self.strike(blow),
            Due::Revive(node) => {
                self.revive(node);
                Ok(())
            }
            Due::Resume(node) => self.resume(node),
            Due::Heal(pairs) => {
                self.heal(&pairs);
                Ok(())
            }
            Due::Settled => {
                self.settled();
                Ok(())
            }
        }
    }

    fn deliver(&mut self, to: Node, event: Event) -> Result<(), Breach> {
        let Some(process) = self.processes.get_mut(&to) else { return Ok(()) };
        match process.running {
            Running::Dead => return Ok(()),
            Running::Paused => {
                process.missed.push(event);
                return Ok(());
            }
            Running::Up => {}
        }
        let worth_it = !matches!(event, Event::Timer(_));
        let line = format!("{:>9} {to} < {event:?}", self.now / MS);
        self.trace = self.trace.rotate_left(5) ^ digest(line.as_bytes());
        if worth_it {
            self.show(line);
        }
        let mut acts = Vec::new();
        let Some(process) = self.processes.get_mut(&to) else { return Ok(()) };
        let wall = 1_700_000_000_000 + i64::try_from(self.now / MS).unwrap_or_default() + process.clock_ms;
        let mut cx = Cx {
            me: to,
            now: self.now,
            wall_ms: u64::try_from(wall).unwrap_or_default(),
            mutation: self.mutation,
            chance: &mut process.chance,
            next_id: &mut self.next_id,
            acts: &mut acts,
        };
        match &mut process.actor {
            Actor::Client(client) => client.handle(&mut cx, event),
            Actor::Router(router) => router.handle(&mut cx, event),
            Actor::Shard(shard) => shard.handle(&mut cx, event),
            Actor::Bridge(bridge) => bridge.handle(&mut cx, event),
        }
        acts.into_iter().try_for_each(|act| self.act(to, act))
    }

    fn act(&mut self, by: Node, act: Act) -> Result<(), Breach> {
        match act {
            Act::Fact(fact) => return self.fact(&fact),
            Act::Timer { after, key } => {
                let life = self.processes.get(&by).map_or(0, |process| process.life);
                self.put(self.now + after, Due::Event { to: by, life, event: Event::Timer(key) });
            }
            Act::Open { to, wire, hello } => self.open(by, to, wire, hello),
            Act::Send { wire, item } => self.send(by, wire, item),
            Act::Drop { wire } => self.hang_up(by, wire),
            Act::Ask { to, ask, question } => self.ask(by, to, ask, question),
            Act::Reply { to, ask, reply } => self.reply(by, to, ask, reply),
            Act::Request { ask, request } => self.request(by, ask, request),
        }
        Ok(())
    }

    fn fact(&mut self, fact: &Fact) -> Result<(), Breach> {
        self.show(format!("{:>9}   {fact:?}", self.now / MS));
        self.check.see(fact, self.now, self.calm_since)
    }

    fn show(&mut self, line: String) {
        if self.last.len() == self.shown {
            self.last.pop_front();
        }
        self.last.push_back(line.chars().take(400).collect());
    }
}

fn fresh(node: Node) -> Actor {
    match node {
        Node::Router(_) => Actor::Router(Box::new(Router::new(node))),
        Node::Bridge(_) => Actor::Bridge(Box::new(Bridge::new(node, SIZE.shards))),
        // a client is never begun anew, and the engine is no process
        Node::Shard(_) | Node::Client(_) | Node::Engine => Actor::Shard(Box::new(Shard::new(node))),
    }
}
