//! A file that cannot be opened any more: it is put where no start meets it, and a new one takes its place. A process that
//! ends over it would be started again and again, and end each time.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, StorageError};

use crate::Error;
use crate::limits::FILES_ASIDE_MAX;

/// Leaves no damaged `file` there: every page of it is looked at.
///
/// # Errors
/// It could not be moved. What else is wrong with it is found by whoever opens it.
pub(super) fn ensure(file: &Path, open: impl Fn() -> Result<Database, DatabaseError>) -> Result<(), Error> {
    if !file.exists() {
        return Ok(());
    }
    let Some(why) = damage(open) else { return Ok(()) };
    let kept = set_aside(file).map_err(|error| {
        Error::Unavailable(format!(
            "{} is damaged ({why}) and cannot be moved out of the way: {error}",
            file.display()
        ))
    })?;
    tracing::error!(
        file = %file.display(), kept = %kept.display(), why,
        "the journal is damaged and cannot be opened: it is set aside, and every meeting begins anew"
    );
    Ok(())
}

/// What is wrong with it, where it is the file itself.
fn damage(open: impl Fn() -> Result<Database, DatabaseError>) -> Option<String> {
    let looked = catch_unwind(AssertUnwindSafe(|| open()?.check_integrity()));
    match looked {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => is_damage(&error).then(|| error.to_string()),
        // redb trusts some of what it reads
        Err(_) => Some("reading it fails".to_owned()),
    }
}

fn is_damage(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::UpgradeRequired(_) | DatabaseError::Storage(StorageError::Corrupted(_)) => true,
        DatabaseError::Storage(StorageError::Io(error)) => {
            matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
        }
        _ => false,
    }
}

/// Under the first name that is free. The oldest are not overwritten: whoever has as many has a sick disk.
fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let mut names = (1..=FILES_ASIDE_MAX).map(|number| file.with_extension(format!("redb.damaged-{number}")));
    let full = || io::Error::other(format!("there are {FILES_ASIDE_MAX} damaged ones already; remove them"));
    let kept = names.find(|name| !name.exists()).ok_or_else(full)?;
    std::fs::rename(file, &kept)?;
    Ok(kept)
}
