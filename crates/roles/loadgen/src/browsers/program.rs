//! Which browser there is on this machine.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// What packages call it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What was told, a path or a name; or the first of the names on the `PATH`.
///
/// # Errors
/// There is none: with what to install.
pub(super) fn find(told: Option<&Path>) -> anyhow::Result<PathBuf> {
    find_in(told, &std::env::var_os("PATH").unwrap_or_default())
}

fn find_in(told: Option<&Path>, path: &OsStr) -> anyhow::Result<PathBuf> {
    let on_path =
        |name: &Path| std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| can_run(file));
    match told {
        Some(file) if file.components().count() > 1 => {
            if !can_run(file) {
                bail!("--chromium {}: there is no program of this name", file.display());
            }
            Ok(file.to_owned())
        }
        Some(name) => {
            on_path(name).with_context(|| format!("--chromium {}: it is not on the PATH", name.display()))
        }
        None => NAMES.iter().find_map(|name| on_path(Path::new(name))).with_context(|| {
            format!(
                "--browsers needs a Chromium or Chrome, and none is on the PATH ({}): install one (Debian: apt install \
                 chromium), or tell --chromium PATH",
                NAMES.join(", ")
            )
        }),
    }
}

fn can_run(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_a_name_or_whatever_there_is() {
        let path = OsStr::new("/nowhere:/bin");
        let found = |told: &str| find_in(Some(Path::new(told)), path).map_err(|error| format!("{error:#}"));
        assert_eq!(found("/bin/sh"), Ok(PathBuf::from("/bin/sh")));
        assert_eq!(found("sh"), Ok(PathBuf::from("/bin/sh")));
        for told in ["/bin", "/nowhere/chromium", "no-such-browser"] {
            assert!(found(told).unwrap_err().contains(told), "{told}");
        }
        let none = format!("{:#}", find_in(None, OsStr::new("/nowhere")).unwrap_err());
        assert!(none.contains("apt install chromium") && none.contains("--chromium"), "{none}");
    }
}
