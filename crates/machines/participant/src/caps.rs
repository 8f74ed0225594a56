//! What the client can (XEP-0030, XEP-0115): what the focus makes its offer by.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest as _, Sha1};
use xmpp::{Element, disco, elem, ns};

/// COMPAT: what lib-jitsi-meet announces in Chromium with the default configuration; no identity.
const FEATURES: [&str; 14] = [
    "http://jabber.org/protocol/caps",
    "http://jitsi.org/json-encoded-sources",
    "http://jitsi.org/receive-multiple-video-streams",
    "http://jitsi.org/source-name",
    "http://jitsi.org/start-muted-room-metadata",
    "http://jitsi.org/tcc",
    "http://jitsi.org/visitors-1",
    "urn:ietf:rfc:4588",
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:video",
    "urn:xmpp:jingle:transports:dtls-sctp:1",
    "urn:xmpp:jingle:transports:ice-udp:1",
];

const NODE: &str = "https://jitsi.org/jitsi-meet";

/// The answer to a question for them, which names the node that was asked for.
pub(crate) fn info(node: Option<&str>) -> Element {
    disco::info(node, FEATURES.map(disco::feature))
}

/// `<c/>` of a presence, with the hash of XEP-0115 section 5.1.
pub(crate) fn presence() -> Element {
    let listed: String = FEATURES.iter().flat_map(|feature| [feature, "<"]).collect();
    let hash = BASE64_STANDARD.encode(Sha1::digest(listed.as_bytes()));
    elem("c", ns::CAPS).attr("hash", "sha-1").attr("node", NODE).attr("ver", hash).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_over_a_sorted_list() {
        assert!(FEATURES.is_sorted());
        assert_eq!(presence().attr("ver").map(str::len), Some(28));
        assert_eq!(info(Some("n")).children().count(), FEATURES.len());
    }
}
