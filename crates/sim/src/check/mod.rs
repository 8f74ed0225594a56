//! The named invariants: facts come in at every step, and the first that contradicts one ends the run.
//!
//! The yardstick is a meeting of its own for each room, to which every record is applied that the engine has accepted:
//! what owners compute, and what bridges obey, is compared with that.

mod finish;
mod hear;

use std::collections::{BTreeMap, BTreeSet};

use meeting::{Effect, Entry, Meeting};

use crate::fact::{Breach, Fact, Invariant};
use crate::node::{Micros, Node, SECOND};
use crate::report::Counts;

/// A session is kept for 90 s after its connection was lost; who was heard this long ago can resume.
const RESUMABLE: Micros = 80 * SECOND;

/// So long a client may be told things twice that an owner had told it who is lost.
const CONFUSED: Micros = 90 * SECOND;

/// FNV-1a.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[derive(Debug)]
struct Log {
    reference: Meeting,
    next: u64,
    /// of the state before a position, in every life of the room
    digests: BTreeMap<u64, BTreeSet<u64>>,
    /// all that bridges were asked by committed entries
    asked: BTreeSet<String>,
    /// lines that are durable, by author and number: how often the room had been taken over when they became so
    lines: BTreeMap<(String, u64), u64>,
    takeovers: u64,
    /// who goes on without the engine
    unprotected: BTreeSet<Node>,
    /// when somebody took over who did not know all that was said
    lost: Option<Micros>,
}

#[derive(Debug, Default)]
struct Person {
    room: String,
    nick: String,
    joined: Option<u64>,
    first: Option<u64>,
    acknowledged: u64,
    heard: BTreeMap<String, u64>,
    /// lines that were not durable when they were shown
    unsure: BTreeMap<(String, u64), hear::Unsure>,
    /// times that the client took its stream up itself
    resumes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Check {
    logs: BTreeMap<String, Log>,
    people: BTreeMap<usize, Person>,
    /// counts joins
    joins: u64,
    pub(crate) counts: Counts,
}

impl Check {
    /// `calm_since`: nothing is disturbed since then.
    pub(crate) fn see(&mut self, fact: &Fact, now: Micros, calm_since: Option<Micros>) -> Result<(), Breach> {
        match fact {
            Fact::Accepted { meeting, position, records, by } => {
                self.log(meeting)
                    .accept(*position, records)
                    .map_err(|what| breach(Invariant::OneWriter, format!("{meeting}: {by} {what}")))?;
            }
            Fact::Applied { meeting, position, by, digest }
            | Fact::Rebuilt { meeting, position, by, digest } => {
                if !self.log(meeting).digests.get(position).is_some_and(|known| known.contains(digest)) {
                    let what =
                        format!("{meeting}: the state of {by} at {position} is not that of the journal");
                    return Err(breach(Invariant::ReplayIsLive, what));
                }
                if matches!(fact, Fact::Rebuilt { position: 1.., .. }) {
                    self.counts.takeovers += 1;
                    self.log(meeting).taken_over(now);
                }
            }
            Fact::Purged { meeting, by } => self
                .log(meeting)
                .forget()
                .map_err(|what| breach(Invariant::MeetingLives, format!("{meeting}: {by} {what}")))?,
            Fact::Expired { bridge, text } => {
                if !self.logs.values().any(|log| log.asked.contains(text)) {
                    let what = format!("{bridge} has expired what no owner's entry asks for: {text}");
                    return Err(breach(Invariant::ExpiredByOwner, what));
                }
            }
            Fact::Reloads { client, why, lost, heard } => {
                self.counts.reloads += 1;
                let calm = calm_since.is_some_and(|since| since < *lost);
                let refused = *why == "the resumption was refused" && now - heard < RESUMABLE;
                if refused || calm {
                    let what = format!("client-{client} begins anew ({why}), last heard at {heard} us");
                    return Err(breach(Invariant::IdentityKept, what));
                }
            }
            Fact::Breach(invariant, what) => return Err(breach(*invariant, what.clone())),
            Fact::Resumed { client } => {
                self.counts.resumes += 1;
                self.people.entry(*client).or_default().resumes += 1;
            }
            Fact::Respliced => self.counts.splices += 1,
            Fact::Unprotected { meeting, by } => {
                self.counts.unprotected += 1;
                self.log(meeting).unprotected.insert(*by);
            }
            Fact::Protected { meeting, by } => drop(self.log(meeting).unprotected.remove(by)),
            Fact::Odd { client, what } => self.excuse(*client, what, now)?,
            Fact::Snapshotted => self.counts.snapshots += 1,
            Fact::Note(_) => {}
            _ => return self.see_person(fact),
        }
        Ok(())
    }

    fn see_person(&mut self, fact: &Fact) -> Result<(), Breach> {
        match fact {
            Fact::Enabled { client, room, nick } => {
                let person = Person { room: room.clone(), nick: nick.clone(), ..Person::default() };
                self.people.insert(*client, person);
            }
            Fact::Joined { client } => {
                self.joins += 1;
                let joins = self.joins;
                self.people.entry(*client).or_default().joined = Some(joins);
            }
            Fact::Left { client } => drop(self.people.remove(client)),
            Fact::Said { client, line } => {
                self.counts.lines += 1;
                self.people.entry(*client).or_default().first.get_or_insert(*line);
            }
            Fact::Acknowledged { client, line } => {
                self.people.entry(*client).or_default().acknowledged = *line;
            }
            Fact::Heard { client, from, line, past: true } => {
                let heard = &mut self.people.entry(*client).or_default().heard;
                let last = heard.entry(from.clone()).or_default();
                *last = (*last).max(*line);
            }
            Fact::Heard { client, from, line, past: false } => return self.hear(*client, from, *line),
            _ => {}
        }
        Ok(())
    }

    /// A Jingle session that an unprotected owner has offered is unknown to the next one, who offers another.
    fn excuse(&self, client: usize, what: &str, now: Micros) -> Result<(), Breach> {
        let room = self.people.get(&client).and_then(|person| self.logs.get(&person.room));
        if room.is_some_and(|log| log.lost.is_some_and(|at| now < at + CONFUSED)) {
            return Ok(());
        }
        Err(breach(Invariant::JingleOnce, format!("client-{client}: {what}")))
    }

    fn log(&mut self, meeting: &str) -> &mut Log {
        self.logs.entry(meeting.to_owned()).or_insert_with(|| Log::new(meeting))
    }
}

impl Log {
    fn new(meeting: &str) -> Self {
        let mut log = Self {
            reference: Meeting::new(meeting),
            next: 0,
            digests: BTreeMap::new(),
            asked: BTreeSet::new(),
            lines: BTreeMap::new(),
            takeovers: 0,
            unprotected: BTreeSet::new(),
            lost: None,
        };
        log.note();
        log
    }

    fn note(&mut self) {
        let digest = digest(&self.reference.snapshot());
        self.digests.entry(self.next).or_default().insert(digest);
    }

    fn accept(&mut self, position: u64, records: &[Vec<u8>]) -> Result<(), String> {
        if position != self.next {
            return Err(format!(
                "was accepted at {position}, where somebody wrote before (it stands at {})",
                self.next
            ));
        }
        for record in records {
            let entry = Entry::from_bytes(record).map_err(|error| format!("wrote no entry: {error}"))?;
            for effect in self.reference.apply(&entry) {
                match effect {
                    Effect::AskBridge { text, .. } => drop(self.asked.insert(text)),
                    Effect::Send { text, .. } => self.note_line(&text),
                    _ => {}
                }
            }
            self.next += 1;
        }
        self.note();
        Ok(())
    }

    fn taken_over(&mut self, now: Micros) {
        self.takeovers += 1;
        if !std::mem::take(&mut self.unprotected).is_empty() {
            self.lost = Some(now);
        }
    }

    fn forget(&mut self) -> Result<(), String> {
        if !self.reference.is_idle() {
            return Err("forgets a meeting with somebody in it".to_owned());
        }
        (self.reference, self.next) = (Meeting::new(self.reference.room()), 0);
        Ok(())
    }
}

fn breach(invariant: Invariant, what: String) -> Breach {
    Breach { invariant, what }
}
