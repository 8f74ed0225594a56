//! What goes wrong, done: processes die and are stopped, the network parts, the engine is away.

use super::{Blow, Due, Running, World, fresh};
use crate::fact::{Breach, Fact};
use crate::node::{Event, Micros, Node, Question, SECOND};

/// After a disturbance is over, until everybody has noticed.
const AFTERMATH: Micros = 12 * SECOND;

impl World {
    pub(super) fn begin(&mut self, node: Node) {
        let Some(process) = self.processes.get(&node) else { return };
        let life = process.life;
        self.put(self.now, Due::Event { to: node, life, event: Event::Started });
        if matches!(node, Node::Router(_) | Node::Shard(_)) {
            self.brief(node);
        }
    }

    pub(super) fn strike(&mut self, blow: Blow) -> Result<(), Breach> {
        self.fact(&Fact::Note(format!("!! {blow:?}")))?;
        match blow {
            Blow::Kill(node, after) => self.kill(node, after),
            Blow::Pause(node, after) => {
                let Some(process) = self.processes.get_mut(&node) else { return Ok(()) };
                if process.running == Running::Up {
                    process.running = Running::Paused;
                    self.check.counts.pauses += 1;
                    self.troubled(after, Due::Resume(node));
                }
            }
            Blow::Part(pairs, after) => {
                let new: Vec<_> = pairs.into_iter().filter(|pair| self.parted.insert(*pair)).collect();
                if !new.is_empty() {
                    self.check.counts.partitions += 1;
                    self.troubled(after, Due::Heal(new));
                }
            }
            Blow::Engine(trouble, after) => {
                self.engine_trouble = trouble;
                self.engine_back = self.engine_back.max(self.now + after);
                self.check.counts.outages += 1;
                self.disturbed(after);
            }
            Blow::Flaky(after) => {
                self.flaky_until = self.flaky_until.max(self.now + after);
                self.disturbed(after);
            }
            Blow::Clock(node, by) => {
                if let Some(process) = self.processes.get_mut(&node) {
                    process.clock_ms += by;
                }
            }
            Blow::Drain(node) => {
                let ask = self.next_id;
                self.next_id += 1;
                self.disturbed(SECOND);
                self.ask(Node::Engine, node, ask, Question::Drain);
            }
        }
        Ok(())
    }

    fn kill(&mut self, node: Node, after: Micros) {
        let Some(process) = self.processes.get_mut(&node) else { return };
        if process.running == Running::Dead {
            return;
        }
        process.running = Running::Dead;
        process.life += 1;
        process.missed.clear();
        self.check.counts.kills += 1;
        self.hang_up_all(node);
        self.troubled(after, Due::Revive(node));
    }

    pub(super) fn revive(&mut self, node: Node) {
        let Some(process) = self.processes.get_mut(&node) else { return };
        (process.actor, process.running) = (fresh(node), Running::Up);
        self.begin(node);
    }

    /// It finds everything that has happened meanwhile, at once.
    pub(super) fn resume(&mut self, node: Node) -> Result<(), Breach> {
        let Some(process) = self.processes.get_mut(&node) else { return Ok(()) };
        if process.running != Running::Paused {
            return Ok(());
        }
        process.running = Running::Up;
        let missed = std::mem::take(&mut process.missed);
        missed.into_iter().try_for_each(|event| self.deliver(node, event))
    }

    pub(super) fn heal(&mut self, pairs: &[(Node, Node)]) {
        for (from, to) in pairs {
            self.parted.remove(&(*from, *to));
            self.unblock(*from, *to);
            if *from == Node::Engine {
                self.brief(*to);
            }
        }
    }

    /// Something is wrong until `cure` is due.
    fn troubled(&mut self, after: Micros, cure: Due) {
        self.put(self.now + after, cure);
        self.disturbed(after);
    }

    fn disturbed(&mut self, after: Micros) {
        self.troubles += 1;
        self.calm_since = None;
        self.put(self.now + after + AFTERMATH, Due::Settled);
    }

    pub(super) fn settled(&mut self) {
        self.troubles -= 1;
        if self.troubles == 0 {
            self.calm_since = Some(self.now);
        }
    }
}
