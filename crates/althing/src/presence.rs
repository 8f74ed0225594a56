//! The one line that a process of a cluster says on standard output, when it listens: for people, and for whoever
//! started it.

use std::fmt;
use std::net::SocketAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Presence {
    /// `shard-1`
    pub(crate) id: String,
    pub(crate) pid: u32,
    /// where it takes its work
    pub(crate) address: SocketAddr,
    /// `None`: it has no admin port
    pub(crate) admin: Option<SocketAddr>,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, pid, address, admin } = self;
        write!(f, "{id} is up: pid {pid}, at {address}")?;
        admin.map_or(Ok(()), |admin| write!(f, ", for operators http://{admin}"))
    }
}

impl Presence {
    /// Reads what [`fmt::Display`] wrote.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (id, rest) = line.split_once(" is up: pid ")?;
        let (pid, rest) = rest.split_once(", at ")?;
        let (address, admin) = match rest.split_once(", for operators http://") {
            Some((address, admin)) => (address, Some(admin.parse().ok()?)),
            None => (rest, None),
        };
        Some(Self { id: id.to_owned(), pid: pid.parse().ok()?, address: address.parse().ok()?, admin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_can_be_read() {
        let check = |admin: Option<&str>, line: &str| {
            let presence = Presence {
                id: "shard-1".to_owned(),
                pid: 4711,
                address: "127.0.0.1:5280".parse().unwrap(),
                admin: admin.map(|admin| admin.parse().unwrap()),
            };
            assert_eq!(presence.to_string(), line);
            assert_eq!(Presence::parse(line), Some(presence));
        };
        check(None, "shard-1 is up: pid 4711, at 127.0.0.1:5280");
        check(Some("[::1]:1"), "shard-1 is up: pid 4711, at 127.0.0.1:5280, for operators http://[::1]:1");
        for line in ["", "shard-1 is up: pid x, at 127.0.0.1:1", "Althing is up. Open http://127.0.0.1:8000"]
        {
            assert_eq!(Presence::parse(line), None, "{line}");
        }
    }
}
