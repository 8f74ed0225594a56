//! How a meeting's task begins: what the journal has is replayed, and owned.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use journal::{Error, Replay};
use meeting::{Admission, Entry, Links, Meeting, Millis, Tenure};
use service::clock::Clock;
use tokio::sync::mpsc;

use super::books::Books;
use super::commit::apply;
use super::ledger::{Ledger, set_aside};
use super::time::Time;
use super::{End, Owner, obey};
use crate::Shard;
use crate::limits::{RETRY_FIRST, TAKEOVER_TRIES};
use crate::meetings::TaskNumber;

/// Replays a meeting and becomes its owner. Who owned it before may write until then; what it wrote is replayed too.
pub(super) async fn take_over(shard: &Arc<Shard>, room: &str, number: TaskNumber) -> Result<Owner, Refusal> {
    for _ in 0..TAKEOVER_TRIES {
        let mut owner = Owner::open(shard, room, number).await?;
        // what nobody has begun is owned with its first input
        let owned = if owner.fresh { Ok(()) } else { owner.claim().await };
        match owned {
            Ok(()) => return Ok(owner),
            Err(End::Fenced) => tokio::time::sleep(RETRY_FIRST).await,
            Err(_) => owner.give_up().await,
        }
    }
    Err(Refusal::Outrun(room.to_owned()))
}

/// Whether a meeting could be replayed.
pub(crate) type Opened = Result<(), Refusal>;

/// Why a meeting is not run. What the journal has of it stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("meeting {0}: another shard goes on with it")]
    Outrun(String),
    #[error(transparent)]
    Journal(#[from] Error),
}

impl Owner {
    async fn open(shard: &Arc<Shard>, room: &str, number: TaskNumber) -> Result<Self, Refusal> {
        let Read { ledger, machine, last, fresh } = read(shard, room).await?;
        let now = Clock.now();
        let (answers_in, answers) = mpsc::unbounded_channel();
        let time = Time::new(now, Clock.millis(), last);
        let links = Links::replayed(&machine.summary().bridges, time.millis(now));
        let mut view = shard.fleet.view();
        if !fresh {
            // bridges that are there already are news to it
            view.mark_changed();
        }
        Ok(Self {
            shard: Arc::clone(shard),
            room: room.to_owned(),
            number,
            machine,
            books: Books::new(ledger),
            tenure: Tenure::default(),
            begun: false,
            time,
            owns: false,
            fresh,
            let_go: false,
            conns: BTreeMap::new(),
            requests: BTreeMap::new(),
            requests_ever: 0,
            occupants_changed: true,
            asked: obey::Asked::new(answers_in),
            links,
            admission: Admission::default(),
            view,
            answers,
            own: VecDeque::new(),
            last_active: now,
        })
    }
}

/// What the journal has of a meeting.
struct Read {
    ledger: Ledger,
    /// after everything that is there
    machine: Meeting,
    /// the time of the last entry
    last: Millis,
    /// nothing is there
    fresh: bool,
}

/// Reads the journal. What cannot be read, by damage or because another version wrote it, can be neither continued nor
/// guessed at; the room must not stay closed for it, nor the shard: it is set aside, and the room begins anew.
async fn read(shard: &Arc<Shard>, room: &str) -> Result<Read, Refusal> {
    for _ in 0..TAKEOVER_TRIES {
        let why = match Ledger::open(Arc::clone(&shard.journal), room).await {
            Ok((ledger, replay)) => match rebuild(room, &replay) {
                Ok((machine, last)) => return Ok(Read { ledger, machine, last, fresh: replay.next == 0 }),
                Err(why) => why,
            },
            Err(error @ (Error::Damaged { .. } | Error::Foreign { .. })) => error.to_string(),
            Err(error) => return Err(error.into()),
        };
        tracing::error!(
            why,
            "a meeting cannot be read: it is set aside, and its participants join a new one"
        );
        shard.counts.meetings_abandoned.inc();
        set_aside(&*shard.journal, room).await;
    }
    Err(Refusal::Outrun(room.to_owned()))
}

/// The machine after everything that the journal has, and the time of the last entry; otherwise what is wrong with it.
fn rebuild(room: &str, replay: &Replay) -> Result<(Meeting, Millis), String> {
    let mut machine = match &replay.snapshot {
        Some((_, bytes)) => {
            Meeting::restore(room, bytes).map_err(|error| format!("its snapshot: {error}"))?
        }
        None => Meeting::new(room),
    };
    let mut last = 0;
    let first = replay.next - replay.records.len() as u64;
    for (record, position) in replay.records.iter().zip(first..) {
        let wrong = |why: &dyn std::fmt::Display| format!("its entry at {position}: {why}");
        let entry = Entry::from_bytes(record).map_err(|error| wrong(&error))?;
        last = entry.at;
        apply(&mut machine, &entry).map_err(|why| wrong(&why))?;
    }
    Ok((machine, last))
}
