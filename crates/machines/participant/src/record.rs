//! What is left of a participant when it is over: enough to judge it together with the others.

use std::collections::BTreeMap;

use crate::chat::{Author, Hearing};
use crate::output::End;
use crate::participant::Phase;
use crate::probe::Probes;
use crate::resume::Resumption;
use crate::silence::Gap;
use crate::{Participant, Time};

/// One attendance, from the page load to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub author: Author,
    /// bare JID
    pub room: String,
    pub began: Time,
    /// `None`: never
    pub joined: Option<Time>,
    pub ended: Time,
    /// `None`: it is not over
    pub end: Option<End>,
    /// streams taken up; of `resumptions` the first 256
    pub resumed: u64,
    pub resumptions: Vec<Resumption>,
    pub attendance: Attendance,
    pub probes: Probes,
    /// nothing at all was heard
    pub silence: Gap,
    /// at a time, this one and the focus included
    pub occupants_max: usize,
    /// sessions that the focus has offered
    pub offers: u64,
    /// lines that were due while nothing could be said
    pub withheld: u64,
}

/// What was said and heard in the room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attendance {
    /// when each line was said; the first of them is number 0
    pub said: Vec<Time>,
    /// of them, those that everybody must hear: all, unless the stream was lost for good before the server had them
    pub promised: u32,
    pub heard: BTreeMap<Author, Hearing>,
    /// it was there to hear the last of what was said
    pub stayed: bool,
}

impl Participant {
    /// `now` is its end, unless it is over already.
    pub fn record(&self, now: Time) -> Record {
        let (ended, end) = match &self.phase {
            Phase::Over { at, end } => (*at, Some(end.clone())),
            _ => (now, None),
        };
        Record {
            author: self.author,
            room: self.settings.room.clone(),
            began: self.began,
            joined: self.room.joined,
            ended,
            resumed: self.resume.count,
            resumptions: self.resume.done.clone(),
            attendance: self.attendance(end.as_ref()),
            probes: self.probe.probes(ended, self.settings.gap_min()),
            silence: self.silence.longest(ended),
            occupants_max: self.room.occupants_max,
            offers: self.focus.offers,
            withheld: self.chat.withheld,
            end,
        }
    }

    fn attendance(&self, end: Option<&End>) -> Attendance {
        let said: Vec<Time> = self.chat.said().collect();
        let all = u32::try_from(said.len()).unwrap_or(u32::MAX);
        let fell = matches!(end, Some(End::Reload(_) | End::Failed(_)));
        let promised = if fell { self.chat.taken(self.author, self.sm.acked).min(all) } else { all };
        let heard = self.chat.heard().clone();
        Attendance { said, promised, heard, stayed: !fell && self.is_finishing() }
    }
}
