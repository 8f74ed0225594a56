//! Numbered lines: whoever hears them can tell which one is lost, doubled or late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use xmpp::text::to_text;
use xmpp::{Element, elem, ns};

use crate::limits::{AUTHORS_MAX, LINES_MAX, MISSING_MAX};
use crate::output::Fact;
use crate::participant::Phase;
use crate::{Participant, Time};

/// Who says a line: a participant, in one of its attendances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Author {
    pub participant: u32,
    /// 0, and one more each time that it comes anew
    pub attendance: u32,
}

/// What was heard of one author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hearing {
    /// the number of the first line heard; those before it were said before we came, or are lost
    first: u32,
    last: u32,
    /// between the two, not heard
    missing: BTreeSet<u32>,
    /// lines heard once or more
    pub heard: u64,
    /// heard once more
    pub doubled: u64,
    /// heard after one that was said later
    pub late: u64,
    /// missing ones that there was no place for
    unfollowed: u64,
}

impl Hearing {
    fn hear(&mut self, number: u32) {
        if self.heard == 0 {
            (self.first, self.last) = (number, number);
            self.heard = 1;
            return;
        }
        if number > self.last {
            self.skip(self.last + 1..number);
            self.last = number;
            self.heard += 1;
        } else if number < self.first {
            self.skip(number + 1..self.first);
            self.first = number;
            self.heard += 1;
            self.late += 1;
        } else if self.missing.remove(&number) {
            self.heard += 1;
            self.late += 1;
        } else {
            self.doubled += 1;
        }
    }

    fn skip(&mut self, numbers: std::ops::Range<u32>) {
        let place = MISSING_MAX - self.missing.len();
        self.unfollowed += numbers.len().saturating_sub(place) as u64;
        self.missing.extend(numbers.take(place));
    }

    /// What is left of these numbers, heard one after the other.
    pub fn of(numbers: &[u32]) -> Self {
        let mut hearing = Self::default();
        numbers.iter().for_each(|number| hearing.hear(*number));
        hearing
    }

    /// Of the lines `from..to`, those that were not heard.
    pub fn lost(&self, from: u32, to: u32) -> u64 {
        if from >= to {
            return 0;
        }
        if self.heard == 0 {
            return u64::from(to - from);
        }
        let before = self.first.min(to).saturating_sub(from);
        let after = to.saturating_sub((self.last + 1).max(from));
        let between = self.missing.range(from..to).count() as u64;
        u64::from(before) + between + u64::from(after) + self.unfollowed
    }

    /// One more than the number of the last line heard.
    pub fn end(&self) -> u32 {
        if self.heard == 0 { 0 } else { self.last + 1 }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Chat {
    next: Option<Time>,
    /// when each line was said, and the number of its stanza
    said: Vec<(Time, u64)>,
    heard: BTreeMap<Author, Hearing>,
    /// lines that were due while the stream was away or clogged
    pub(crate) withheld: u64,
}

impl Chat {
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.next
    }

    pub(crate) fn stop(&mut self) {
        self.next = None;
    }

    pub(crate) fn said(&self) -> impl Iterator<Item = Time> {
        self.said.iter().map(|(at, _)| *at)
    }

    pub(crate) fn heard(&self) -> &BTreeMap<Author, Hearing> {
        &self.heard
    }

    /// Lines that the server has said it has, or has shown.
    pub(crate) fn taken(&self, author: Author, acked: u64) -> u32 {
        let acknowledged = self.said.iter().filter(|(_, stanza)| *stanza > 0 && *stanza <= acked).count();
        let echoed = self.heard.get(&author).map_or(0, Hearing::end);
        u32::try_from(acknowledged).unwrap_or(u32::MAX).max(echoed)
    }

    /// Every line of our own has come back.
    pub(crate) fn is_quiet(&self, author: Author) -> bool {
        self.heard.get(&author).map_or(0, |own| own.heard) >= self.said.len() as u64
    }
}

impl Participant {
    pub(crate) fn begin_chat(&mut self, now: Time) {
        // somewhere within the first interval, so that a crowd that joins at once does not speak at once
        self.chat.next = self.settings.chat.map(|every| now + self.draws.time(Time::ZERO, every));
    }

    pub(crate) fn check_chat(&mut self, now: Time) {
        let Some(every) = self.settings.chat.filter(|_| self.chat.next.is_some_and(|next| next <= now))
        else {
            return;
        };
        self.chat.next = Some(now + self.draws.time(every / 2, every));
        let full = self.chat.said.len() >= LINES_MAX;
        if full || !matches!(self.phase, Phase::Established) || self.sm.is_clogged() {
            self.chat.withheld += 1;
            return;
        }
        let number = self.chat.said.len() as u32;
        let body = line(&self.settings.run, &Line { author: self.author, number, said: now });
        let message = elem("message", ns::CLIENT)
            .attr("id", self.draws.uuid())
            .attr("to", &self.settings.room)
            .attr("type", "groupchat")
            .child(elem("body", ns::CLIENT).text(body));
        self.send(now, to_text(&message.build()));
        self.chat.said.push((now, self.sm.sent));
    }

    pub(crate) fn handle_message(&mut self, now: Time, message: &Element) {
        // history: said before we came
        let past = message.has_child("delay", ns::DELAY) || message.has_child("x", ns::LEGACY_DELAY);
        if message.attr("type") != Some("groupchat") || past {
            return;
        }
        let Some(body) = message.get_child("body", ns::CLIENT).map(Element::text) else { return };
        let settings = Arc::clone(&self.settings);
        let Some(line) = read(&settings.run, &body) else { return };
        let known = self.chat.heard.contains_key(&line.author) || self.chat.heard.len() < AUTHORS_MAX;
        if known && (line.number as usize) < LINES_MAX {
            self.chat.heard.entry(line.author).or_default().hear(line.number);
            self.tell(Fact::Heard { after: now.saturating_sub(line.said) });
        }
    }
}

/// What stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    author: Author,
    number: u32,
    /// to the microsecond
    said: Time,
}

fn line(run: &str, line: &Line) -> String {
    let Author { participant, attendance } = line.author;
    format!("althing load {run} {participant}.{attendance} {} {}", line.number, line.said.as_micros())
}

fn read(run: &str, body: &str) -> Option<Line> {
    let rest = body.strip_prefix("althing load ")?.strip_prefix(run)?.strip_prefix(' ')?;
    let (author, rest) = rest.split_once(' ')?;
    let (number, said) = rest.split_once(' ')?;
    let (participant, attendance) = author.split_once('.')?;
    let author = Author { participant: participant.parse().ok()?, attendance: attendance.parse().ok()? };
    Some(Line { author, number: number.parse().ok()?, said: Time::from_micros(said.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(numbers: &[u32]) -> Hearing {
        Hearing::of(numbers)
    }

    #[test]
    fn a_line_is_read_as_it_is_written() {
        let author = Author { participant: 17, attendance: 2 };
        let said = Line { author, number: 5, said: Time::from_micros(1_234_567) };
        assert_eq!(read("r1", &line("r1", &said)), Some(said));
        let foreign = ["althing load r2 17.2 5 1", "althing load r1 17 5 1", "althing load r1 17.2 -1 1"];
        for other in foreign.into_iter().chain(["althing load r1 17.2 5", "hello", ""]) {
            assert_eq!(read("r1", other), None, "{other}");
        }
    }

    #[test]
    fn in_order_nothing_is_lost() {
        let hearing = hear(&[3, 4, 5]);
        assert_eq!((hearing.lost(3, 6), hearing.doubled, hearing.late, hearing.heard), (0, 0, 0, 3));
        assert_eq!(hearing.end(), 6);
    }

    #[test]
    fn lost_lines_are_found_before_between_and_after() {
        let hearing = hear(&[2, 5]);
        assert_eq!(hearing.lost(2, 6), 2);
        assert_eq!(hearing.lost(0, 6), 4);
        assert_eq!(hearing.lost(0, 9), 7);
        assert_eq!(hearing.lost(4, 5), 1);
        assert_eq!(hearing.lost(7, 9), 2);
        assert_eq!(hearing.lost(0, 1), 1);
        assert_eq!(hearing.lost(5, 5), 0);
        assert_eq!(hear(&[]).lost(1, 4), 3);
    }

    #[test]
    fn doubled_and_late_lines_are_no_lost_ones() {
        let hearing = hear(&[1, 2, 2, 5, 3, 4, 4, 0]);
        assert_eq!((hearing.doubled, hearing.late, hearing.heard), (2, 3, 6));
        assert_eq!(hearing.lost(0, 6), 0);
    }

    #[test]
    fn a_leap_costs_no_more_than_its_limit() {
        let hearing = hear(&[0, 99_999]);
        assert_eq!(hearing.missing.len(), MISSING_MAX);
        assert_eq!(hearing.lost(0, 100_000), 99_998);
    }
}
