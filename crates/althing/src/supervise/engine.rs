//! The engine of a cluster on this machine: a `nats-server` of our own, on loopback, with its store in the data directory.
//!
//! It asks for a token, for whoever is on this machine too could write to it otherwise. Its configuration has the token
//! and is for our own eyes.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use service::config::Config;

use super::plan::{self, Engine, Kind, Plan};
use crate::parts;

const PROGRAM: &str = "nats-server";

/// Debian's place, which is not on everybody's PATH.
const ELSEWHERE: &str = "/usr/sbin";

pub(super) const NAME: &str = "nats";

/// Chooses a port and writes the configuration.
///
/// # Errors
/// There is no such program, or the data directory cannot be written.
pub(super) fn prepare(config: &Config) -> anyhow::Result<(Engine, Plan)> {
    let program = find()?;
    let store = config.data.join("nats");
    fs::create_dir_all(&store).with_context(|| format!("{} cannot be made", store.display()))?;
    let store = store.canonicalize().with_context(|| format!("{} cannot be found", store.display()))?;
    let engine = Engine { address: free_port()?, token: parts::password() };
    let file = store.join("nats.conf");
    write(&file, &configuration(&engine, &store))?;
    let text = |path: &Path| path.display().to_string();
    let (address, lock) = (engine.address.to_string(), text(&store.join("lock")));
    let keep = ["keep", "--id", NAME, "--address", &address, "--lock", &lock, "--"];
    let line = [text(&program), "--config".to_owned(), text(&file)];
    let arguments = keep.into_iter().map(str::to_owned).chain(line).collect();
    let log = plan::log(config, NAME);
    Ok((engine, Plan { name: NAME.to_owned(), kind: Kind::Engine, arguments, variables: Vec::new(), log }))
}

fn find() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from(ELSEWHERE)]);
    let found = folders.map(|folder| folder.join(PROGRAM)).find(|file| file.is_file());
    let Some(found) = found else {
        bail!(
            "a cluster keeps its meetings on a NATS server, and {PROGRAM} is not on the PATH; install it (on Debian and \
             Ubuntu: apt-get install -y nats-server), or name a running one with --journal nats://HOST:4222"
        );
    };
    Ok(found)
}

/// Free a moment ago. Whoever takes it meanwhile is told by the server's log.
fn free_port() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port for the engine")?;
    listener.local_addr().context("no port for the engine")
}

fn configuration(engine: &Engine, store: &Path) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!(
        "listen: {}\njetstream {{ store_dir: {} }}\nauthorization {{ token: {} }}\n",
        quoted(&engine.address.to_string()),
        quoted(&store.display().to_string()),
        quoted(&engine.token),
    )
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    // The mode of a file that is there already would stay.
    let _ = fs::remove_file(path);
    let mut file: File = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_token_is_for_our_own_eyes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nats.conf");
        fs::write(&path, "old").unwrap();
        let engine = Engine { address: "127.0.0.1:4222".parse().unwrap(), token: "t".to_owned() };
        write(&path, &configuration(&engine, Path::new("/a \"b\""))).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let expected = "listen: \"127.0.0.1:4222\"\njetstream { store_dir: \"/a \\\"b\\\"\" }\n\
                        authorization { token: \"t\" }\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }
}
