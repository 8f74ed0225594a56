//! The addresses that clients are told, and how they relate to the addresses that datagrams really come to.
//!
//! Without a NAT the two are the same. Behind one (`advertise` names the public address) a datagram arrives at an
//! address of this machine that no client knows; the forwarding machine is shown the advertised one in its place,
//! and the answer leaves from whatever address the kernel's routes choose.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::limits::CANDIDATES_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// never empty
    candidates: Vec<SocketAddr>,
    /// this machine's own addresses, which a datagram may leave from
    own: Vec<IpAddr>,
}

impl Addresses {
    /// For sockets bound to `bound`.
    ///
    /// # Errors
    /// The kernel does not tell the interfaces' addresses, or none can be offered.
    pub(crate) fn of_machine(bound: SocketAddr, advertise: &[IpAddr]) -> io::Result<Self> {
        let own = if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip()).collect();
        Self::new(bound, advertise, own).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("no address of this machine can be offered for {bound}: name one to advertise"),
            )
        })
    }

    fn new(bound: SocketAddr, advertise: &[IpAddr], own: Vec<IpAddr>) -> Option<Self> {
        let mut offered = if advertise.is_empty() { reachable(bound.ip(), &own) } else { advertise.to_vec() };
        offered.sort();
        offered.dedup();
        offered.truncate(CANDIDATES_MAX);
        let candidates: Vec<_> =
            offered.into_iter().map(|ip| SocketAddr::new(ip.to_canonical(), bound.port())).collect();
        (!candidates.is_empty()).then_some(Self { candidates, own })
    }

    pub(crate) fn candidates(&self) -> &[SocketAddr] {
        &self.candidates
    }

    /// The candidate that a datagram to the local address `local` was meant for.
    pub(crate) fn candidate_of(&self, local: Option<IpAddr>, source: SocketAddr) -> SocketAddr {
        let of_family = |c: &&SocketAddr| c.is_ipv4() == source.is_ipv4();
        self.candidates
            .iter()
            .find(|c| Some(c.ip()) == local)
            .or_else(|| self.candidates.iter().find(of_family))
            .copied()
            .unwrap_or(self.candidates[0])
    }

    /// The local address to send from for a candidate; `None`: the kernel's choice.
    pub(crate) fn local_of(&self, candidate: IpAddr) -> Option<IpAddr> {
        self.own.contains(&candidate).then_some(candidate)
    }
}

/// The addresses at which somebody else may reach a socket bound to `bound`.
fn reachable(bound: IpAddr, own: &[IpAddr]) -> Vec<IpAddr> {
    if !bound.is_unspecified() {
        return vec![bound];
    }
    let family: Vec<IpAddr> = own.iter().copied().filter(|ip| bound.is_ipv6() || ip.is_ipv4()).collect();
    let routed: Vec<IpAddr> =
        family.iter().copied().filter(|ip| !ip.is_loopback() && !is_link_local(*ip)).collect();
    if routed.is_empty() { family.into_iter().filter(IpAddr::is_loopback).collect() } else { routed }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => Ipv6Addr::is_unicast_link_local(&v6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 10_000;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn offered(bound: &str, advertise: &[&str], own: &[&str]) -> Vec<String> {
        let bound = SocketAddr::new(bound.parse().unwrap(), PORT);
        Addresses::new(bound, &ips(advertise), ips(own))
            .map(|a| a.candidates().iter().map(|c| c.ip().to_string()).collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_wildcard_offers_what_others_can_reach() {
        let own = ["127.0.0.1", "10.0.0.5", "169.254.1.1", "::1", "fe80::1", "2001:db8::5"];
        assert_eq!(offered("0.0.0.0", &[], &own), ["10.0.0.5"]);
        assert_eq!(offered("::", &[], &own), ["10.0.0.5", "2001:db8::5"]);
    }

    #[test]
    fn loopback_is_offered_when_there_is_nothing_else() {
        assert_eq!(offered("0.0.0.0", &[], &["127.0.0.1"]), ["127.0.0.1"]);
        assert_eq!(offered("127.0.0.1", &[], &["127.0.0.1", "10.0.0.5"]), ["127.0.0.1"]);
        assert!(offered("0.0.0.0", &[], &["::1"]).is_empty());
    }

    #[test]
    fn what_is_advertised_replaces_the_machines_addresses() {
        assert_eq!(
            offered("0.0.0.0", &["198.51.100.7", "198.51.100.7"], &["127.0.0.1", "10.0.0.5"]),
            ["198.51.100.7"]
        );
    }

    #[test]
    fn behind_a_nat_the_advertised_address_stands_for_the_local_one() {
        let bound = SocketAddr::new("0.0.0.0".parse().unwrap(), PORT);
        let addresses = Addresses::new(bound, &ips(&["198.51.100.7"]), ips(&["10.0.0.5"])).unwrap();
        let remote = "203.0.113.9:4000".parse().unwrap();
        assert_eq!(
            addresses.candidate_of(Some("10.0.0.5".parse().unwrap()), remote),
            "198.51.100.7:10000".parse().unwrap()
        );
        assert_eq!(addresses.local_of("198.51.100.7".parse().unwrap()), None);
    }

    #[test]
    fn without_a_nat_the_answer_leaves_from_where_the_datagram_came_to() {
        let bound = SocketAddr::new("0.0.0.0".parse().unwrap(), PORT);
        let addresses = Addresses::new(bound, &[], ips(&["10.0.0.5", "10.1.0.5"])).unwrap();
        let local: IpAddr = "10.1.0.5".parse().unwrap();
        let remote = "203.0.113.9:4000".parse().unwrap();
        assert_eq!(addresses.candidate_of(Some(local), remote).ip(), local);
        assert_eq!(addresses.local_of(local), Some(local));
    }
}
