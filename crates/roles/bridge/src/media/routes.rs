//! Which media thread owns a remote address.
//!
//! All threads' sockets share one port, and the kernel spreads datagrams over them by the remote address: it does
//! not know which thread holds the endpoint. A STUN binding request says it (the ufrag names the thread); the
//! thread that accepts one makes the address known to the socket where it came in.

#![expect(clippy::disallowed_types, reason = "one lookup for each datagram, and nothing iterates")]

use std::collections::HashMap;
use std::mem;
use std::net::SocketAddr;

/// Remote addresses and their threads, in two generations: when the young one is full it becomes the old one, and
/// what nobody asked for since is forgotten. Only addresses that a thread has accepted get in, so a flood from
/// forged addresses displaces nobody.
#[derive(Debug)]
pub(crate) struct Routes {
    young: HashMap<SocketAddr, u8>,
    old: HashMap<SocketAddr, u8>,
    generation_max: usize,
}

impl Routes {
    /// At most twice `generation_max` addresses.
    pub(crate) fn new(generation_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation_max }
    }

    pub(crate) fn owner(&mut self, source: SocketAddr) -> Option<u8> {
        if let Some(worker) = self.young.get(&source) {
            return Some(*worker);
        }
        let worker = self.old.remove(&source)?;
        self.learn(source, worker);
        Some(worker)
    }

    pub(crate) fn learn(&mut self, source: SocketAddr, worker: u8) {
        if self.young.len() >= self.generation_max && !self.young.contains_key(&source) {
            self.old = mem::take(&mut self.young);
        }
        self.old.remove(&source);
        self.young.insert(source, worker);
    }

    /// The owner has no endpoint at this address any more.
    pub(crate) fn forget(&mut self, source: SocketAddr, worker: u8) {
        for generation in [&mut self.young, &mut self.old] {
            if generation.get(&source) == Some(&worker) {
                generation.remove(&source);
            }
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(n: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], n))
    }

    #[test]
    fn an_address_has_the_owner_last_learned() {
        let mut routes = Routes::new(4);
        assert_eq!(routes.owner(remote(1)), None);
        routes.learn(remote(1), 0);
        routes.learn(remote(1), 3);
        assert_eq!(routes.owner(remote(1)), Some(3));
    }

    #[test]
    fn addresses_in_use_survive_generations_and_others_do_not() {
        let mut routes = Routes::new(4);
        routes.learn(remote(0), 1);
        for n in 1..40 {
            routes.learn(remote(n), 0);
            assert_eq!(routes.owner(remote(0)), Some(1), "after {n}");
            assert!(routes.len() <= 8);
        }
        assert_eq!(routes.owner(remote(1)), None);
    }

    #[test]
    fn forgetting_names_the_owner_that_refused() {
        let mut routes = Routes::new(4);
        routes.learn(remote(1), 2);
        routes.forget(remote(1), 0);
        assert_eq!(routes.owner(remote(1)), Some(2));
        routes.forget(remote(1), 2);
        assert_eq!(routes.owner(remote(1)), None);
    }
}
