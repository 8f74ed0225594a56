//! How a meeting's task begins: what the journal has is replayed, and owned.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use journal::{Error, Replay};
use meeting::{CodecError, Entry, Meeting, SnapshotError, Tenure};
use service::clock::Clock;
use tokio::sync::mpsc;

use super::books::Books;
use super::commit::apply;
use super::ledger::Ledger;
use super::links::Links;
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
    #[error(
        "meeting {room}: the journal has it in format {found}, this version knows {known}; use the {} version of \
         althing that wrote it, or move the data directory away",
        if found > known { "newer" } else { "older" }
    )]
    Format { room: String, found: u32, known: u32 },
    #[error("meeting {0}: another shard goes on with it")]
    Outrun(String),
    #[error(transparent)]
    Journal(#[from] Error),
}

impl Owner {
    async fn open(shard: &Arc<Shard>, room: &str, number: TaskNumber) -> Result<Self, Refusal> {
        let (mut ledger, replay) = match Ledger::open(Arc::clone(&shard.journal), room).await {
            Err(error @ Error::Damaged { .. }) => {
                // it can be neither continued nor guessed at; the room must not stay closed for ever
                tracing::error!(%error, "a meeting is given up: its participants join a new one");
                shard.counts.meetings_abandoned.inc();
                shard.journal.set_aside(room).await?;
                Ledger::open(Arc::clone(&shard.journal), room).await?
            }
            other => other?,
        };
        let now = Clock.now();
        let (machine, last, fresh) = match rebuild(room, &replay) {
            Ok((machine, last)) => (machine, last, replay.next == 0),
            Err(Unreadable::Format { found, known }) => {
                return Err(Refusal::Format { room: room.to_owned(), found, known });
            }
            Err(Unreadable::Damaged(why)) => {
                tracing::error!(why, "a meeting is given up: its participants join a new one");
                shard.counts.meetings_abandoned.inc();
                ledger.set_aside().await;
                (Meeting::new(room), 0, true)
            }
        };
        let (answers_in, answers) = mpsc::unbounded_channel();
        let used = machine.summary().bridges;
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
            time: Time::new(now, Clock.millis(), last),
            owns: false,
            fresh,
            let_go: false,
            conns: BTreeMap::new(),
            requests: BTreeMap::new(),
            requests_ever: 0,
            occupants_changed: true,
            asked: obey::Asked::new(answers_in),
            links: Links::replayed(&used, now),
            view,
            answers,
            own: VecDeque::new(),
            last_active: now,
        })
    }
}

/// What a meeting cannot be rebuilt from.
enum Unreadable {
    /// Another version wrote it, and can read it.
    Format {
        found: u32,
        known: u32,
    },
    Damaged(&'static str),
}

/// The machine after everything that the journal has, and the time of the last entry.
fn rebuild(room: &str, replay: &Replay) -> Result<(Meeting, u64), Unreadable> {
    let mut machine = match &replay.snapshot {
        Some((_, bytes)) => Meeting::restore(room, bytes).map_err(|error| match error {
            SnapshotError::UnknownFormat { found, known } => Unreadable::Format { found, known },
            SnapshotError::Damaged => Unreadable::Damaged("its snapshot cannot be read"),
        })?,
        None => Meeting::new(room),
    };
    let mut last = 0;
    for record in &replay.records {
        let entry = Entry::from_bytes(record).map_err(|error| match error {
            CodecError::UnknownFormat { found, known } => Unreadable::Format { found, known },
            CodecError::Damaged => Unreadable::Damaged("one of its entries cannot be read"),
        })?;
        last = entry.at;
        apply(&mut machine, &entry).map_err(Unreadable::Damaged)?;
    }
    Ok((machine, last))
}
