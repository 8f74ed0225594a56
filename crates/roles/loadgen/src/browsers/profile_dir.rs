//! The folder in which a browser keeps what it must: its own, and gone with it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use service::clock::Clock;

/// Names that are tried before it is given up.
const TRIES: u32 = 100;
/// Between two tries to remove it: somebody who is being killed may still write there.
const PAUSE: Duration = Duration::from_millis(20);
const REMOVALS: u32 = 25;

pub(super) struct ProfileDir(PathBuf);

impl ProfileDir {
    /// # Errors
    /// It cannot be made.
    pub(super) fn make() -> std::io::Result<Self> {
        let (pid, now) = (std::process::id(), Clock.millis());
        let mut last = None;
        for number in 0..TRIES {
            let path = std::env::temp_dir().join(format!("althing-browser-{pid}-{now:x}-{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| std::io::Error::other("no name is free")))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ProfileDir {
    fn drop(&mut self) {
        for _ in 0..REMOVALS {
            match std::fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => std::thread::sleep(PAUSE),
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_alone_and_gone_in_the_end() {
        let (one, other) = (ProfileDir::make().unwrap(), ProfileDir::make().unwrap());
        assert_ne!(one.path(), other.path());
        std::fs::write(one.path().join("x"), "y").unwrap();
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && other.path().exists());
    }
}
