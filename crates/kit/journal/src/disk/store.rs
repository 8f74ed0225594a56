//! What is written where in the file.
//!
//! | table | key | value |
//! |---|---|---|
//! | `heads` | meeting | position of its first record, position of its next |
//! | `records` | meeting, position | sealed record |
//! | `snapshots` | meeting | sealed snapshot; its position is the head's first |
//! | `aside_heads` | number | meeting, its head: put aside, in this order |
//! | `aside_records` | number, position | as in `records` |
//! | `aside_snapshots` | number | as in `snapshots` |
//!
//! A snapshot is kept exactly while the records before it are gone, so a head with a first position above 0 must have
//! one.

use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};

use crate::checksum::{open, seal};
use crate::limits::{RECORD_BYTES_MAX, SET_ASIDE_MAX, SNAPSHOT_BYTES_MAX};
use crate::{Error, Position, Replay};

const HEADS: TableDefinition<'static, &str, (u64, u64)> = TableDefinition::new("heads");
const RECORDS: TableDefinition<'static, (&str, u64), &[u8]> = TableDefinition::new("records");
const SNAPSHOTS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("snapshots");

const ASIDE_HEADS: TableDefinition<'static, u64, (&str, u64, u64)> = TableDefinition::new("aside_heads");
const ASIDE_RECORDS: TableDefinition<'static, (u64, u64), &[u8]> = TableDefinition::new("aside_records");
const ASIDE_SNAPSHOTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("aside_snapshots");

/// Why a request was not done: its own fault, or the disk's, which concerns the whole transaction.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Error),
    Disk(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Disk(error.into())
    }
}

type Done<T> = Result<T, Failure>;

/// The tables, open in one transaction.
pub(super) struct Store<'t> {
    heads: Table<'t, &'static str, (u64, u64)>,
    records: Table<'t, (&'static str, u64), &'static [u8]>,
    snapshots: Table<'t, &'static str, &'static [u8]>,
    aside_heads: Table<'t, u64, (&'static str, u64, u64)>,
    aside_records: Table<'t, (u64, u64), &'static [u8]>,
    aside_snapshots: Table<'t, u64, &'static [u8]>,
}

impl<'t> Store<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            heads: transaction.open_table(HEADS)?,
            records: transaction.open_table(RECORDS)?,
            snapshots: transaction.open_table(SNAPSHOTS)?,
            aside_heads: transaction.open_table(ASIDE_HEADS)?,
            aside_records: transaction.open_table(ASIDE_RECORDS)?,
            aside_snapshots: transaction.open_table(ASIDE_SNAPSHOTS)?,
        })
    }

    pub(super) fn append(&mut self, meeting: &str, expected: Position, records: &[Vec<u8>]) -> Done<()> {
        if let Some(large) = records.iter().find(|r| r.len() > RECORD_BYTES_MAX) {
            return Err(Failure::Refused(too_large(meeting, large.len())));
        }
        let (first, next) = self.head(meeting)?;
        if next != expected {
            return Err(Failure::Refused(wrong_position(meeting, expected, next)));
        }
        if records.is_empty() {
            return Ok(());
        }
        for (record, at) in records.iter().zip(expected..) {
            self.records.insert((meeting, at), seal(meeting, at, record).as_slice())?;
        }
        self.heads.insert(meeting, (first, next + records.len() as u64))?;
        Ok(())
    }

    pub(super) fn replay(&self, meeting: &str) -> Done<Replay> {
        let (first, next) = self.head(meeting)?;
        let snapshot = self.snapshot_at(meeting, first)?;
        if snapshot.is_none() && first > 0 {
            return Err(Failure::Refused(damaged(meeting, first)));
        }
        let mut records = Vec::new();
        for at in first..next {
            let Some(sealed) = self.records.get((meeting, at))? else {
                return Err(Failure::Refused(damaged(meeting, at)));
            };
            records.push(open(meeting, at, sealed.value()).map_err(Failure::Refused)?);
        }
        Ok(Replay { snapshot: snapshot.map(|bytes| (first, bytes)), records, next })
    }

    fn snapshot_at(&self, meeting: &str, position: Position) -> Done<Option<Vec<u8>>> {
        let Some(sealed) = self.snapshots.get(meeting)? else { return Ok(None) };
        open(meeting, position, sealed.value()).map(Some).map_err(Failure::Refused)
    }

    pub(super) fn snapshot(&mut self, meeting: &str, position: Position, bytes: &[u8]) -> Done<()> {
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            return Err(Failure::Refused(too_large(meeting, bytes.len())));
        }
        self.stands_at(meeting, position)?;
        self.records.retain_in((meeting, 0)..(meeting, position), |_, _| false)?;
        self.snapshots.insert(meeting, seal(meeting, position, bytes).as_slice())?;
        self.heads.insert(meeting, (position, position))?;
        Ok(())
    }

    pub(super) fn restore(&mut self, meeting: &str, position: Position, bytes: &[u8]) -> Done<()> {
        if let Some(head) = self.heads.get(meeting)? {
            return Err(Failure::Refused(wrong_position(meeting, position, head.value().1)));
        }
        self.heads.insert(meeting, (position, position))?;
        self.snapshot(meeting, position, bytes)
    }

    fn stands_at(&self, meeting: &str, expected: Position) -> Done<()> {
        let next = self.heads.get(meeting)?.map_or(0, |head| head.value().1);
        if next == expected {
            return Ok(());
        }
        Err(Failure::Refused(wrong_position(meeting, expected, next)))
    }

    pub(super) fn purge(&mut self, meeting: &str, expected: Position) -> Done<()> {
        self.stands_at(meeting, expected)?;
        self.forget(meeting)
    }

    fn forget(&mut self, meeting: &str) -> Done<()> {
        self.records.retain_in((meeting, 0)..=(meeting, u64::MAX), |_, _| false)?;
        self.snapshots.remove(meeting)?;
        self.heads.remove(meeting)?;
        Ok(())
    }

    /// Moves everything as it is; what is missing stays missing.
    pub(super) fn set_aside(&mut self, meeting: &str) -> Done<()> {
        let Some((first, next)) = self.heads.get(meeting)?.map(|head| head.value()) else { return Ok(()) };
        let number = self.aside_heads.last()?.map_or(0, |(number, _)| number.value() + 1);
        for row in self.records.range((meeting, 0)..=(meeting, u64::MAX))? {
            let (key, sealed) = row?;
            self.aside_records.insert((number, key.value().1), sealed.value())?;
        }
        if let Some(sealed) = self.snapshots.get(meeting)? {
            self.aside_snapshots.insert(number, sealed.value())?;
        }
        self.aside_heads.insert(number, (meeting, first, next))?;
        self.forget(meeting)?;
        self.forget_oldest_aside()
    }

    fn forget_oldest_aside(&mut self) -> Done<()> {
        while self.aside_heads.len()? > SET_ASIDE_MAX as u64 {
            let Some(number) = self.aside_heads.pop_first()?.map(|(number, _)| number.value()) else { break };
            self.aside_records.retain_in((number, 0)..=(number, u64::MAX), |_, _| false)?;
            self.aside_snapshots.remove(number)?;
        }
        Ok(())
    }

    pub(super) fn aside(&self) -> Done<Vec<String>> {
        let mut names = Vec::new();
        for row in self.aside_heads.iter()? {
            names.push(row?.1.value().0.to_owned());
        }
        Ok(names)
    }

    pub(super) fn meetings(&self) -> Done<Vec<String>> {
        let mut names = Vec::new();
        for row in self.heads.iter()? {
            names.push(row?.0.value().to_owned());
        }
        Ok(names)
    }

    /// Position of the first record and of the next.
    fn head(&self, meeting: &str) -> Done<(Position, Position)> {
        Ok(self.heads.get(meeting)?.map_or((0, 0), |head| head.value()))
    }

    /// How many records were put aside under this number.
    #[cfg(test)]
    pub(super) fn aside_records(&self, number: u64) -> usize {
        self.aside_records.range((number, 0)..=(number, u64::MAX)).unwrap().count()
    }

    /// Flips a bit of a stored record, or takes it away.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn damage(&mut self, meeting: &str, position: Position, take: bool) -> Done<()> {
        let removed = self.records.remove((meeting, position))?.map(|sealed| sealed.value().to_vec());
        if let Some(mut sealed) = removed.filter(|_| !take) {
            sealed.iter_mut().take(1).for_each(|byte| *byte ^= 1);
            self.records.insert((meeting, position), sealed.as_slice())?;
        }
        Ok(())
    }
}

fn wrong_position(meeting: &str, expected: Position, actual: Position) -> Error {
    Error::WrongPosition { meeting: meeting.to_owned(), expected, actual }
}

fn damaged(meeting: &str, position: Position) -> Error {
    Error::Damaged { meeting: meeting.to_owned(), position }
}

fn too_large(meeting: &str, bytes: usize) -> Error {
    Error::TooLarge { meeting: meeting.to_owned(), bytes }
}
