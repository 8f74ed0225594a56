//! Whose datagram it is: by remote address, or by the ufrag in a STUN binding request's USERNAME.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;

use str0m::crypto::CryptoProvider;
use str0m::ice::StunMessage;

use crate::{credentials, limits};

/// A conference, named as in the URLs of its bridge channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConferenceId(pub(crate) u64);

/// An endpoint of a conference. Never given twice, so what belonged to a former endpoint cannot reach a later one
/// of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(pub(crate) u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) conference: ConferenceId,
    pub(crate) slot: Slot,
}

/// The media thread that a first datagram belongs to: read from the ufrag in a STUN binding request's USERNAME.
/// `None` for anything else, whatever it contains.
pub fn worker_of(payload: &[u8]) -> Option<u8> {
    let message = binding_request(payload)?;
    let (local, _) = message.split_username()?;
    credentials::worker_of_ufrag(local)
}

/// The tables. Bounded by the number of endpoints.
#[derive(Default)]
pub(crate) struct Routes {
    addresses: BTreeMap<SocketAddr, Route>,
    ufrags: BTreeMap<String, Claim>,
    /// the addresses of each endpoint, oldest first
    known: BTreeMap<Route, VecDeque<SocketAddr>>,
}

/// Who answers to a ufrag.
struct Claim {
    route: Route,
    password: String,
}

impl Routes {
    /// A new endpoint. `false`: the ufrag is taken.
    pub(crate) fn claim(&mut self, ufrag: &str, password: &str, route: Route) -> bool {
        if self.ufrags.contains_key(ufrag) {
            return false;
        }
        self.ufrags.insert(ufrag.to_owned(), Claim { route, password: password.to_owned() });
        true
    }

    pub(crate) fn release(&mut self, ufrag: &str, route: Route) {
        self.ufrags.remove(ufrag);
        for address in self.known.remove(&route).into_iter().flatten() {
            if self.addresses.get(&address) == Some(&route) {
                self.addresses.remove(&address);
            }
        }
    }

    /// Whose datagram this is. A binding request goes by its ufrag, is verified first, and then its address is the
    /// endpoint's: so nobody takes over an address that he cannot prove to be his by the endpoint's password.
    pub(crate) fn route(
        &mut self,
        source: SocketAddr,
        payload: &[u8],
        crypto: &CryptoProvider,
    ) -> Option<Route> {
        let Some(request) = binding_request(payload) else { return self.addresses.get(&source).copied() };
        let (local, _) = request.split_username()?;
        let claim = self.ufrags.get(local)?;
        let hmac = |key: &[u8], parts: &[&[u8]]| crypto.sha1_hmac_provider.sha1_hmac(key, parts);
        if !request.verify(claim.password.as_bytes(), hmac) {
            return None;
        }
        let route = claim.route;
        if self.addresses.insert(source, route) != Some(route) {
            self.remember(source, route);
        }
        Some(route)
    }

    /// # Panics
    /// If the tables contradict each other.
    pub(crate) fn check_invariants(&self, endpoints: usize) {
        assert_eq!(self.ufrags.len(), endpoints, "one ufrag per endpoint");
        assert!(self.known.len() <= endpoints, "only endpoints have addresses");
        for (address, route) in &self.addresses {
            assert!(self.known[route].contains(address), "an address is known to whom it leads");
        }
    }

    fn remember(&mut self, address: SocketAddr, route: Route) {
        let known = self.known.entry(route).or_default();
        known.retain(|a| *a != address);
        known.push_back(address);
        if known.len() <= limits::ADDRESSES_PER_ENDPOINT_MAX {
            return;
        }
        let oldest = known.pop_front();
        if let Some(oldest) = oldest.filter(|a| self.addresses.get(a) == Some(&route)) {
            self.addresses.remove(&oldest);
        }
    }
}

/// RFC 7983: the first byte of STUN is 0 to 3.
fn binding_request(payload: &[u8]) -> Option<StunMessage<'_>> {
    if payload.first()? > &3 {
        return None;
    }
    StunMessage::parse(payload).ok().filter(StunMessage::is_binding_request)
}

impl fmt::Display for ConferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addresses, ufrags, .. } = self;
        write!(f, "Routes {{ {} addresses, {} ufrags }}", addresses.len(), ufrags.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use str0m::ice::TransId;

    const PASSWORD: &str = "a password of 22 and more";

    fn route(slot: u32) -> Route {
        Route { conference: ConferenceId(1), slot: Slot(slot) }
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn request(username: &str, password: &str) -> Vec<u8> {
        let crypto = str0m::crypto::from_feature_flags();
        let hmac = |key: &[u8], parts: &[&[u8]]| crypto.sha1_hmac_provider.sha1_hmac(key, parts);
        let message = StunMessage::binding_request(username, TransId::new(), true, 7, 1, false);
        let mut bytes = vec![0; 500];
        let length = message.to_bytes(Some(password.as_bytes()), &mut bytes, hmac).expect("it fits");
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn the_first_datagram_names_the_worker() {
        let ufrag = credentials::Secrets::new([3; 32]).ufrag(17);
        assert_eq!(worker_of(&request(&format!("{ufrag}:their"), PASSWORD)), Some(17));
        assert_eq!(worker_of(&request("!:x", PASSWORD)), None);
    }

    #[test]
    fn garbage_names_nobody() {
        let whole = request("abcd:efgh", PASSWORD);
        for length in 0..whole.len() {
            let _ = worker_of(&whole[..length]);
            let mut flipped = whole.clone();
            flipped[length] ^= 0xff;
            let _ = worker_of(&flipped);
        }
        assert_eq!(worker_of(&[]), None);
        assert_eq!(worker_of(&[0x80; 40]), None);
    }

    #[test]
    fn an_address_is_learned_from_a_verified_request_only() {
        let crypto = str0m::crypto::from_feature_flags();
        let mut routes = Routes::default();
        assert!(routes.claim("AAAA", PASSWORD, route(1)));
        assert!(!routes.claim("AAAA", PASSWORD, route(2)), "taken");
        let data = [0x80; 30];
        assert_eq!(routes.route(address(1), &data, &crypto), None);
        assert_eq!(routes.route(address(1), &request("AAAA:x", "wrong"), &crypto), None);
        assert_eq!(routes.route(address(1), &data, &crypto), None);
        assert_eq!(routes.route(address(1), &request("AAAA:x", PASSWORD), &crypto), Some(route(1)));
        assert_eq!(routes.route(address(1), &data, &crypto), Some(route(1)));
        assert_eq!(routes.route(address(1), &request("BBBB:x", PASSWORD), &crypto), None);
    }

    #[test]
    fn an_address_may_pass_to_another_endpoint_and_survives_the_first_ones_end() {
        let crypto = str0m::crypto::from_feature_flags();
        let mut routes = Routes::default();
        routes.claim("AAAA", PASSWORD, route(1));
        routes.claim("BBBB", PASSWORD, route(2));
        routes.route(address(1), &request("AAAA:x", PASSWORD), &crypto);
        routes.route(address(1), &request("BBBB:x", PASSWORD), &crypto);
        routes.release("AAAA", route(1));
        assert_eq!(routes.route(address(1), &[0x80], &crypto), Some(route(2)));
        routes.release("BBBB", route(2));
        assert!(routes.addresses.is_empty() && routes.ufrags.is_empty() && routes.known.is_empty());
    }

    #[test]
    fn the_addresses_of_an_endpoint_are_bounded() {
        let crypto = str0m::crypto::from_feature_flags();
        let mut routes = Routes::default();
        routes.claim("AAAA", PASSWORD, route(1));
        for port in 1..=100 {
            routes.route(address(port), &request("AAAA:x", PASSWORD), &crypto);
        }
        assert_eq!(routes.addresses.len(), limits::ADDRESSES_PER_ENDPOINT_MAX);
        assert_eq!(routes.route(address(1), &[0x80], &crypto), None);
        assert_eq!(routes.route(address(100), &[0x80], &crypto), Some(route(1)));
    }
}
