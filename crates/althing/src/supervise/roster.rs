//! How the children are, as far as they have been heard of, and what the operator reads of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use service::config::{Config, Tls};

use super::child::Fact;
use super::plan::{Kind, Plan};
use crate::presence::Presence;
use crate::print;

pub(super) struct Roster {
    entries: BTreeMap<String, Entry>,
    /// in the order of the plan
    names: Vec<String>,
}

struct Entry {
    kind: Kind,
    log: PathBuf,
    started: bool,
    ready: bool,
    presence: Option<Presence>,
    /// why it is not ready
    reason: Option<String>,
}

impl Roster {
    pub(super) fn of<'a>(plans: impl Iterator<Item = &'a Plan>) -> Self {
        let (mut entries, mut names) = (BTreeMap::new(), Vec::new());
        for Plan { name, kind, log, .. } in plans {
            let (kind, log) = (*kind, log.clone());
            let entry = Entry { kind, log, started: false, ready: false, presence: None, reason: None };
            entries.insert(name.clone(), entry);
            names.push(name.clone());
        }
        Self { entries, names }
    }

    pub(super) fn started(&mut self, name: &str) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.started = true;
        }
    }

    pub(super) fn note(&mut self, name: &str, fact: &Fact) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        match fact {
            Fact::Up(presence) => entry.presence = Some(presence.clone()),
            Fact::NotReady(reason) => entry.reason = Some(reason.clone()),
            Fact::Ready => entry.ready = true,
            Fact::Died { .. } => entry.ready = false,
        }
    }

    /// Of those that were started.
    pub(super) fn all_ready(&self) -> bool {
        self.entries.values().all(|entry| entry.ready || !entry.started)
    }

    /// `(2 of 5)`
    pub(super) fn progress(&self) -> String {
        let ready = self.entries.values().filter(|entry| entry.ready).count();
        format!("({ready} of {})", self.entries.len())
    }

    pub(super) fn who_is_missing(&self, after: Duration) -> String {
        let missing = self.entries.iter().filter(|(_, entry)| entry.started && !entry.ready);
        let lines = missing.map(|(name, entry)| {
            let reason = entry.reason.as_deref().unwrap_or("it does not say why");
            format!("{name} is not ready after {after:?}: {reason}; its log is {}", entry.log.display())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn log(&self, name: &str) -> String {
        self.entries.get(name).map(|entry| entry.log.display().to_string()).unwrap_or_default()
    }

    /// 0 for one that never came up.
    pub(super) fn pid(&self, name: &str) -> u32 {
        self.presence(name).map_or(0, |presence| presence.pid)
    }

    pub(super) fn ready_again(&self, name: &str) -> String {
        let presence = self.presence(name).map(ToString::to_string).unwrap_or_default();
        format!("{name} is ready again; {presence}")
    }

    /// The addresses to open, and who runs where.
    pub(super) fn welcome(&self, config: &Config) -> String {
        let scheme = if config.tls == Tls::Off { "http" } else { "https" };
        let of_kind = |wanted: Kind| {
            let names = self.names.iter().filter(move |name| self.entries[*name].kind == wanted);
            names.filter_map(|name| self.presence(name))
        };
        let addresses: Vec<String> =
            of_kind(Kind::Router).map(|presence| format!("{scheme}://{}", presence.address)).collect();
        let open = match &config.public_url {
            Some(url) => format!("{url} (on this machine {})", addresses.join(" or ")),
            None => addresses.join(" or "),
        };
        let admin = of_kind(Kind::Router).find_map(|presence| presence.admin);
        let admin = admin.map(|admin| format!("  admin  http://{admin}\n")).unwrap_or_default();
        let rows: Vec<Vec<String>> = self.names.iter().map(|name| self.row(name)).collect();
        let table = print::table(&["NODE", "PID", "ADDRESS", "ADMIN", "LOG"], &rows);
        format!("Althing is up. Open {open}\n{admin}\n{table}\n")
    }

    fn row(&self, name: &str) -> Vec<String> {
        let presence = self.presence(name);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            name.to_owned(),
            or_dash(presence.map(|presence| presence.pid.to_string())),
            or_dash(presence.map(|presence| presence.address.to_string())),
            or_dash(presence.and_then(|presence| presence.admin).map(|admin| format!("http://{admin}"))),
            self.log(name),
        ]
    }

    fn presence(&self, name: &str) -> Option<&Presence> {
        self.entries.get(name)?.presence.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use service::config::{Sources, load};

    use super::*;

    fn plan(name: &str, kind: Kind) -> Plan {
        let log = PathBuf::from(format!("data/log/{name}.log"));
        Plan { name: name.to_owned(), kind, arguments: Vec::new(), variables: Vec::new(), log }
    }

    fn up(id: &str, pid: u32, admin: Option<&str>) -> Fact {
        let address = "127.0.0.1:8000".parse().unwrap();
        Fact::Up(Presence { id: id.to_owned(), pid, address, admin: admin.map(|at| at.parse().unwrap()) })
    }

    #[test]
    fn the_operator_reads_where_to_go_and_who_runs() {
        let plans = [plan("nats", Kind::Engine), plan("router-1", Kind::Router)];
        let mut roster = Roster::of(plans.iter());
        roster.started("nats");
        assert!(!roster.all_ready());
        roster.note("nats", &up("nats", 7, None));
        roster.note("nats", &Fact::Ready);
        assert!(roster.all_ready(), "the other was not started yet");
        assert_eq!(roster.progress(), "(1 of 2)");
        roster.started("router-1");
        roster.note("router-1", &Fact::NotReady("no shard".to_owned()));
        let missing = roster.who_is_missing(Duration::from_secs(60));
        assert_eq!(missing, "router-1 is not ready after 60s: no shard; its log is data/log/router-1.log");
        roster.note("router-1", &up("router-1", 8, Some("127.0.0.1:8001")));
        roster.note("router-1", &Fact::Ready);
        let expected = "\
Althing is up. Open http://127.0.0.1:8000
  admin  http://127.0.0.1:8001

NODE      PID  ADDRESS         ADMIN                  LOG
nats      7    127.0.0.1:8000  -                      data/log/nats.log
router-1  8    127.0.0.1:8000  http://127.0.0.1:8001  data/log/router-1.log

";
        assert_eq!(roster.welcome(&load(&Sources::default()).unwrap()), expected);
        assert_eq!(roster.pid("router-1"), 8);
    }
}
