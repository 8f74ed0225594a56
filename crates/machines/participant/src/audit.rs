//! The lines of everybody against the ears of everybody.

use std::collections::BTreeMap;

use crate::chat::Hearing;
use crate::record::Record;

/// Of all rooms together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub said: u64,
    /// one for each line and each who heard it
    pub heard: u64,
    /// one for each line and each who should have heard it and did not
    pub lost: u64,
    pub doubled: u64,
    /// after a line that the same author said later
    pub late: u64,
}

/// Whoever is in a room hears each line that is said from then on, once and in the order of its author: until the end
/// of the run, or where it left before, until the last line that it heard of that author.
pub fn audit(records: &[Record]) -> Lines {
    let mut rooms: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records {
        rooms.entry(&record.room).or_default().push(record);
    }
    rooms.values().map(|room| audit_room(room)).fold(Lines::default(), add)
}

fn audit_room(records: &[&Record]) -> Lines {
    let mut lines = Lines::default();
    for record in records {
        lines.said += record.attendance.said.len() as u64;
    }
    for listener in records {
        for hearing in listener.attendance.heard.values() {
            lines.heard += hearing.heard;
            lines.doubled += hearing.doubled;
            lines.late += hearing.late;
        }
        lines.lost += records.iter().map(|author| lost(author, listener)).sum::<u64>();
    }
    lines
}

/// Lines of `author` that `listener` was there to hear.
fn lost(author: &Record, listener: &Record) -> u64 {
    let Some(joined) = listener.joined else { return 0 };
    let (said, ear) = (&author.attendance, &listener.attendance);
    let nothing = Hearing::default();
    let hearing = ear.heard.get(&author.author).unwrap_or(&nothing);
    let from = said.said.partition_point(|at| *at < joined);
    let to = if ear.stayed { said.promised } else { said.promised.min(hearing.end()) };
    hearing.lost(u32::try_from(from).unwrap_or(u32::MAX), to)
}

fn add(a: Lines, b: Lines) -> Lines {
    Lines {
        said: a.said + b.said,
        heard: a.heard + b.heard,
        lost: a.lost + b.lost,
        doubled: a.doubled + b.doubled,
        late: a.late + b.late,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Attendance;
    use crate::{Author, Time};

    fn record(participant: u32, joined: u64, said: &[u64], heard: &[(u32, &[u32])]) -> Record {
        let author = |participant| Author { participant, attendance: 0 };
        let mut attendance = Attendance {
            said: said.iter().map(|at| Time::from_secs(*at)).collect(),
            promised: said.len() as u32,
            stayed: true,
            ..Attendance::default()
        };
        for (of, numbers) in heard {
            attendance.heard.insert(author(*of), Hearing::of(numbers));
        }
        Record {
            author: author(participant),
            room: "r".to_owned(),
            began: Time::ZERO,
            joined: Some(Time::from_secs(joined)),
            ended: Time::from_secs(100),
            end: None,
            resumed: 0,
            resumptions: Vec::new(),
            attendance,
            probes: Default::default(),
            silence: Default::default(),
            occupants_max: 2,
            offers: 0,
            withheld: 0,
        }
    }

    fn check(records: &[Record], lost: u64) -> Lines {
        let lines = audit(records);
        assert_eq!(lines.lost, lost, "{lines:?}");
        lines
    }

    #[test]
    fn everything_said_after_a_join_is_to_be_heard() {
        let ann = record(1, 0, &[1, 2, 3], &[(1, &[0, 1, 2])]);
        let bob = record(2, 2, &[], &[(1, &[1, 2])]);
        let lines = check(&[ann.clone(), bob], 0);
        assert_eq!((lines.said, lines.heard, lines.doubled, lines.late), (3, 5, 0, 0));
        check(&[ann.clone(), record(2, 2, &[], &[(1, &[2])])], 1);
        check(&[ann.clone(), record(2, 2, &[], &[])], 2);
        check(&[ann, record(2, 2, &[], &[(1, &[0, 2])])], 1);
    }

    #[test]
    fn who_left_need_not_have_heard_the_last() {
        let ann = record(1, 0, &[1, 2, 3], &[(1, &[0, 1, 2])]);
        let mut bob = record(2, 0, &[], &[(1, &[0])]);
        bob.attendance.stayed = false;
        check(&[ann.clone(), bob.clone()], 0);
        bob.attendance.heard.insert(ann.author, Hearing::of(&[0, 2]));
        check(&[ann, bob], 1);
    }

    #[test]
    fn what_went_down_with_its_author_is_not_lost() {
        let mut ann = record(1, 0, &[1, 2, 3], &[(1, &[0, 1])]);
        ann.attendance.promised = 2;
        ann.attendance.stayed = false;
        check(&[ann, record(2, 0, &[], &[(1, &[0, 1])])], 0);
    }

    #[test]
    fn rooms_do_not_hear_each_other() {
        let mut ann = record(1, 0, &[1], &[(1, &[0])]);
        ann.room = "s".to_owned();
        check(&[ann, record(2, 0, &[], &[])], 0);
    }

    #[test]
    fn nobody_who_never_joined_has_lost_anything() {
        let mut bob = record(2, 0, &[], &[]);
        bob.joined = None;
        check(&[record(1, 0, &[1], &[(1, &[0])]), bob], 0);
    }
}
