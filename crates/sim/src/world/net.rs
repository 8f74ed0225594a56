//! The network: connections that keep order, requests that are answered once or never, the way to the engine and back.

use super::{Actor, Due, Running, Trouble, World};
use crate::engine::unavailable;
use crate::fact::Breach;
use crate::limits::ENGINE_TIME;
use crate::mutation::Mutation;
use crate::node::{
    Act, Answer, Ask, Event, Hello, Item, MS, Micros, News, Node, Question, Reply, Request, Wire,
};

/// A connection: who has it, and when the last thing on it arrives there.
#[derive(Debug)]
pub(super) struct Link {
    ends: [(Node, Micros); 2],
    /// one end has hung up: nothing more comes from it
    hung_up: [bool; 2],
    /// what a partition keeps, in order
    kept: Vec<(Node, Event)>,
}

/// A request to the engine that was not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    life: u64,
    request: Request,
}

impl World {
    fn latency(&mut self) -> Micros {
        MS / 10 + self.chance.below(2 * MS)
    }

    fn is_dead(&self, node: Node) -> bool {
        self.processes.get(&node).is_none_or(|process| process.running == Running::Dead)
    }

    fn is_parted(&self, from: Node, to: Node) -> bool {
        self.parted.contains(&(from, to))
    }

    pub(super) fn open(&mut self, by: Node, to: Node, wire: Wire, hello: Hello) {
        let link = Link { ends: [(by, 0), (to, 0)], hung_up: [false; 2], kept: Vec::new() };
        self.links.insert(wire, link);
        if self.is_dead(to) {
            self.over(wire, to, by, Event::Broken { wire });
        } else {
            self.over(wire, by, to, Event::Opened { wire, hello });
        }
    }

    pub(super) fn send(&mut self, by: Node, wire: Wire, item: Item) {
        let Some(link) = self.links.get(&wire) else { return };
        let Some(side) = link.ends.iter().position(|(node, _)| *node == by) else { return };
        let to = link.ends[1 - side].0;
        for item in self.mutated(to, item) {
            self.over(wire, by, to, Event::Said { wire, item });
        }
    }

    /// What a broken world makes of it.
    fn mutated(&self, to: Node, item: Item) -> Vec<Item> {
        let (Some(mutation), Item::Text(text)) = (self.mutation, &item) else {
            return vec![item];
        };
        match mutation {
            Mutation::NothingTold if text.starts_with("<resume ") => {
                vec![Item::Text(text.replace(" told=", " nothing="))]
            }
            _ if !matches!(to, Node::Client(_)) => vec![item],
            Mutation::DoubledLines if text.contains("<body") => vec![item.clone(), item],
            Mutation::DoubledOffers if text.contains("session-initiate") => vec![item.clone(), item],
            Mutation::HiddenPresence if text.starts_with("<presence") && !text.contains("/focus") => {
                Vec::new()
            }
            Mutation::CountersBack if text.starts_with("<a ") => {
                let text = text.replace("h='", "h='-").replace("h=\"", "h=\"-");
                vec![Item::Text(text)]
            }
            _ => vec![item],
        }
    }

    pub(super) fn hang_up(&mut self, by: Node, wire: Wire) {
        let Some(link) = self.links.get_mut(&wire) else { return };
        let Some(side) = link.ends.iter().position(|(node, _)| *node == by) else { return };
        if !link.hung_up[side] {
            link.hung_up[side] = true;
            let to = link.ends[1 - side].0;
            self.over(wire, by, to, Event::Broken { wire });
        }
    }

    /// The kernel does so for a process that died.
    pub(super) fn hang_up_all(&mut self, node: Node) {
        let of = self.links.iter().filter(|(_, link)| link.ends.iter().any(|(end, _)| *end == node));
        for wire in of.map(|(wire, _)| *wire).collect::<Vec<_>>() {
            self.hang_up(node, wire);
        }
    }

    fn over(&mut self, wire: Wire, from: Node, to: Node, event: Event) {
        let latency = self.latency();
        let is_parted = self.is_parted(from, to);
        let Some(link) = self.links.get_mut(&wire) else { return };
        if is_parted {
            link.kept.push((to, event));
            return;
        }
        let Some(end) = link.ends.iter_mut().find(|(node, _)| *node == to) else { return };
        end.1 = (self.now + latency).max(end.1);
        let at = end.1;
        self.put(at, Due::Arrive { wire, to, event });
    }

    pub(super) fn arrive(&mut self, wire: Wire, to: Node, event: Event) -> Result<(), Breach> {
        let Some(link) = self.links.get(&wire) else { return Ok(()) };
        let Some(side) = link.ends.iter().position(|(node, _)| *node == to) else { return Ok(()) };
        if link.hung_up[side] {
            return Ok(());
        }
        let from = link.ends[1 - side].0;
        match event {
            Event::Broken { .. } => drop(self.links.remove(&wire)),
            // it began anew and knows nothing of it, or has died meanwhile
            Event::Opened { .. } if self.is_dead(to) => {
                self.over(wire, to, from, Event::Broken { wire });
                return Ok(());
            }
            _ => {}
        }
        self.deliver(to, event)
    }

    /// What was kept back goes on its way.
    pub(super) fn unblock(&mut self, from: Node, to: Node) {
        let mut freed = Vec::new();
        for (wire, link) in &mut self.links {
            if link.ends.iter().all(|(node, _)| *node == from || *node == to) {
                let (free, kept) =
                    std::mem::take(&mut link.kept).into_iter().partition(|(node, _)| *node == to);
                link.kept = kept;
                let free: Vec<(Node, Event)> = free;
                freed.extend(free.into_iter().map(|(_, event)| (*wire, event)));
            }
        }
        for (wire, event) in freed {
            self.over(wire, from, to, event);
        }
    }

    pub(super) fn ask(&mut self, by: Node, to: Node, ask: Ask, question: Question) {
        if self.is_parted(by, to) {
            return;
        }
        if self.is_dead(to) {
            return self.reply(to, by, ask, Reply::Refused);
        }
        self.event(to, Event::Asked { ask, by, question });
    }

    pub(super) fn reply(&mut self, by: Node, to: Node, ask: Ask, reply: Reply) {
        if !self.is_parted(by, to) {
            self.event(to, Event::Replied { ask, reply });
        }
    }

    fn event(&mut self, to: Node, event: Event) {
        let Some(life) = self.processes.get(&to).map(|process| process.life) else { return };
        let at = self.now + self.latency();
        self.put(at, Due::Event { to, life, event });
    }

    pub(super) fn request(&mut self, by: Node, ask: Ask, request: Request) {
        let life = self.processes.get(&by).map_or(0, |process| process.life);
        self.pending.insert(ask, Pending { life, request: request.clone() });
        let timeout = self.now + ENGINE_TIME;
        self.put(timeout, Due::Answer { by, ask, answer: None });
        let is_flaky = self.now < self.flaky_until;
        if self.is_parted(by, Node::Engine) || is_flaky && self.chance.once_in(8) {
            return;
        }
        let mut at = self.now + self.latency();
        if is_flaky && self.chance.once_in(4) {
            // perhaps so late that nobody waits any more
            at += self.chance.below(2 * ENGINE_TIME);
        }
        if is_flaky && self.chance.once_in(6) {
            let again = at + self.latency();
            self.put(again, Due::Engine { by, ask, request: request.clone() });
        }
        self.put(at, Due::Engine { by, ask, request });
    }

    pub(super) fn engine_hears(&mut self, by: Node, ask: Ask, request: Request) -> Result<(), Breach> {
        if self.is_parted(by, Node::Engine) {
            return Ok(());
        }
        if self.now < self.engine_back {
            match self.engine_trouble {
                Trouble::Leaderless if !request.writes() => {}
                Trouble::Leaderless | Trouble::Away => return Ok(()),
                Trouble::Frozen => {
                    self.put(self.engine_back, Due::Engine { by, ask, request });
                    return Ok(());
                }
            }
        }
        let outcome = self.engine.execute(by, request);
        let is_flaky = self.now < self.flaky_until;
        if !(is_flaky && self.chance.once_in(8)) {
            let at = self.now + self.latency();
            self.put(at, Due::Answer { by, ask, answer: Some(outcome.answer) });
        }
        if let Some(news) = outcome.news {
            self.broadcast(&news);
        }
        outcome.fact.map_or(Ok(()), |fact| self.act(by, Act::Fact(fact)))
    }

    pub(super) fn engine_answers(
        &mut self,
        by: Node,
        ask: Ask,
        answer: Option<Answer>,
    ) -> Result<(), Breach> {
        if answer.is_some() && self.is_parted(Node::Engine, by) {
            return Ok(());
        }
        let Some(Pending { life, request }) = self.pending.remove(&ask) else { return Ok(()) };
        let answer = answer.unwrap_or_else(|| unavailable(&request));
        if self.processes.get(&by).is_some_and(|process| process.life == life) {
            return self.deliver(by, Event::Answered { ask, answer });
        }
        Ok(())
    }

    fn listeners(&self) -> Vec<Node> {
        let listens = |actor: &Actor| matches!(actor, Actor::Router(_) | Actor::Shard(_));
        self.processes.iter().filter(|(_, process)| listens(&process.actor)).map(|(node, _)| *node).collect()
    }

    fn broadcast(&mut self, news: &News) {
        for node in self.listeners() {
            if !self.is_parted(Node::Engine, node) {
                self.event(node, Event::Heard(news.clone()));
            }
        }
    }

    /// All there is to know, for one who was away.
    pub(super) fn brief(&mut self, node: Node) {
        let rooms: Vec<String> = super::ROOMS.iter().map(|room| (*room).to_owned()).collect();
        let mut news = self.engine.places(&rooms);
        news.push(News::Nodes(self.engine.nodes()));
        for news in news {
            self.event(node, Event::Heard(news));
        }
    }
}
