//! What belongs to a cluster: its engine, and what a process must know before it may be one of its nodes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Error;
use super::check::{Checked, duration, filled, node, number, socket, wrong};
use super::checked::{Config, Journal, Login, Shard, Url};
use super::raw::{RawCluster, RawJournal, RawShard};

/// For an engine, at the start.
const WAIT_TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// What only a node of a cluster has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// of the cluster, on the engine
    pub name: String,
    pub journal: Journal,
    /// of the bridges' account
    pub password: String,
}

/// The part of the configuration that a node listens with.
type Listening = (&'static str, SocketAddr);

impl Config {
    /// The configuration as one of a router that is a process of its own.
    ///
    /// # Errors
    /// What all nodes have to share is missing.
    pub fn as_router(&self) -> Result<Cluster, Error> {
        self.as_node("router", &[("admin", self.admin)])
    }

    /// The configuration as one of a shard that is a process of its own.
    ///
    /// # Errors
    /// What all nodes have to share is missing, or nobody could reach it.
    pub fn as_shard(&self) -> Result<Cluster, Error> {
        let shard = &self.shard;
        self.as_node(
            "shard",
            &[("shard.http", shard.http), ("shard.admin", shard.admin), ("xmpp.listen", self.xmpp.listen)],
        )
    }

    /// The configuration as one of a bridge that is a process of its own.
    ///
    /// # Errors
    /// What all nodes have to share is missing, or nobody could reach it.
    pub fn as_bridge(&self) -> Result<Cluster, Error> {
        let bridge = &self.bridge;
        self.as_node("bridge", &[("bridge.http", bridge.http), ("bridge.admin", bridge.admin)])
    }

    fn as_node(&self, role: &'static str, listening: &[Listening]) -> Result<Cluster, Error> {
        let missing = |key, why| Error::Missing { role, key, why };
        let journal = self.journal.clone().ok_or_else(|| {
            missing("journal.url", "the engine through which its nodes find each other, the same for all")
        })?;
        let password = self.bridge.password.clone().ok_or_else(|| {
            missing(
                "bridge.password",
                "with it bridges log in at the shards; it must be the same for all nodes",
            )
        })?;
        if self.shard_name.is_none() {
            return Err(missing(
                "shard-name",
                "one constant for the whole cluster; a client reloads its page when it changes",
            ));
        }
        match listening.iter().find(|(_, address)| address.ip().is_unspecified()) {
            Some(&(key, address)) => Err(Error::Unreachable { key, address }),
            None => Ok(Cluster { name: self.cluster.clone(), journal, password }),
        }
    }
}

pub(super) fn shard(raw: &RawShard) -> Checked<Shard> {
    Ok(Shard {
        id: node("shard.id", &raw.id)?,
        http: socket("shard.http", &raw.http)?,
        admin: socket("shard.admin", &raw.admin)?,
    })
}

/// It becomes a part of names on the engine, which have no dots.
pub(super) fn name(raw: &RawCluster) -> Checked<String> {
    let name = node("cluster.name", &raw.name)?;
    if name.len() > 32 || name.contains('.') {
        return wrong(
            "cluster.name",
            &format!("{name:?} is no name: at most 32 of a-z, 0-9, \"-\" and \"_\""),
        );
    }
    Ok(name)
}

pub(super) fn journal(raw: &RawJournal) -> Checked<Option<Journal>> {
    let login = login(raw)?;
    let tls_ca = raw.tls_ca.as_deref().map(|path| filled("journal.tls-ca", path)).transpose()?;
    let replicas = raw.replicas.map(|n| number("journal.replicas", n, 1..=5)).transpose()?;
    let streams = raw.streams.map(|n| number("journal.streams", n, 1..=256)).transpose()?;
    let wait = raw.wait.as_deref().map(|text| duration("journal.wait", text, Duration::ZERO, WAIT_TIME_MAX));
    let wait = wait.transpose()?;
    let Some(text) = &raw.url else {
        // Whoever writes down a login means an engine, and must not get a file instead.
        return if login == Login::None {
            Ok(None)
        } else {
            wrong("journal.url", "there is a login for the engine of the journal, but not its address")
        };
    };
    let urls = text.split(',').map(str::trim).map(url).collect::<Checked<Vec<_>>>()?;
    Ok(Some(Journal { urls, login, tls_ca: tls_ca.map(PathBuf::from), replicas, streams, wait }))
}

fn login(raw: &RawJournal) -> Checked<Login> {
    let text = |key, given: &Option<String>| given.as_deref().map(|text| filled(key, text)).transpose();
    let user = text("journal.user", &raw.user)?;
    let password = text("journal.password", &raw.password)?;
    let token = text("journal.token", &raw.token)?;
    let credentials = text("journal.credentials", &raw.credentials)?;
    match (user, password, token, credentials) {
        (None, None, None, None) => Ok(Login::None),
        (Some(user), Some(password), None, None) => Ok(Login::Password { user, password }),
        (None, None, Some(token), None) => Ok(Login::Token(token)),
        (None, None, None, Some(path)) => Ok(Login::Credentials(PathBuf::from(path))),
        (Some(_), None, _, _) => wrong("journal.password", "journal.user is given, but not its password"),
        (None, Some(_), _, _) => wrong("journal.user", "journal.password is given, but not whose it is"),
        _ => wrong(
            "journal.token",
            "there is more than one login; choose user and password, or a token, or credentials",
        ),
    }
}

fn url(text: &str) -> Checked<Url> {
    let host = ["nats://", "tls://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() && !host.contains(char::is_whitespace) => Ok(Url(text.to_owned())),
        // The text may hold a password: it is not repeated.
        _ => {
            wrong("journal.url", "it is no address of a NATS server; write it like \"nats://10.0.0.1:4222\"")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sources, load};
    use super::*;

    const ENGINE: (&str, &str) = ("ALTHING_JOURNAL_URL", "nats://127.0.0.1:4222");
    const PASSWORD: (&str, &str) = ("JVB_AUTH_PASSWORD", "0123");
    const CONSTANT: (&str, &str) = ("DEPLOYMENTINFO_SHARD", "main");

    fn from(variables: &[(&str, &str)]) -> Result<Config, Error> {
        let variables = variables.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
        load(&Sources { variables, ..Sources::default() })
    }

    fn check_journal(variables: &[(&str, &str)], expected: Result<Login, &[&str]>) {
        match (from(&[&[ENGINE], variables].concat()), expected) {
            (Ok(config), Ok(login)) => assert_eq!(config.journal.unwrap().login, login),
            (Err(error), Err(parts)) => {
                let error = error.to_string();
                assert!(parts.iter().all(|part| error.contains(part)), "{parts:?} are not in {error:?}");
            }
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn one_way_to_log_in_at_the_engine() {
        let (user, password) = ("ALTHING_JOURNAL_USER", "ALTHING_JOURNAL_PASSWORD");
        let (token, file) = ("ALTHING_JOURNAL_TOKEN", "ALTHING_JOURNAL_CREDENTIALS");
        let both = Login::Password { user: "u".to_owned(), password: "p".to_owned() };
        check_journal(&[], Ok(Login::None));
        check_journal(&[(user, "u"), (password, "p")], Ok(both));
        check_journal(&[(token, "t")], Ok(Login::Token("t".to_owned())));
        check_journal(&[(file, "/x.creds")], Ok(Login::Credentials("/x.creds".into())));
        check_journal(&[(user, "u")], Err(&["journal.password:"]));
        check_journal(&[(password, "p")], Err(&["journal.user:"]));
        check_journal(&[(token, "t"), (file, "f")], Err(&["more than one login"]));
        check_journal(
            &[("ALTHING_JOURNAL_REPLICAS", "9")],
            Err(&["journal.replicas:", "ALTHING_JOURNAL_REPLICAS"]),
        );
        check_journal(&[("ALTHING_JOURNAL_STREAMS", "0")], Err(&["journal.streams:"]));
        check_journal(&[("ALTHING_JOURNAL_WAIT", "2 days")], Err(&["journal.wait:", "such as"]));
        check_journal(&[("ALTHING_CLUSTER_NAME", "Two Words")], Err(&["cluster.name:"]));
        check_journal(&[("ALTHING_CLUSTER_NAME", "a.b")], Err(&["cluster.name:", "32"]));
        check_journal(&[("ALTHING_JOURNAL_URL", "nats://a, http://b")], Err(&["journal.url:", "nats://"]));
        let error = from(&[(token, "t")]).unwrap_err().to_string();
        assert!(error.contains("journal.url:"), "{error}");
    }

    #[test]
    fn an_engine_has_several_servers_and_no_secret_is_shown() {
        let servers = ("ALTHING_JOURNAL_URL", "nats://u:hunter2@a:4222, tls://b:4222");
        let journal = from(&[servers, ("ALTHING_JOURNAL_STREAMS", "4")]).unwrap().journal.unwrap();
        assert_eq!(journal.urls[0].0, "nats://u:hunter2@a:4222");
        assert_eq!(journal.urls[0].to_string(), "nats://...@a:4222");
        assert_eq!((journal.urls.len(), journal.streams), (2, Some(4)));
        let login = Login::Token("hunter2".to_owned());
        assert!(!format!("{journal:?} {login:?}").contains("hunter2"));
        assert_eq!(from(&[]).unwrap().journal, None);
    }

    #[test]
    fn a_node_says_what_it_lacks() {
        let check = |variables: &[(&str, &str)], parts: &[&str]| {
            let error = from(variables).unwrap().as_shard().unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{parts:?} are not in {error:?}");
        };
        check(&[], &["a shard of a cluster needs journal.url"]);
        check(&[ENGINE], &["needs bridge.password", "same for all"]);
        check(&[ENGINE, PASSWORD], &["needs shard-name", "constant"]);
        let all = [ENGINE, PASSWORD, CONSTANT];
        check(
            &[&all[..], &[("ALTHING_SHARD_HTTP", "0.0.0.0:5280")]].concat(),
            &["shard.http", "own address"],
        );
        check(&[&all[..], &[("ALTHING_XMPP_LISTEN", "[::]:5222")]].concat(), &["xmpp.listen"]);

        let config = from(&all).unwrap();
        let cluster = config.as_shard().unwrap();
        assert_eq!((cluster.name.as_str(), cluster.password.as_str()), ("althing", "0123"));
        assert_eq!(config.as_router().unwrap(), cluster);
        assert_eq!(config.as_bridge().unwrap(), cluster);
    }
}
