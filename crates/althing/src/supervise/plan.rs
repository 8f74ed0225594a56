//! Which processes a cluster on this machine has, and what each of them is told.
//!
//! A child gets the configuration file and the flags of its parent, the flags as variables, and over both what makes it
//! the one that it is. Nothing secret stands on a command line: whoever lists processes would read it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use service::config::{Config, Flags};

use crate::flags::Size;
use crate::presence::Presence;

/// What all children are told.
pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    pub(super) file: Option<&'a Path>,
    pub(super) flags: Flags,
    /// of the bridges' account
    pub(super) password: String,
    /// `None`: the configuration names one
    pub(super) engine: Option<Engine>,
}

/// The engine that we start ourselves.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) address: SocketAddr,
    pub(super) token: String,
}

/// One child: its command line without the program, and its variables.
#[derive(Clone)]
pub(super) struct Plan {
    /// its id in the cluster
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) log: PathBuf,
}

/// In the order in which they end: clients lose their sockets first, the engine goes when nobody needs it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Router,
    Shard,
    Bridge,
    Engine,
}

/// The constant that every node tells its clients as its shard, where nobody chose one.
const SHARD_NAME: &str = "althing";

const ANY_LOOPBACK: &str = "127.0.0.1:0";

impl Plan {
    /// A router that is started again is where it was: its clients know no other address.
    pub(super) fn keep_ports(&mut self, presence: &Presence) {
        if self.kind != Kind::Router {
            return;
        }
        let mut flags = Flags::default();
        flags.set("http", Some(presence.address));
        flags.set("admin", presence.admin);
        self.variables.extend(flags.variables());
    }
}

/// The children in waves: each wave starts when the one before it is ready. The first router has its certificate when
/// the others come for it.
pub(super) fn waves(size: Size, shared: &Shared<'_>) -> Vec<Vec<Plan>> {
    let shards = (1..=size.shards).map(|n| shard(shared, n));
    let bridges = (1..=size.bridges).map(|n| bridge(shared, n));
    let mut ports = Ports::of(shared.config);
    let mut routers: Vec<Plan> = (1..=size.routers).map(|n| router(shared, n, ports.next(n))).collect();
    let others = routers.split_off(1);
    [shards.chain(bridges).collect(), routers, others].into_iter().filter(|wave| !wave.is_empty()).collect()
}

/// Where the log of a child is.
pub(super) fn log(config: &Config, name: &str) -> PathBuf {
    config.data.join("log").join(format!("{name}.log"))
}

fn shard(shared: &Shared<'_>, n: u32) -> Plan {
    let name = format!("shard-{n}");
    let mut flags = Flags::default();
    flags.set("shard.id", Some(&name));
    flags.set("shard.http", Some(ANY_LOOPBACK));
    flags.set("shard.admin", Some(ANY_LOOPBACK));
    flags.set("xmpp.listen", Some(ANY_LOOPBACK));
    plan(shared, name, Kind::Shard, &flags)
}

fn bridge(shared: &Shared<'_>, n: u32) -> Plan {
    let name = format!("bridge-{n}");
    let media = shared.config.media_port;
    let mut flags = Flags::default();
    flags.set("bridge.id", Some(&name));
    flags.set("bridge.http", Some(ANY_LOOPBACK));
    flags.set("bridge.admin", Some(ANY_LOOPBACK));
    flags.set("media-port", Some(if media == 0 { 0 } else { u32::from(media) + n - 1 }));
    plan(shared, name, Kind::Bridge, &flags)
}

fn router(shared: &Shared<'_>, n: u32, at: (SocketAddr, SocketAddr)) -> Plan {
    let name = format!("router-{n}");
    let mut flags = Flags::default();
    flags.set("router.id", Some(&name));
    flags.set("http", Some(at.0));
    flags.set("admin", Some(at.1));
    plan(shared, name, Kind::Router, &flags)
}

fn plan(shared: &Shared<'_>, name: String, kind: Kind, own: &Flags) -> Plan {
    let verb = match kind {
        Kind::Router => "router",
        Kind::Shard => "shard",
        Kind::Bridge => "bridge",
        Kind::Engine => unreachable!("the engine is no role"),
    };
    let mut arguments = vec![verb.to_owned(), "--end-with-input".to_owned()];
    if let Some(file) = shared.file {
        arguments.extend(["--config".to_owned(), file.display().to_string()]);
    }
    let mut variables = shared.flags.variables();
    variables.extend(common(shared).variables());
    variables.extend(own.variables());
    Plan { log: log(shared.config, &name), name, kind, arguments, variables }
}

fn common(shared: &Shared<'_>) -> Flags {
    let mut flags = Flags::default();
    if let Some(engine) = &shared.engine {
        flags.set("journal.url", Some(format!("nats://{}", engine.address)));
        flags.set("journal.token", Some(&engine.token));
    }
    flags.set("bridge.password", Some(&shared.password));
    flags.set("shard-name", Some(shared.config.shard_name.as_deref().unwrap_or(SHARD_NAME)));
    flags
}

/// The ports of routers: the first has those of the configuration, the others the ones after it, and any for operators.
struct Ports {
    http: SocketAddr,
    admin: SocketAddr,
    next: u16,
}

impl Ports {
    fn of(config: &Config) -> Self {
        Self { http: config.http, admin: config.admin, next: config.http.port() }
    }

    fn next(&mut self, n: u32) -> (SocketAddr, SocketAddr) {
        let mut admin = self.admin;
        if n > 1 {
            admin.set_port(0);
        }
        let mut http = self.http;
        if self.next != 0 {
            // The default of the admin port is the one after that of browsers.
            if n > 1 && self.next == self.admin.port() {
                self.next += 1;
            }
            http.set_port(self.next);
            self.next = self.next.saturating_add(1);
        }
        (http, admin)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use service::config::{Sources, load};

    use super::*;

    fn check(given: &[(&str, &str)], size: Size, each: impl Fn(&[Vec<Plan>])) {
        let mut flags = Flags::default();
        given.iter().for_each(|(key, value)| flags.set(key, Some(value)));
        let config = load(&Sources { flags: flags.clone(), ..Sources::default() }).unwrap();
        let engine = Engine { address: "127.0.0.1:4222".parse().unwrap(), token: "hunter2".to_owned() };
        let password = "hunter3".to_owned();
        let shared = Shared {
            config: &config,
            file: Some(Path::new("/x.toml")),
            flags,
            password,
            engine: Some(engine),
        };
        each(&waves(size, &shared));
    }

    fn of<'a>(waves: &'a [Vec<Plan>], name: &str) -> (&'a Plan, BTreeMap<&'a str, &'a str>) {
        let plan = waves.iter().flatten().find(|plan| plan.name == name).unwrap();
        (plan, plan.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
    }

    const SIZE: Size = Size { shards: 2, bridges: 2, routers: 3 };

    #[test]
    fn bridges_and_routers_have_ports_one_after_the_other() {
        check(&[], SIZE, |waves| {
            assert_eq!(waves.iter().map(Vec::len).collect::<Vec<_>>(), [4, 1, 2]);
            assert_eq!(of(waves, "bridge-2").1["ALTHING_MEDIA_PORT"], "10001");
            assert_eq!(of(waves, "router-1").1["ALTHING_HTTP"], "127.0.0.1:8000");
            assert_eq!(of(waves, "router-1").1["ALTHING_ADMIN"], "127.0.0.1:8001");
            assert_eq!(of(waves, "router-2").1["ALTHING_HTTP"], "127.0.0.1:8002", "8001 is for operators");
            assert_eq!(of(waves, "router-3").1["ALTHING_HTTP"], "127.0.0.1:8003");
            assert_eq!(of(waves, "router-3").1["ALTHING_ADMIN"], "127.0.0.1:0");
        });
        check(&[("http", "127.0.0.1:0"), ("media-port", "0")], SIZE, |waves| {
            assert_eq!(of(waves, "bridge-2").1["ALTHING_MEDIA_PORT"], "0");
            assert_eq!(of(waves, "router-3").1["ALTHING_HTTP"], "127.0.0.1:0");
        });
    }

    #[test]
    fn a_child_is_told_what_its_parent_was_told_but_no_secret_on_its_command_line() {
        check(&[("xmpp.domain", "meet.example"), ("shard-name", "main")], SIZE, |waves| {
            let (plan, variables) = of(waves, "shard-2");
            assert_eq!(plan.arguments, ["shard", "--end-with-input", "--config", "/x.toml"]);
            assert!(plan.log.ends_with("log/shard-2.log"));
            assert_eq!(variables["ALTHING_XMPP_DOMAIN"], "meet.example");
            assert_eq!(variables["ALTHING_SHARD_NAME"], "main");
            assert_eq!(variables["ALTHING_JOURNAL_TOKEN"], "hunter2");
            assert_eq!(variables["ALTHING_BRIDGE_PASSWORD"], "hunter3");
            let variables = plan.variables.clone();
            let config = load(&Sources { variables, ..Sources::default() }).unwrap();
            assert_eq!(config.shard.id, "shard-2");
            assert_eq!(config.as_shard().unwrap().password, "hunter3");
        });
    }
}
