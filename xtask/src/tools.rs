//! What the machine must have beside Rust, and how it gets there: from Debian's own packages, or by the person's hand.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{command, first_line, run};

/// Oldest Node.js that the web client and the browser tests are built with.
const NODE_MAJOR_MIN: u32 = 18;

/// Something a verb needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// `cc` and the C library's headers, for the cryptography that rustls uses
    Compiler,
    Node,
    Chromium,
    /// NATS, the journal's engine in a cluster; Debian's 2.9.10 is the oldest that works
    Engine,
    /// HAProxy, which stands before the routers
    Balancer,
    /// `ip`, for networks inside this machine that can be cut
    Network,
    /// The stock XMPP server, to measure beside
    Prosody,
    /// wrk, a source of requests over HTTP
    Requests,
    /// A stock media server with rooms, to measure beside
    Janus,
}

/// What the scenarios need, and with them all tests.
pub(crate) const SCENARIOS: &[Tool] =
    &[Tool::Compiler, Tool::Node, Tool::Chromium, Tool::Engine, Tool::Balancer, Tool::Network, Tool::Prosody];

/// What the figures of a failover need.
pub(crate) const FAILOVER: &[Tool] =
    &[Tool::Compiler, Tool::Node, Tool::Engine, Tool::Balancer, Tool::Prosody];

/// What measuring beside stock parts needs.
pub(crate) const PEERS: &[Tool] =
    &[Tool::Compiler, Tool::Node, Tool::Engine, Tool::Balancer, Tool::Prosody, Tool::Requests, Tool::Janus];

/// Makes sure that they are there. On Debian and Ubuntu, as root, what is missing is installed.
///
/// # Errors
/// With the one line to type, where it may not or cannot install.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing: Vec<Tool> = tools.iter().copied().filter(|tool| !tool.present()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages()).copied().collect();
    let line = format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "));
    if first_line("apt-get", &["--version"]).is_none() {
        let names: Vec<&str> = missing.iter().map(|tool| tool.name()).collect();
        bail!("this machine lacks {}; install it and call again (on Debian: {line})", names.join(" and "));
    }
    if first_line("id", &["-u"]).as_deref() != Some("0") {
        bail!("this machine lacks something; install it and call again:\n\n    sudo sh -c '{line}'\n");
    }
    install(&packages)?;
    match missing.iter().find(|tool| !tool.present()) {
        Some(tool) => bail!("{} is still not there after `{line}`", tool.name()),
        None => Ok(()),
    }
}

/// Where the browser is: `ALTHING_CHROMIUM` if that is set, else Debian's place.
pub(crate) fn chromium() -> String {
    std::env::var("ALTHING_CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned())
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Compiler => "a C compiler",
            Self::Node => "Node.js 18 or newer with npm",
            Self::Chromium => "Chromium",
            Self::Engine => "nats-server",
            Self::Balancer => "HAProxy",
            Self::Network => "iproute2",
            Self::Prosody => "Prosody",
            Self::Requests => "wrk",
            Self::Janus => "Janus",
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Compiler => &["build-essential"],
            Self::Node => &["nodejs", "npm"],
            Self::Chromium => &["chromium", "fonts-dejavu-core"],
            Self::Engine => &["nats-server"],
            Self::Balancer => &["haproxy"],
            Self::Network => &["iproute2"],
            Self::Prosody => &["prosody"],
            Self::Requests => &["wrk"],
            Self::Janus => &["janus"],
        }
    }

    fn present(self) -> bool {
        match self {
            Self::Compiler => first_line("cc", &["--version"]).is_some(),
            Self::Node => {
                let version = first_line("node", &["--version"]).unwrap_or_default();
                node_major(&version).is_some_and(|major| major >= NODE_MAJOR_MIN)
                    && first_line("npm", &["--version"]).is_some()
            }
            Self::Chromium => Path::new(&chromium()).exists(),
            Self::Engine => is_installed("nats-server", "--version"),
            Self::Balancer => is_installed("haproxy", "-v"),
            Self::Network => is_installed("ip", "-V"),
            // it has no flag that only tells its version
            Self::Prosody => Path::new("/usr/bin/prosody").exists(),
            // it says its version and that it failed
            Self::Requests => Path::new("/usr/bin/wrk").exists(),
            Self::Janus => Path::new("/usr/bin/janus").exists(),
        }
    }
}

/// On the PATH, or in Debian's place, which is not on everybody's.
fn is_installed(program: &str, question: &str) -> bool {
    let elsewhere = format!("/usr/sbin/{program}");
    [program, &elsewhere].into_iter().any(|program| first_line(program, &[question]).is_some())
}

fn install(packages: &[&str]) -> Result<()> {
    let folder = Path::new("/");
    let _quiet = NoServices::begin();
    run(&mut quiet(command(folder, "apt-get", &["update", "-q"])))?;
    let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
    arguments.extend_from_slice(packages);
    run(&mut quiet(command(folder, "apt-get", &arguments)))
}

/// While it lives, Debian's packages start none of the services that they bring: tests start their own, on ports that
/// nobody else has. Where the machine has a policy of its own, that holds.
struct NoServices(Option<&'static Path>);

impl NoServices {
    fn begin() -> Self {
        let policy = Path::new("/usr/sbin/policy-rc.d");
        let forbid = || {
            let mut file =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(policy)?;
            // the code for "forbidden by policy" (invoke-rc.d(8))
            file.write_all(b"#!/bin/sh\nexit 101\n")
        };
        Self(forbid().is_ok().then_some(policy))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = self.0 {
            let _ = std::fs::remove_file(policy);
        }
    }
}

fn quiet(mut command: Command) -> Command {
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// `v18.19.0` is 18.
fn node_major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_nodes_version() {
        assert_eq!(node_major("v18.19.0"), Some(18));
        assert_eq!(node_major("v20.20.2"), Some(20));
        assert_eq!(node_major(""), None);
        assert_eq!(node_major("node 18"), None);
    }
}
